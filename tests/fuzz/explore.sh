#!/bin/bash
# Explores fuzz targets with libFuzzer, which `make fuzz` has built in $B/fuzz.
#
#   tests/fuzz/explore.sh run NAME TIME   looks for inputs that fail, so many seconds
#   tests/fuzz/explore.sh keep NAME       makes the pack anew from what was found
#
# FUZZ_SEED=n begins with the same random numbers each time; without it they are others.
# What was found so far lies in $B/fuzz/corpus/NAME and is gone on from.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${B:=build}"

name=$2
program=$B/fuzz/tests/fuzz/$name
corpus=$B/fuzz/corpus/$name
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1

# Prints a file as a line of a pack.
line_of() {
    od -An -v -tx1 "$1" | tr -d ' \n'
    echo
}

run() {
    local failed=$B/fuzz/failed/$name- code=0
    mkdir -p "$corpus" "$B/fuzz/failed"
    "$B/tests/fuzz/$name" unpack "$corpus"
    "$program" -max_total_time="$1" -seed="${FUZZ_SEED:-0}" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$failed" -print_final_stats=1 "$corpus" >"$corpus.log" 2>&1 || code=$?
    awk -v name="$name" '
        /cov: / { line = $0; sub(/.*cov: /, "", line); split(line, word, " ") }
        /^stat::number_of_executed_units/ { executed = $2 }
        /^stat::average_exec_per_sec/ { speed = $2 }
        END {
            printf "%-16s %10d executions, %6d a second, %5d edges seen\n", name, executed, speed,
                word[1]
        }' "$corpus.log"
    [ $code = 0 ] && return
    tail -n 60 "$corpus.log"
    for input in "$failed"*; do
        [ -f "$input" ] || continue
        echo "$input: once mended, this line belongs into tests/fuzz/failed/$name:"
        line_of "$input"
    done
    return $code
}

keep() {
    local least
    least=$(mktemp -d)
    "$program" -merge=1 -use_counters=0 -max_len=4096 "$least" "$corpus" >"$corpus.log" 2>&1
    for input in "$least"/*; do
        line_of "$input"
    done | awk '{ print length($0), $0 }' | sort -n -k1,1 -k2 | cut -d' ' -f2 \
        >"tests/fuzz/corpus/$name"
    rm -r "$least"
    wc -l "tests/fuzz/corpus/$name"
}

case $1 in
run) run "$3" ;;
keep) keep ;;
esac
