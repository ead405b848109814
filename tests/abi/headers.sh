#!/bin/sh
# Checks that the public header compiles without a warning in old and new C and
# C++, alone and twice.

cd "$(dirname "$0")/../.." || exit
failed=0

# Compiles with $1, as language $2 and standard $3.
try() {
    printf '#include <omcache.h>\n#include <omcache.h>\n' |
        "$1" -x "$2" -std="$3" -Iinclude -Wall -Wextra -Werror -pedantic-errors -fsyntax-only - && return
    echo "$1 -std=$3 fails"
    failed=1
}

for standard in c99 c11 c17 gnu99; do try "${CC:-cc}" c $standard; done
for standard in c++11 c++17 gnu++17; do try "${CXX:-c++}" c++ $standard; done
exit $failed
