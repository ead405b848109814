#!/bin/sh
# Runs tests, several at a time, and sums up what they say.
#
#   tests/run.sh unit/test_ring abi/symbols.sh ...
#
# A program may be named with a protocol (live/test_get@meta), which its clients speak
# then.  A program is a Check program: it is found below $B/tests and counts as the
# checks in the summary that it prints; a line "skipped CHECK: WHY" says which of
# them could not be made.  A script (*.sh) is found below tests and counts as one:
# exit code 0 is passed, 77 skipped, anything else failed.  A Python program (*.py) is also
# found below tests, and counts as the tests in unittest's summary.  Either may take
# $TIMEOUT seconds, and may exit with 77 if something is not installed; in CI,
# where everything is, that is a failure.
#
# The last line of the output is "N passed, N failed, N skipped".

cd "$(dirname "$0")/.." || exit
# Some do little but wait: one more than there are processors.
: "${B:=build}" "${JOBS:=$(($(nproc) + 1))}" "${TIMEOUT:=120}"
export B TIMEOUT

# The path for what test $1 leaves behind: add .log or .result.
left() {
    set -- "${1%.sh}"
    echo "$B/tests/${1%.py}${TAG:+.$TAG}"
}

# Reads the log of a Check program that ended with code $1 and prints "passed
# failed skipped note".
judge_program() {
    awk -v code="$1" '
        /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
            gsub(/[^0-9 ]/, "")
            checks += $2
            failed += $3 + $4
            seen = 1
        }
        /^skipped / {
            skipped++
            note = $0
        }
        END {
            passed = checks - failed - skipped
            if (failed)
                note = failed " failed"
            if (!seen)
                note = "ended without a summary"
            else if (!checks)
                note = "ran no checks"
            else if (code && !failed)
                note = "passed its checks"
            else
                fine = 1
            if (!fine) {
                failed++
                note = note ", exit code " code
            }
            print passed + 0, failed + 0, skipped + 0, note
        }'
}

# The same for a Python program: "Ran 9 tests in 1.0s", "FAILED (failures=1, skipped=2)".
judge_python() {
    awk -v code="$1" '
        /^Ran [0-9]+ tests? in / {
            checks = $2
            seen = 1
        }
        /^(OK|FAILED)( \(.*\))?$/ {
            gsub(/[()=,]/, " ")
            for (i = 2; i < NF; i += 2) {
                if ($i == "skipped")
                    skipped = $(i + 1)
                else
                    failed += $(i + 1)
            }
        }
        /^skipped / {
            note = $0
        }
        END {
            if (failed)
                note = failed " failed"
            if (!seen || !checks || code && !failed) {
                failed++
                note = "ended without a good summary, exit code " code
            }
            passed = checks - failed - skipped
            print passed < 0 ? 0 : passed, failed + 0, skipped + 0, note
        }'
}

# Runs test $1 and prints a line about it.  Its .result file gets three numbers
# and a remark: passed failed skipped note.
run_one() {
    test=$1
    log=$(left "$test").log
    mkdir -p "$(dirname "$log")"
    case $test in
    *.sh) set -- "tests/$test" ;;
    *.py) set -- env PYTHONPATH="$B/python" PYTHONDONTWRITEBYTECODE=1 \
        "${PYTHON:-/usr/bin/python3}" "tests/$test" ;;
    *@*) # shellcheck disable=SC2086 # WRAP is a command with arguments
        set -- env PROTOCOL="${test#*@}" $WRAP "$B/tests/${test%@*}"
        ;;
    *) # shellcheck disable=SC2086
        set -- $WRAP "$B/tests/$test"
        ;;
    esac
    start=$(date +%s%N)
    timeout -k 5 "$TIMEOUT" "$@" </dev/null >"$log" 2>&1
    code=$?
    msec=$((($(date +%s%N) - start) / 1000000))

    passed=0 failed=0 skipped=0 note=
    case $code:$test in
    77:*)
        note="skipped: $(tail -n 1 "$log")"
        if [ "$CI" = true ]; then failed=1; else skipped=1; fi
        ;;
    124:* | 137:*) failed=1 note="took longer than $TIMEOUT s" ;;
    0:*.sh) passed=1 ;;
    *.sh) failed=1 note="exit code $code" ;;
    *.py) read -r passed failed skipped note <<end
$(judge_python "$code" <"$log")
end
        ;;
    *) read -r passed failed skipped note <<end
$(judge_program "$code" <"$log")
end
        ;;
    esac

    word=ok
    [ "$skipped" -gt 0 ] && word=skip
    [ "$failed" -gt 0 ] && word=FAILED
    echo "$passed $failed $skipped $note" >"$(left "$test").result"
    printf '%-6s %-38s %4d passed  %3d.%03d s  %s\n' "$word" "$test" "$passed" \
        $((msec / 1000)) $((msec % 1000)) "$note"
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit
fi

for t; do rm -f "$(left "$t").result"; done
printf '%s\n' "$@" | xargs -P "$JOBS" -I '{}' "$0" --one '{}'

# A test without a result is one that the runner could not run.
passed=0 failed=0 skipped=0
for t; do
    p=0 f=1 s=0 note='was not run'
    [ -f "$(left "$t").result" ] && read -r p f s note <"$(left "$t").result"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$f" -gt 0 ]; then
        printf '\n=== %s: %s (%s)\n' "$t" "$note" "$(left "$t").log"
        cat "$(left "$t").log"
    fi
done

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
