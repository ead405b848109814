#!/bin/sh
# Checks what the shared library shows to the linker: exactly the symbols listed
# in tests/abi/symbols, which the header declares and omcache.map exports, each
# under its node; its soname; and what it needs.

cd "$(dirname "$0")/../.." || exit
library=${B:-build}/libomcache.so.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Compares the lists $1 and $2, called $3 and $4.
same() {
    diff "$work/$1" "$work/$2" >"$work/diff" && return
    echo "< $3   > $4"
    grep '^[<>]' "$work/diff"
    failed=1
}

# Type T is a function, D is initialised data, whose size is part of the ABI.
# The nodes themselves are absolute symbols.
grep -v '^#' tests/abi/symbols | LC_ALL=C sort >"$work/wanted"
nm -D -S -t d --defined-only --with-symbol-versions "$library" | awk '
    $2 == "A" { next }
    $3 == "T" { print $4, $3; next }
    { print $NF, $3, $2 + 0 }' | LC_ALL=C sort >"$work/library"
same wanted library tests/abi/symbols "$library"

# The map as "symbol@@NODE".
sed 's|/\*.*\*/||; /\/\*/,/\*\//d' omcache.map | awk '
    / \{$/ { node = $1 }
    /^\}/ { node = "" }
    /^\t[a-z].*;$/ && node { sub(/;/, ""); print $1 "@@" node }' | LC_ALL=C sort >"$work/map"
sed 's/ .*//' "$work/library" >"$work/exported"
same map exported omcache.map "$library"

# The header's declarations, one to a line, without types and inline functions.
echo '#include <omcache.h>' | "${CC:-cc}" -E -P -Iinclude - | tr '\n' ' ' | tr ';' '\n' |
    sed -n '/typedef\|static\|[{}]/d; s/.*\<\(omcache_[a-z0-9_]*\) *\((.*\)*$/\1/p' |
    LC_ALL=C sort -u >"$work/header"
sed 's/@.*//' "$work/exported" >"$work/names"
same header names include/omcache.h "$library"

readelf -d "$library" >"$work/dynamic"
if ! grep 'SONAME.*\[libomcache\.so\.0\]' "$work/dynamic"; then
    echo 'The soname is not libomcache.so.0'
    failed=1
fi

# What doc/internals/api.md lists under dependencies, all of it and nothing else.
{
    echo libc.so.6
    echo libmd.so.0
    ! grep -qw src/net/cares.c "${B:-build}/sources" || echo libcares.so.2
    ! grep -qw src/net/openssl.c "${B:-build}/sources" || printf '%s\n' libssl.so.3 libcrypto.so.3
} | LC_ALL=C sort >"$work/listed"
sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" | LC_ALL=C sort >"$work/needed"
same listed needed doc/internals/api.md "$library"

exit $failed
