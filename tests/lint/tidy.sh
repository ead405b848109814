#!/bin/sh
# Runs clang-tidy, as .clang-tidy says, over all C, with the flags that the
# Makefile gives in FLAGS.

cd "$(dirname "$0")/../.." || exit
# shellcheck disable=SC2086 # FLAGS are many
said=$(find src tests bench examples python -name '*.c' | sort |
    xargs -P "${JOBS:-$(nproc)}" -I '{}' clang-tidy --quiet '{}' -- ${FLAGS:--std=c11 -D_GNU_SOURCE -Iinclude -Isrc -Itests -Ibench -Ipython} 2>&1)
status=$?
# How many warnings it left out, of each file, would hide those that it gives.
printf '%s\n' "$said" | grep -vE '^[0-9]+ warnings? generated\.$'
exit $status
