#!/bin/sh
# Checks who includes whom: the arrows between the floors of doc/design.md, what
# the public headers may include, and that includes make no cycle.
#
#   tests/lint/arrows.sh [root]     the tree to look at, this one by default

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}" || exit
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# One line for each include: the file, what it includes, with its quotes.
list_includes() {
    find include src -name '*.[ch]' | sort | while read -r file; do
        sed -n "s|^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<\"][^>\"]*[>\"]\).*|$file \1|p" "$file"
    done
}

list_includes | awk '
    BEGIN {
        contract = "<stddef.h> <stdint.h> <sys/types.h> <time.h> \"omcache_cdef.h\""
    }
    FILENAME != "-" {
        sub(/:/, " ")
        arrow[$1] = $0
        next
    }
    function has(list, word) {
        return index(" " list " ", " " word " ") > 0
    }
    function wrong(why) {
        print $1 " includes " $2 ": " why
    }
    {
        split($1, path, "/")
        floor = path[2]
        name = substr($2, 2, length($2) - 2)
        target = name
        sub("/.*", "", target)
    }
    $1 == "include/omcache.h" {
        if (!has(contract, $2))
            wrong("the contract includes only " contract)
        next
    }
    $1 == "include/omcache_cdef.h" {
        wrong("this header is for cffi, which takes no preprocessor lines")
        next
    }
    path[1] != "src" || name == "omcache.h" {
        next
    }
    !(floor in arrow) {
        wrong("src/" floor " is no floor")
        next
    }
    target in arrow {
        if (!has(arrow[floor], target))
            wrong("no arrow leads from " floor " to " target)
        else if ($2 !~ /^"/)
            wrong("our own headers are in quotes")
        next
    }
    $2 ~ /^"/ || name == "omcache_cdef.h" {
        wrong("neither the contract nor \"floor/file.h\"")
    }' "$here/arrows.txt" - >"$found"

# tsort wants pairs "before after" and complains about cycles.
list_includes | sed -n 's|^src/\([^ ]*\.h\) "\(.*\)"$|\1 \2|p' |
    tsort 2>&1 >/dev/null | sed 's|^tsort: -:|include cycle:|' >>"$found"

cat "$found"
[ ! -s "$found" ]
