#!/bin/sh
# Checks that a name says one thing: no two types and no two functions of the library
# have the same, static ones included; and that below the floors which know the handle
# nothing names omcache_t.  What has a second implementation, as an interface that is a
# header without a source of its name, may be there twice.
#
#   tests/lint/names.sh [root]     the tree to look at, this one by default

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}" || exit
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# The functions that such headers declare.
for header in src/*/*.h; do
    [ -f "${header%.h}.c" ] ||
        sed -n 's/^[a-z].*[ *]\(omc_[a-z0-9_]*\)(.*/\1/p' "$header"
done | sort -u >"$found"
interfaces=$(tr '\n' ' ' <"$found")

# With the project's format a function's brace stands alone in column one, and the line
# that begins its head is the last one before that began there.
# shellcheck disable=SC2016 # the dollars are for awk
find src -name '*.[ch]' | sort | xargs awk -v interfaces=" $interfaces" '
    function note(kind, name,    key, file) {
        key = kind " " name
        file = FILENAME
        sub(/\.[ch]$/, "", file)
        if (key in first && first[key] != file)
            print FILENAME ": " key " is also in " first[key]
        first[key] = file
    }
    /^(struct|enum|union) [a-z0-9_]+ \{/ {
        note("the type", $2)
    }
    /^(static |inline )*[a-z].*\(/ {
        name = $0
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
    }
    /^\{$/ && name != "" {
        if (index(interfaces, " " name " ") == 0)
            note("the function", name)
        name = ""
    }' >"$found"

for floor in link proto net route base; do
    [ ! -d "src/$floor" ] ||
        grep -l '\<omcache_t\>' "src/$floor"/*.[ch] | sed 's/$/: names omcache_t, which it cannot know/' >>"$found"
done

cat "$found"
[ ! -s "$found" ]
