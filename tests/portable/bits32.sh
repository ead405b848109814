#!/bin/sh
# Compiles the library for 32 bits, where size_t and long are shorter, with OpenSSL's headers of
# 64 bits, which will do for that.  Debian has no libmd of 32 bits to link with unless the
# architecture i386 is added; then, with libmd-dev:i386, libc-ares-dev:i386, libssl-dev:i386 and
# check:i386, the unit tests run, too:
#
#   PKG_CONFIG_LIBDIR=/usr/lib/i386-linux-gnu/pkgconfig \
#       make check TESTS=unit CC='gcc -m32' B=build/bits32

set -e
cd "$(dirname "$0")/../.."
if ! echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - 2>/dev/null; then
    echo 'gcc -m32 cannot link programs'
    exit 77
fi
include=${B:-build}/bits32/include
mkdir -p "$include"
ln -sfn "/usr/include/$(gcc -print-multiarch)/openssl" "$include/openssl"
for with in 1 0; do
    echo "--- CARES=$with TLS=$with"
    make CC='gcc -m32' LTO= CPPFLAGS="-I$include" B="${B:-build}/bits32/with$with" CARES=$with \
        TLS=$with objects
done
