#!/bin/sh
# Compiles the library for musl, with c-ares and OpenSSL and without, and runs a program with
# the one that is without.  Debian has libmd and these for glibc alone.  Their headers serve for
# both, and so does libmd's MD5, which needs memcpy only; the others do not.

set -e
cd "$(dirname "$0")/../.."
if ! command -v musl-gcc >/dev/null; then
    echo 'musl-gcc is missing'
    exit 77
fi

# These headers and no others: glibc's must not stand in for what musl lacks.
include=${B:-build}/musl/include
mkdir -p "$include/openssl"
ln -sf "$(pkg-config --variable=includedir openssl)"/openssl/*.h \
    "/usr/include/$(gcc -print-multiarch)"/openssl/*.h "$include/openssl"
ln -sf "$(pkg-config --variable=includedir libmd)"/md5.h \
    "$(pkg-config --variable=includedir libcares)"/ares*.h "$include"
set -- make CC=musl-gcc LTO= CPPFLAGS="-I$include"

echo '--- With c-ares and OpenSSL'
"$@" B="${B:-build}/musl/cares" objects

echo '--- Without'
"$@" B="${B:-build}/musl/plain" CARES=0 TLS=0 \
    LIBS="$(pkg-config --variable=libdir libmd)/libmd.a" demo
