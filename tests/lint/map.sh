#!/bin/sh
# Checks that tests/README.md names each file of tests/live, each header of
# tests/support and each folder, and no test of tests/live that is gone.
cd "$(dirname "$0")/../.." || exit

bad=0
say() {
    echo "tests/README.md: $1"
    bad=1
}

for path in tests/live/test_*.c tests/support/*.h tests/*/; do
    name=$(basename "$path" .c)
    grep -qF "\`$name\`" tests/README.md || say "$path has no line"
done
names=$(sed -n '/^## tests\/live/,/^## tests\/support/s/`/\n/gp' tests/README.md | grep '^test_')
for name in $names; do
    [ -f "tests/live/$name.c" ] || say "tests/live/$name.c is not there"
done
exit $bad
