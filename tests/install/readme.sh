#!/bin/sh
# Checks that the first program in README.md, and in each guide that has one, compiles and works
# as printed, with a memcached of its own.

cd "$(dirname "$0")/../.." || exit
build=$(cd "${B:-build}" && pwd) || exit
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; rm -rf "$scratch"' EXIT

if ! command -v memcached >/dev/null; then
    echo 'memcached is missing'
    exit 77
fi

# Each process has an address of its own: a pid has 22 bits, 127.64.0.0/10 too.
address=127.$((64 + ($$ >> 16 & 63))).$(($$ >> 8 & 255)).$(($$ & 255))
if [ "$(id -u)" = 0 ]; then set -- -u root; else set --; fi
memcached -l "$address" -p 11211 -U 0 "$@" &
server=$!

# Without the -std and feature macros that the library itself is built with.
build_program() {
    awk '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' "$1" >"$scratch/program.c"
    if [ ! -s "$scratch/program.c" ]; then
        echo "$1 has no block of C"
        return 1
    fi
    "${CC:-cc}" -Wall -Wextra -Werror -Iinclude "$scratch/program.c" -o "$scratch/program" \
        -L"$build" -lomcache -Wl,-rpath,"$build"
}

# The server needs a moment until it listens.
run_program() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        "$scratch/program" "$address:11211" >"$scratch/output" 2>&1
        code=$?
        [ $code = 0 ] && break
        sleep 0.2
    done
    cat "$scratch/output"
    return "$code"
}

for document in README.md doc/stampedes.md; do
    build_program "$document" && run_program || exit
done
