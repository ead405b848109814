#!/bin/sh
# Counts the instructions that each part of a bench program takes, and has the
# program report them.
#
#   bench/instructions.sh PROGRAM
#
# A part is done $FEW times and $MANY times, and the difference is what counts: so
# all that a program does only once does not.

program=$1
: "${FEW:=2}" "${MANY:=5}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Not every valgrind can read what clang writes for debuggers.
strip -o "$work/program" "$program" || exit

# count PART TIMES: prints a number, or ends the script.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/program" run "$1" "$2" \
        >"$work/log" 2>&1 &&
        sed -n 's/^==.*Collected : *\([0-9]*\).*/\1/p' "$work/log" | grep . && return
    echo "valgrind did not count $1 of $program:" >&2
    cat "$work/log" >&2
    exit 1
}

figures=
for part in $("$program" parts); do
    few=$(count "$part" "$FEW") || exit
    many=$(count "$part" "$MANY") || exit
    figures="$figures $(((many - few) / (MANY - FEW)))"
done

echo "Instructions, counted by callgrind"
# shellcheck disable=SC2086 # the figures are many
"$program" report instructions $figures
