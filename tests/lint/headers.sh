#!/bin/sh
# Checks that each header of src can be compiled by itself: it includes what it
# uses.

cd "$(dirname "$0")/../.." || exit
failed=0
for header in src/*/*.h; do
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -Wall -Wextra -Werror -fsyntax-only \
        -include "$header" -x c /dev/null || failed=1
done
exit $failed
