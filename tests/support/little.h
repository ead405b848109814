/*
 * What a memcached does, without the protocols: a memory of a few hundred values, and
 * the commands on it.  Nothing expires and nothing is evicted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LITTLE_H
#define TESTS_LITTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LITTLE_ITEMS 600
#define LITTLE_KEY_MAX 250

struct little_item {
    char key[LITTLE_KEY_MAX + 1]; /* "" if there is nothing */
    unsigned char *value;
    size_t len;
    uint32_t flags;
    uint64_t cas;
};

struct little {
    struct little_item items[LITTLE_ITEMS];
    uint64_t cas;
};

enum little_verb {
    LITTLE_GET, /* with a new expiration, too */
    LITTLE_SET,
    LITTLE_ADD,
    LITTLE_REPLACE,
    LITTLE_APPEND,
    LITTLE_PREPEND,
    LITTLE_DELETE,
    LITTLE_TOUCH,
    LITTLE_INCREMENT,
    LITTLE_DECREMENT,
    LITTLE_NOOP,
    LITTLE_VERSION,
    LITTLE_UNKNOWN
};

/* A request.  data belongs to whoever fills it in. */
struct little_ask {
    enum little_verb verb;
    char key[LITTLE_KEY_MAX + 1];
    unsigned char *data;
    size_t data_len;
    uint32_t flags;
    uint64_t cas;
    uint64_t delta;
    uint64_t initial;
    bool creates; /* a counter that is not there */
};

/* What the binary protocol calls them. */
enum little_status {
    LITTLE_OK = 0,
    LITTLE_NOT_FOUND = 1,
    LITTLE_EXISTS = 2,
    LITTLE_NOT_STORED = 5,
    LITTLE_NOT_A_NUMBER = 6,
    LITTLE_UNKNOWN_COMMAND = 0x81,
    LITTLE_FULL = 0x82
};

struct little_result {
    enum little_status status;
    const struct little_item *item; /* what is there afterwards, or NULL */
    uint64_t number;
};

struct little_result little_run(struct little *memory, const struct little_ask *ask);

/* Another item than that with the key, or NULL: which one, the number decides. */
const struct little_item *little_other(const struct little *memory, const char *key,
                                       uint32_t number);

/* Frees all values. */
void little_clear(struct little *memory);

#endif
