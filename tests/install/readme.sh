#!/bin/sh
# Checks that the first program in README.md compiles and works as printed, with
# a memcached of its own.

cd "$(dirname "$0")/../.." || exit
build=$(cd "${B:-build}" && pwd) || exit
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; rm -rf "$scratch"' EXIT

awk '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' README.md >"$scratch/program.c"
if [ ! -s "$scratch/program.c" ]; then
    echo 'README.md has no block of C'
    exit 1
fi

# Without the -std and feature macros that the library itself is built with.
"${CC:-cc}" -Wall -Wextra -Werror -Iinclude "$scratch/program.c" -o "$scratch/program" \
    -L"$build" -lomcache -Wl,-rpath,"$build" || exit

if ! command -v memcached >/dev/null; then
    echo 'memcached is missing'
    exit 77
fi

# Each process has an address of its own: a pid has 22 bits, 127.64.0.0/10 too.
address=127.$((64 + ($$ >> 16 & 63))).$(($$ >> 8 & 255)).$(($$ & 255))
if [ "$(id -u)" = 0 ]; then set -- -u root; else set --; fi
memcached -l "$address" -p 11211 -U 0 "$@" &
server=$!

# It needs a moment until it listens.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    "$scratch/program" "$address:11211" >"$scratch/output" 2>&1
    code=$?
    [ $code = 0 ] && break
    sleep 0.2
done
cat "$scratch/output"
exit "$code"
