#!/bin/sh
# Runs the examples for event loops, built before, with a memcached of their own: each
# must find what it stored and end by itself; and fail, but end, where no server is.

cd "$(dirname "$0")/../.." || exit
if ! command -v memcached >/dev/null; then
    echo 'memcached is missing'
    exit 77
fi

# Each process has an address of its own, see readme.sh.
address=127.$((64 + ($$ >> 16 & 63))).$(($$ >> 8 & 255)).$(($$ & 255))
if [ "$(id -u)" = 0 ]; then set -- -u root; else set --; fi
memcached -l "$address" -p 11211 -U 0 "$@" &
server=$!
trap 'kill "$server"; wait "$server"' EXIT
failed=0

# It needs a moment until it listens.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    timeout 10 "${B:-build}/examples/epoll" "$address" >/dev/null && break
    sleep 0.2
done

for example in epoll libevent libev libuv glib; do
    echo "--- $example"
    said=$(timeout 10 "${B:-build}/examples/$example" "$address")
    code=$?
    echo "$said"
    if [ $code != 0 ] || ! echo "$said" | grep -qx 'green = #00ff00'; then
        echo "exit code $code, or not what it should say"
        failed=1
    fi
    timeout 10 "${B:-build}/examples/$example" "$address:1" >/dev/null
    code=$?
    if [ $code != 1 ]; then
        echo "without a server: exit code $code"
        failed=1
    fi
done
exit $failed
