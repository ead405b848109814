#!/bin/sh
# Says how much of the library has been run by the tests of the build in $B, which
# counts (`make coverage`): by floor and in all, and each line that never was.
#
#   B=build/coverage tests/coverage.sh

cd "$(dirname "$0")/.." || exit
: "${B:=build/coverage}"

# gcov repeats the lines of headers for each file that includes them: a line was run if
# it was anywhere.
find "$B/obj/src" -name '*.gcda' | sort | xargs gcov -t -r 2>/dev/null | awk '
    /^ *-: *0:Source:/ {
        file = $0
        sub(/.*Source:/, "", file)
        next
    }
    {
        count = $0
        sub(/:.*/, "", count)
        gsub(/[ *]/, "", count)
        if (count !~ /^([0-9]+|#+|=+)$/)
            next
        text = $0
        sub(/^[^:]*: */, "", text)
        place = text
        sub(/:.*/, "", place)
        place = file ":" place
        if (!(place in run)) {
            order[++lines] = place
            run[place] = 0
        }
        if (count ~ /[0-9]/ && count > 0)
            run[place] = 1
        sub(/^[^:]*: */, "", text)
        source[place] = text
    }
    END {
        for (i = 1; i <= lines; i++) {
            place = order[i]
            split(place, path, "/")
            all[path[2]]++
            if (run[place])
                continue
            never[path[2]]++
            print place ": " source[place]
        }
        split("api base net client link proto route", floor, " ")
        print ""
        for (i = 1; i in floor; i++) {
            name = floor[i]
            printf "src/%-7s %5d lines, %4d never run, %6.2f %% run\n", name, all[name],
                never[name], 100 - 100 * never[name] / all[name]
            missed += never[name]
        }
        printf "%-10s %5d lines, %4d never run, %6.2f %% run\n", "all", lines, missed,
            100 - 100 * missed / lines
        few = 10 * missed > lines
        for (i = 4; i <= 7; i++)
            few = few || 20 * never[floor[i]] > all[floor[i]]
        if (few)
            print "too few: 95 % of client, link, proto and route each, and 90 % in all, must be run"
        exit few
    }'
