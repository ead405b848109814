#!/bin/sh
# Runs the tests of failing servers again and again: they depend on time, so that
# passing once proves little.  Not a part of `make check`.
#
#   tests/soak/failover.sh RUNS [busy]
#
# With "busy" two loops keep two processors busy beside them.  The programs are those
# below $B, made by `make all check` before.  Says how many runs passed, and
# fails if one did not; the logs of that run are kept in $B/soak.

cd "$(dirname "$0")/../.." || exit
: "${B:=build}"
export B TAG=soak JOBS="${JOBS:-3}"

case $# in
1 | 2) ;;
*)
    sed -n '/^#   /s/^# *//p' "$0"
    exit 2
    ;;
esac
runs=$1

programs=
for name in failover failing_killed failing_recovery; do
    if [ ! -x "$B/tests/live/test_$name" ]; then
        echo "$B/tests/live/test_$name is not there: make B=$B check TESTS=live/test_$name" >&2
        exit 2
    fi
    programs="$programs live/test_$name"
done

loops=
stop_loops() {
    # shellcheck disable=SC2086 # pids
    [ -z "$loops" ] || kill $loops 2>/dev/null
    loops=
}
trap stop_loops EXIT
trap 'exit 130' INT TERM HUP

if [ "${2:-}" = busy ]; then
    for _ in 1 2; do
        (while :; do :; done) &
        loops="$loops $!"
    done
fi

passed=0
run=0
while [ "$run" -lt "$runs" ]; do
    run=$((run + 1))
    # shellcheck disable=SC2086 # a list of tests
    if out=$(tests/run.sh $programs 2>&1); then
        passed=$((passed + 1))
        continue
    fi
    mkdir -p "$B/soak"
    echo "run $run:"
    echo "$out"
    for program in $programs; do
        cp "$B/tests/$program.soak.log" "$B/soak/run-$run-${program##*/}.log"
    done
done
echo "$passed of $runs runs passed${2:+ ($2)}"
[ "$passed" -eq "$runs" ]
