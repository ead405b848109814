/*
 * An honest memcached in miniature, without a memory of its own: what it answers is
 * decided by the key alone, so that whoever has asked knows what the answer must be.
 * It takes requests apart more strictly than memcached does: what is none fails.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_SERVER_H
#define TESTS_FUZZ_SERVER_H

#include "fuzz/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a server speaks. */
enum server_kind {
    SERVER_ALL,
    SERVER_TEXT,   /* no meta, and closes on binary */
    SERVER_BINARY, /* closes on anything else */
    SERVER_KINDS
};

/* The first byte of a key says what comes of it. */
enum {
    SERVER_HIT = 'h',
    SERVER_BIG = 'b',     /* a hit with a large value */
    SERVER_MISS = 'm',    /* not there */
    SERVER_OTHER = 'e',   /* there, but with another cas; or not a number */
    SERVER_FAILS = 'x',   /* an error of the server's own */
    SERVER_REFUSES = 'r', /* a hit; to be stored it is too large, which is said at once */
};

/* What is answered: the requests up to the first other one than a no-op, or all. */
enum server_extent {
    SERVER_NOOPS,
    SERVER_EVERYTHING,
};

/* Answers requests that have come whole, and refuses values that have not. */
void server_serve(struct network_wire *wire, enum server_kind kind, enum server_extent extent);

/* Whether bytes are the value of a key. */
bool server_is_value(const unsigned char *value, size_t value_len, const unsigned char *key,
                     size_t key_len);

/* What a counter with that key counts. */
uint64_t server_number(const unsigned char *key, size_t key_len);

/* How many bytes of keys do not choose, from now on. */
void server_set_prefix(size_t prefix_len);

#endif
