#!/bin/sh
# Installs the library into scratch folders, uses it from there as a stranger
# would, through pkg-config, and uninstalls it, which has to leave nothing.

set -e
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d "$(cd "${B:-build}" && pwd)/install.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# Runs make with what is given; $B, CC and the like come from the environment.
run_make() {
    make B="${B:-build}" "$@"
}

fail() {
    echo "$@"
    exit 1
}

# The files and links below $1.
list() {
    (cd "$1" && find . ! -type d | LC_ALL=C sort)
}

# What must be there, with libraries in $1 and headers in $2.
expected() {
    {
        for file in libomcache.a libomcache.so libomcache.so.0 pkgconfig/omcache.pc; do
            echo "./$1/$file"
        done
        (cd include && find . -name '*.h') | sed "s|^\./|./$2/|"
    } | LC_ALL=C sort
}

# Builds the client with compiler command $1 and pkg-config's flags $2, runs it.
client() {
    # shellcheck disable=SC2046,SC2086 # these are many words
    $1 -Wall -Wextra -Werror tests/install/client.c -o "$scratch/client" \
        $(pkg-config --cflags --libs $2 omcache) || fail "$1 with pkg-config $2 does not compile"
    LD_LIBRARY_PATH=$prefix/lib "$scratch/client" || fail "$1 with pkg-config $2 does not run"
    echo "$1 with pkg-config ${2:---shared} works"
}

echo '--- A prefix of its own'
prefix=$scratch/prefix
run_make install PREFIX="$prefix"
[ "$(list "$prefix")" = "$(expected lib include)" ] || fail "installed:" "$(list "$prefix")"

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
echo "Version $(pkg-config --modversion omcache)"
client "${CC:-cc} -std=c11"
client "${CXX:-c++} -std=c++11 -x c++"
client "${CC:-cc} -std=c11 -static" --static
client "${CXX:-c++} -std=c++11 -static -x c++" --static

run_make uninstall PREFIX="$prefix"
[ -z "$(list "$prefix")" ] || fail "left behind:" "$(list "$prefix")"

echo '--- As a distribution packages it'
stage=$scratch/stage
multiarch=usr/lib/x86_64-linux-gnu
set -- DESTDIR="$stage" PREFIX=/usr libdir=/$multiarch includedir=/usr/include/om
run_make install "$@"
[ "$(list "$stage")" = "$(expected $multiarch usr/include/om)" ] || fail "installed:" "$(list "$stage")"
cat "$stage/$multiarch/pkgconfig/omcache.pc"
grep -rq "$scratch" "$stage/$multiarch/pkgconfig" && fail 'the .pc file names DESTDIR'
grep -qx "libdir=/$multiarch" "$stage/$multiarch/pkgconfig/omcache.pc" || fail 'wrong libdir'

run_make uninstall "$@"
[ -z "$(list "$stage")" ] || fail "left behind:" "$(list "$stage")"
