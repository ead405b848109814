#!/bin/sh
# Compiles the library for 32 bits, where size_t and long are shorter.  Debian has no libmd of
# 32 bits to link with unless the architecture i386 is added; then, with libmd-dev:i386,
# libc-ares-dev:i386 and check:i386, the unit tests run, too:
#
#   PKG_CONFIG_LIBDIR=/usr/lib/i386-linux-gnu/pkgconfig \
#       make check TESTS=unit CC='gcc -m32' B=build/bits32

set -e
cd "$(dirname "$0")/../.."
if ! echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - 2>/dev/null; then
    echo 'gcc -m32 cannot link programs'
    exit 77
fi
for cares in 1 0; do
    echo "--- CARES=$cares"
    make CC='gcc -m32' LTO= B="${B:-build}/bits32/cares$cares" CARES=$cares objects
done
