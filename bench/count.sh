#!/bin/sh
# Counts what each part of a bench program takes, and has the program report it.
#
#   bench/count.sh MEASURE PROGRAM      MEASURE is "instructions", which callgrind
#                                       counts, or "system calls", which strace does
#
# A part is done $FEW times and $MANY times, and the difference is what counts: so
# all that a program does only once does not.  The system calls of each part are
# listed, too.
#
# $CALLGRIND has options for callgrind that say what is counted, in place of those below.

measure=$1
program=$2
[ "$measure" = instructions ] && : "${MANY:=5}" # valgrind is slow
: "${FEW:=2}" "${MANY:=22}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Not every valgrind can read what clang writes for debuggers.
strip -g -o "$work/program" "$program" || exit

# Where a program says what the work is, only that is counted: making a client of 10,000 servers
# takes more than asking two of them, and not always the same.
counted=
nm "$program" | grep -q ' do_part' && counted='--toggle-collect=do_part*'

# These do PART TIMES times, and print lines: what, number.
count_instructions() {
    # shellcheck disable=SC2086 # options
    valgrind --tool=callgrind --callgrind-out-file=/dev/null ${CALLGRIND:-$counted} "$work/program" run "$1" "$2" \
        >"$work/log" 2>&1 &&
        sed -n 's/^==.*Collected : *\([0-9]*\).*/all \1/p' "$work/log" | grep .
}

# memcached is a child, and children are not traced.
count_system_calls() {
    strace -qq -c -o "$work/calls" "$work/program" run "$1" "$2" >"$work/log" 2>&1 &&
        awk '$1 ~ /^[0-9.]+$/ { print $NF == "total" ? "all" : $NF, $4 }' "$work/calls" | grep .
}

# count PART TIMES: the same, or ends the script.
count() {
    case $measure in
    instructions) count_instructions "$@" ;;
    *) count_system_calls "$@" ;;
    esac && return
    echo "could not count the $measure of $1 in $program:" >&2
    cat "$work/log" >&2
    exit 1
}

# difference PART: lines again, the most frequent first; all of them together at the top.
difference() {
    count "$1" "$FEW" >"$work/few" || exit
    count "$1" "$MANY" >"$work/many" || exit
    awk -v times=$((MANY - FEW)) '
        NR == FNR { few[$1] = $2; next }
        $2 > few[$1] { print $1, ($2 - few[$1]) / times }' "$work/few" "$work/many" |
        sort -k2,2rn -k1,1
}

"$program" parts "$measure" >"$work/parts" || exit
while read -r part; do
    difference "$part" </dev/null >"$work/said" || exit
    # In one line: the calls and their number.
    [ "$measure" = instructions ] ||
        awk -v part="$part" '$1 != "all" { line = line " " $1 " " $2 }
            END { print part ":" line }' "$work/said" >>"$work/details"
    # What takes no more when it is done more often cannot be told from chance.
    echo "$part=$(awk '$1 == "all" { found = $2 } END { print found ? found : "nan" }' "$work/said")" >>"$work/figures"
done <"$work/parts"
[ -s "$work/figures" ] || exit 0

xargs -d '\n' "$program" report "$measure" <"$work/figures"
if [ -s "$work/details" ]; then
    printf '\nSystem calls, doing a part once\n'
    sed 's/^/  /' "$work/details"
fi
