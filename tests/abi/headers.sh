#!/bin/sh
# Checks that the public headers compile without a warning in old and new C and
# C++, each alone and twice.

cd "$(dirname "$0")/../.." || exit
failed=0

# Compiles with $1, as language $2 and standard $3, header $4 with the flags $5.
try() {
    # shellcheck disable=SC2086 # the flags are many
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" |
        "$1" -x "$2" -std="$3" -Iinclude -Wall -Wextra -Werror -pedantic-errors $5 -fsyntax-only - && return
    echo "$1 -std=$3 fails with $4"
    failed=1
}

for standard in c99 c11 c17 gnu99; do try "${CC:-cc}" c $standard omcache.h; done
for standard in c++11 c++17 gnu++17; do try "${CXX:-c++}" c++ $standard omcache.h; done

# The loops' own headers need features of POSIX, and are not ours to judge.
flags="-D_GNU_SOURCE $(pkg-config --cflags glib-2.0 | sed 's/-I/-isystem /g')" || exit
for header in include/omcache/*.h; do
    for standard in c99 c11 c17; do try "${CC:-cc}" c $standard "${header#include/}" "$flags"; done
    for standard in c++11 c++17; do try "${CXX:-c++}" c++ $standard "${header#include/}" "$flags"; done
done

# Those in libmemcached's place are compiled into programs with warnings of their own; and
# C++98 has no `long long`, as the C library's headers know.
flags='-Wunused -Wshadow -Wconversion'
for header in include/omcache_libmemcached.h include/omcache/libmemcached/*.h; do
    for standard in c99 gnu99 c17; do try "${CC:-cc}" c $standard "${header#include/}" "$flags"; done
    for standard in c++11 c++17; do try "${CXX:-c++}" c++ $standard "${header#include/}" "$flags"; done
    try "${CXX:-c++}" c++ gnu++98 "${header#include/}" "$flags -Wno-long-long"
done
flags="$flags -DMEMCACHED_WRITE_TIMEOUT=20"
for standard in c99 c17; do try "${CC:-cc}" c $standard omcache_libmemcached.h "$flags"; done
for standard in c++11 c++17; do try "${CXX:-c++}" c++ $standard omcache_libmemcached.h "$flags"; done
exit $failed
