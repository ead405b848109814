#!/bin/sh
# Installs the library and its Python modules into a scratch folder, uses them from
# there, and uninstalls them, which has to leave nothing; and builds the modules as pip does.

set -e
cd "$(dirname "$0")/../.."
build=${B:-build}
python=${PYTHON:-/usr/bin/python3}
scratch=$(mktemp -d "$(cd "$build" && pwd)/install-python.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "$@"
    exit 1
}

# The files below $1.
list() {
    (cd "$1" && find . ! -type d | LC_ALL=C sort)
}

# What must be there.
expected() {
    {
        (cd python && find omcache omcache_*.py -name '*.py') | sed 's|^|./|'
        echo ./omcache/py.typed
        echo ./omcache/_omcache.abi3.so
    } | LC_ALL=C sort
}

# Imports everything from folder $1, and sees that it is all of one version.
try() {
    # From elsewhere: what lies in the current folder would be found first.
    (cd / && PYTHONPATH=$1 "$python" -c "
import omcache, omcache.aio, omcache_pylibmc, sys
assert omcache.__file__.startswith(sys.argv[1]), omcache.__file__
assert omcache.__version__ == sys.argv[2], omcache.__version__
with omcache.Client('', timeout=1) as mc:
    try:
        mc.get('key')
    except omcache.NoServersError as error:
        print('It works:', error)
" "$1" "$version") || fail "what is in $1 does not work"
}

echo '--- A prefix of its own'
prefix=$scratch/prefix
make B="$build" install install-python PREFIX="$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
version=$(pkg-config --modversion omcache)
modules=$(dirname "$(find "$prefix" -name omcache_pylibmc.py)")
[ "$(list "$modules")" = "$(expected)" ] || fail "installed:" "$(list "$modules")"
try "$modules"

echo '--- With setuptools, for the installed library'
cp -r python "$scratch/source"
(cd "$scratch/source" && LDFLAGS="-Wl,-rpath,$prefix/lib" "$python" setup.py -q build --build-lib "$scratch/built")
[ "$(list "$scratch/built")" = "$(expected)" ] || fail "built:" "$(list "$scratch/built")"
try "$scratch/built"

make B="$build" uninstall uninstall-python PREFIX="$prefix"
[ -z "$(list "$prefix")" ] || fail "left behind:" "$(list "$prefix")"

echo '--- As a distribution packages it'
stage=$scratch/stage
set -- DESTDIR="$stage" PREFIX=/usr pythondir=/usr/lib/python3/dist-packages pyrpath=
make B="$build" install-python "$@"
modules=$stage/usr/lib/python3/dist-packages
[ "$(list "$stage")" = "$(expected | sed 's|^\.|./usr/lib/python3/dist-packages|')" ] ||
    fail "installed:" "$(list "$stage")"
if readelf -d "$modules/omcache/_omcache.abi3.so" | grep -i 'rpath\|runpath'; then
    fail 'it looks for the library where it was built'
fi
make B="$build" uninstall-python "$@"
[ -z "$(list "$stage")" ] || fail "left behind:" "$(list "$stage")"
