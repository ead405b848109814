#!/bin/sh
# Compares the ABI of the library with the baseline, tests/abi/baseline.abi: what
# programs were compiled against must still be there.  What is new may be added.
#
#   tests/abi/abidiff.sh            compare
#   tests/abi/abidiff.sh --write    make the ABI of now the baseline

cd "$(dirname "$0")/../.." || exit
library=${B:-build}/libomcache.so.0
baseline=tests/abi/baseline.abi

for tool in abidw abidiff; do
    if ! command -v $tool >/dev/null; then
        echo "$tool is missing (Debian: abigail-tools)"
        exit 77
    fi
done

if ! readelf -S "$library" | grep -q debug_info; then
    echo "$library was built without -g, which abidw needs"
    exit 77
fi

# Writes the ABI to file $1: what the public headers show, and nothing that
# changes with the machine or when lines move.
# The library's own types are left out by their names before abidw drops what is private: some of
# them make abidw 2.2 crash when it does.
describe() {
    printf '[suppress_type]\n  name_regexp = ^omc_\n  drop = yes\n' >"$own"
    abidw --headers-dir include --drop-private-types --suppressions "$own" --no-corpus-path \
        --no-comp-dir-path --no-show-locs --out-file "$1" "$library"
}

own=$(mktemp)
now=$(mktemp)
trap 'rm -f "$own" "$now"' EXIT

if [ "$1" = --write ]; then
    describe "$baseline"
    exit
fi

if [ ! -f "$baseline" ]; then
    echo "$baseline is missing: make abi-baseline"
    exit 1
fi
describe "$now" && abidiff --no-added-syms "$baseline" "$now"
