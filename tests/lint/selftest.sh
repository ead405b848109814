#!/bin/sh
# Checks the checkers: a small tree that is right passes those of its structure, and
# each single mistake in it is found.

cd "$(dirname "$0")/../.." || exit
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# Makes the tree: on each floor a file that includes and calls one from a floor
# below.
plant() {
    rm -rf "$tree/include" "$tree/src"
    mkdir -p "$tree/include" "$tree/src/api" "$tree/src/net" "$tree/src/proto" "$tree/src/base"
    echo '#include <stddef.h>' >"$tree/include/omcache.h"
    : >"$tree/include/omcache_cdef.h"
    for name in net/tcp proto/text base/list; do
        function="omc_${name#*/}"
        echo "int $function(void);" >"$tree/src/$name.h"
        printf '#include "%s.h"\nint %s(void) { return 0; }\n' "$name" "$function" >"$tree/src/$name.c"
    done
    # An interface without a source of its own name: tcp.c implements it.
    echo 'int omc_stream(void);' >"$tree/src/net/stream.h"
    echo 'int omc_stream(void) { return 0; }' >>"$tree/src/net/tcp.c"
    printf '#pragma once\n#include "base/list.h"\n' >"$tree/src/base/loop.h"
    printf 'struct omc_list {\n\tint count;\n};\n' >>"$tree/src/base/list.c"
    printf 'int omc_pool(void);\nint omc_pool(void)\n{\n\treturn omc_list();\n}\n' |
        sed '1i #include "base/list.h"' >"$tree/src/base/pool.c"
    printf 'static int measure(void)\n{\n\treturn omc_text();\n}\n' >>"$tree/src/proto/text.c"
    printf '%s\n' '#include <omcache.h>' '#include "base/list.h"' '#include "proto/text.h"' \
        'int omcache_get(void);' 'int omcache_get(void) { return omc_text(); }' >"$tree/src/api/get.c"
}

# Runs checker $1 on the tree: it should find $2, or nothing if that is empty.
expect() {
    for source in "$tree"/src/*/*.c; do
        "${CC:-cc}" -std=c11 -I"$tree/include" -I"$tree/src" -c "$source" -o "${source%.c}.o" || exit
    done
    if said=$(sh "tests/lint/$1" "$tree" "$tree/src" 2>&1); then
        [ -z "$2" ] && return
    else
        case $said in *"${2:-?nothing?}"*) return ;; esac
    fi
    echo "$1 should say: ${2:-nothing}; but said: ${said:-nothing}"
    failed=1
}

for checker in arrows.sh objects.sh circles.sh names.sh; do
    plant
    expect $checker ''
done

# What is added to which file of the tree, which checker sees it, what it says.
while IFS='|' read -r file line checker says; do
    plant
    printf '%b\n' "$line" >>"$tree/$file"
    expect "$checker" "$says"
done <<'end'
src/proto/text.c|#include "net/tcp.h"|arrows.sh|no arrow leads from proto to net
src/proto/text.h|#  include <net/tcp.h>|arrows.sh|no arrow leads from proto to net
src/net/tcp.c|#include "proto/text.h"|arrows.sh|no arrow leads from net to proto
src/base/list.c|#include "net/tcp.h"|arrows.sh|no arrow leads from base to net
src/api/get.c|#include "net/tcp.h"|arrows.sh|no arrow leads from api to net
src/api/get.c|#include <base/list.h>|arrows.sh|our own headers are in quotes
src/base/list.c|#include "list.h"|arrows.sh|neither the contract nor
src/api/get.c|#include <omcache_cdef.h>|arrows.sh|neither the contract nor
src/base/list.h|#include "base/loop.h"|arrows.sh|include cycle
include/omcache.h|#include <poll.h>|arrows.sh|the contract includes only
include/omcache_cdef.h|#include <stddef.h>|arrows.sh|takes no preprocessor lines
src/proto/text.c|int omc_tcp(void);\nint omc_text_x(void) { return omc_tcp(); }|objects.sh|no arrow leads from proto to net
src/proto/text.c|int omc_stream(void) { return 0; }|objects.sh|it should begin with omc_text
src/base/list.c|int list_new(void) { return 0; }|objects.sh|it should begin with omc_list
src/api/get.c|int get(void) { return 0; }|objects.sh|it should begin with omc_get
src/proto/text.c|void *malloc(unsigned long);\nvoid *omc_text_x(void) { return malloc(1); }|objects.sh|uses malloc: reserved for base
src/base/list.c|int close(int);\nint omc_list_x(void) { return close(1); }|objects.sh|uses close: reserved for net
src/net/tcp.c|int puts(const char *);\nint omc_tcp_x(void) { return puts(""); }|objects.sh|uses puts: reserved for nobody
src/net/tcp.c|int omc_tcp_x;|objects.sh|no global mutable state
src/net/tcp.c|int omc_tcp_x(void) { static int n; return n++; }|objects.sh|no global mutable state
src/base/list.c|#include "base/loop.h"|circles.sh|base/list: it is in a circle of includes
src/base/list.c|int omc_pool(void);\nint omc_list_x(void) { return omc_pool(); }|circles.sh|base/pool: it is in a circle of calls
src/net/tcp.c|struct omc_list {\n\tint count;\n};|names.sh|the type omc_list is also in
src/net/tcp.c|static int measure(void)\n{\n\treturn 0;\n}|names.sh|the function measure is also in
src/proto/text.h|typedef struct omcache_s omcache_t;|names.sh|src/proto/text.h: names omcache_t
end

exit $failed
