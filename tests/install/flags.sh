#!/bin/sh
# Checks with which flags the library is compiled and linked: as fast as it can be where a package
# build says -O2, and as the user wants it where that is something else.

cd "$(dirname "$0")/../.." || exit
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# flags MAKE-ARGUMENT...: the commands that would compile a file and link the library.
flags() {
    MAKEFLAGS='' make -n -B V=1 B="$scratch" CC=gcc "$@" "$scratch/libomcache.so.0" \
        "$scratch/libomcache.a" | grep -E 'src/link/queue\.c|-shared|objcopy'
}

# expect WHAT COUNT PATTERN MAKE-ARGUMENT...: in so many of the commands it is the last that counts.
expect() {
    what=$1 count=$2 pattern=$3
    shift 3
    found=$(flags "$@" | grep -cE -- "$pattern")
    [ "$found" = "$count" ] && return
    echo "$what: $found commands with $pattern, expected $count, of:"
    flags "$@"
    failed=1
}

expect 'by default' 2 '-O3 -flto=auto'
expect 'a package build' 2 '-O2 .*-O3 -flto=auto' CFLAGS='-g -O2 -fstack-protector-strong'
expect 'a package build' 1 'objcopy .*libomcache\.a' CFLAGS=-O2
expect 'without optimisation' 0 '-O3' CFLAGS='-O0 -g'
expect 'without optimisation' 2 '-flto=auto' CFLAGS='-O0 -g'
expect 'for size' 0 '-O3' CFLAGS=-Os
expect '-fno-lto' 0 '-flto|objcopy' CFLAGS='-O2 -fno-lto'
expect '-fno-lto' 2 '-O3' CFLAGS='-O2 -fno-lto'
expect 'with sanitizers' 0 '-O3|-flto' SANITIZE=address
expect 'another compiler' 0 '-flto' CC=clang
expect 'another compiler' 2 '-O3' CC=clang
exit $failed
