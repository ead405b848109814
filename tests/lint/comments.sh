#!/bin/sh
# Checks the comments that must be there: above each function and object of the
# public headers, and what programs use of the adapters, one that says since when it is there and what it returns, and
# at the top of each file what the file is for.  Checks that no public header says how
# things are "for now": that is forgotten when they change.

cd "$(dirname "$0")/../.." || exit
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# Declarations begin in column one, and the comment ends in the line before.
find include -name '*.h' -exec awk '
    FNR == 1 {
        comment = ""
        inside = 0
    }
    /^\/\*/ {
        comment = ""
        inside = 1
    }
    inside {
        sub(/^ \* /, "")
        comment = comment " " $0
        if (/\*\//)
            inside = 0
        next
    }
    /^(typedef|struct [a-z_]* {|static inline)/ && !/_(attach|detach)\(/ {
        comment = ""
        next
    }
    /^[a-z].*omcache_[a-z0-9_]+(\(|;)/ {
        match($0, /omcache_[a-z0-9_]+[(;]/)
        name = substr($0, RSTART, RLENGTH - 1)
        where = FILENAME ":" FNR ": " name
        if (comment == "")
            print where " has no comment above it"
        else if (comment !~ /Since [0-9]+\.[0-9]/)
            print where ": the comment does not say since when it is there"
        else if (/^int / && comment !~ /[Rr]eturns|same as omcache_/)
            print where ": the comment does not say what it returns"
    }
    {
        comment = ""
    }' {} + >"$found"

grep -rniwE 'for now|so far' include >>"$found"

for file in include/*.h include/*/*.h src/*/*.[ch] tests/*/*.[ch] bench/*.c bench/*/*.[ch] examples/*.c; do
    [ -f "$file" ] || continue
    awk '
        FNR == 1 && !/^\/\*/ { exit }
        { text = text $0 }
        /\*\// { exit }
        END {
            gsub(/SPDX-License-Identifier: [^ ]*|[^A-Za-z]/, "", text)
            if (text == "")
                print FILENAME ": does not begin with a comment that says what it is for"
        }' "$file" >>"$found"
done

cat "$found"
[ ! -s "$found" ]
