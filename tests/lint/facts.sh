#!/bin/sh
# Every fact about the classic API (tests/facts/*.txt) names tests that exist.
# A line is: number, blank, tests separated by commas (file:name), blank, the fact.
set -eu
cd "$(dirname "$0")/../.."

bad=0
for list in tests/facts/*.txt; do
    while read -r number tests fact; do
        case $number in '' | '#'*) continue ;; esac
        [ -n "$fact" ] || { echo "$list: $number says nothing"; bad=1; }
        for test in $(echo "$tests" | tr ',' ' '); do
            file=tests/${test%%:*}.c
            grep -qE "(START_TEST|KEY_TEST)\(${test#*:}\)" "$file" 2>/dev/null || {
                echo "$list: $number names $test, which is not there"
                bad=1
            }
        done
    done <"$list"
done
exit $bad
