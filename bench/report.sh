#!/bin/sh
# Measures everything and writes it into a page, between the lines "<!-- NAME -->" and
# "<!-- end -->", and charts beside it.
#
#   bench/report.sh PAGE PROGRAM...
#
# It takes some minutes, in which the machine should do nothing else.

unset PARTS
page=$1
shift
BENCH_OUT=$(mktemp -d)
export BENCH_OUT
trap 'rm -rf "$BENCH_OUT"' EXIT

version_of() {
    dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo '?'
}

machine() {
    sed -n 's/^model name[^:]*: /- Processor: /p' /proc/cpuinfo | head -n 1
    echo "- Cores: $(nproc); memory: $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "- Linux $(uname -r), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
    echo "- $("${CC:-cc}" --version | head -n 1)"
    echo "- $(memcached -V), libmemcached $(version_of libmemcached11)"
    echo "- Measured on $(date +%F)"
}

machine >"$BENCH_OUT/machine.md"
for program in "$@"; do
    name=$(basename "$program")
    for how in clock instructions 'system calls'; do
        echo "$name: $how" >&2
        case $how in
        clock) "$program" "${ROUNDS:-101}" ;;
        *) bench/count.sh "$how" "$program" ;;
        esac >"$BENCH_OUT/said" || exit
        [ ! -s "$BENCH_OUT/said" ] || {
            echo '```'
            cat "$BENCH_OUT/said"
            echo '```'
        } >"$BENCH_OUT/$name-${how%% *}.md"
    done
done

awk -v from="$BENCH_OUT" '
    /^<!-- end -->/ { skipping = 0 }
    !skipping
    /^<!-- / && !/^<!-- end/ {
        file = from "/" $2 ".md"
        while ((getline line < file) > 0)
            print line
        close(file)
        skipping = 1
    }' "$page" >"$BENCH_OUT/page" && cat "$BENCH_OUT/page" >"$page" || exit
for chart in cpu instructions; do
    cp "$BENCH_OUT/$chart.svg" "${page%.md}-$chart.svg" || exit
done
