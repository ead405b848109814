#!/bin/sh
# Checks that a file of src has at most 500 lines and a function at most 80, and
# shows how the sizes are spread over the floors.

cd "$(dirname "$0")/../.." || exit

# With the project's format a function's braces, and no others, stand alone in
# column one; its first line is the one above.
# shellcheck disable=SC2016 # the dollars are for awk
find src -name '*.[ch]' | sort | xargs awk '
    FNR == 1 {
        split(FILENAME, path, "/")
        files[path[2]]++
    }
    {
        lines[path[2]]++
        size[FILENAME]++
    }
    /^{$/ {
        start = FNR - 1
        name = previous
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
    }
    /^}$/ && start {
        length_of[++functions] = FNR - start + 1
        if (FNR - start + 1 > longest) {
            longest = FNR - start + 1
            where = name " in " FILENAME
        }
        if (FNR - start + 1 > 80)
            wrong[++wrongs] = FILENAME ": " name " has " FNR - start + 1 " lines, more than 80"
        start = 0
    }
    /^[a-z].*\(/ {
        previous = $0
    }
    END {
        for (file in size)
            if (size[file] > 500)
                wrong[++wrongs] = file ": " size[file] " lines, more than 500"
        for (floor in lines) {
            printf "src/%-6s %4d lines in %2d files\n", floor, lines[floor], files[floor]
            all += lines[floor]
        }
        # The median: the length that half of the functions do not exceed.
        for (median = 1; median < longest && 2 * shorter < functions; median++) {
            shorter = 0
            for (i = 1; i <= functions; i++)
                shorter += length_of[i] <= median
        }
        printf "%d lines, %d functions of %d lines in the median\n", all, functions, median - 1
        printf "longest: %d lines, %s\n", longest, where
        for (i = 1; i <= wrongs; i++)
            print wrong[i]
        exit wrongs > 0
    }'
