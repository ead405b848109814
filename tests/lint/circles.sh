#!/bin/sh
# Checks that no files call or include one another in a circle.  A file is a source and
# the header of its name.
#
#   tests/lint/circles.sh [root objects]    a tree and the folder with its objects,
#                                           this one by default

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}" || exit
objects=${2:-${B:-build}/obj/src}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All sources, unless this build left out some.
if [ $# = 0 ]; then sources=$(cat "${B:-build}/sources") || exit; else sources=$(echo src/*/*.c); fi

# from to: a file and one of ours that it includes
for file in src/*/*.[ch]; do
    name=${file#src/}
    sed -n "s|^[[:space:]]*#[[:space:]]*include[[:space:]]*\"\(.*/.*\)\.h\".*|${name%.[ch]} \1|p" "$file"
done >"$work/includes"

# from to: a file and one that defines what it uses
for source in $sources; do
    name=${source#src/}
    name=${name%.c}
    nm -P "$objects/$name.o" >"$work/nm" 2>"$work/errors" || exit
    awk -v name="$name" '{ print name, $1, $2 }' "$work/nm"
done >"$work/symbols"
awk '
    FNR == NR {
        if ($3 ~ /[A-TV-Z]/)
            home[$2] = $1
        next
    }
    $3 == "U" && $2 in home { print $1, home[$2] }' "$work/symbols" "$work/symbols" >"$work/calls"

# Prints which files of a list of arrows can be reached from themselves.
list_circles() {
    awk '
        $1 != $2 && !($0 in seen) {
            seen[$0]
            arrows[$1] = arrows[$1] " " $2
        }
        END {
            for (start in arrows) {
                delete reached
                count = split(arrows[start], waiting, " ")
                for (i = 1; i <= count; i++) {
                    if (waiting[i] in reached)
                        continue
                    reached[waiting[i]]
                    more = split(arrows[waiting[i]], next_ones, " ")
                    for (j = 1; j <= more; j++)
                        waiting[++count] = next_ones[j]
                }
                if (start in reached)
                    print start
            }
        }' "$1" | sort
}

for kind in includes calls; do
    list_circles "$work/$kind" | sed "s/\$/: it is in a circle of $kind/"
done >"$work/found"

cat "$work/found"
[ ! -s "$work/found" ]
