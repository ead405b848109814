/*
 * Completions of operations, remembered: each operation has a slot, and in the end
 * every slot must have been called exactly once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_TOLD_H
#define TESTS_TOLD_H

#include <omcache.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOLD_KEPT 64

struct told {
    size_t calls; /* all, with a key or without */
    size_t ends;  /* those without a key */
    int status;   /* the last call's */
    int server_index;
    size_t key_len;
    size_t value_len;
    char key[TOLD_KEPT];   /* their beginnings */
    char value[TOLD_KEPT]; /* "" if there is none */
    int64_t at;            /* milliseconds */
};

/* A reply callback; its context is a struct told. */
omcache_reply_callback_func told_reply;

/* All calls of told_reply since told_clear, and those with a status. */
extern size_t told_count;
size_t told_with(int status);
void told_clear(void);

/* That each of so many was called once, and how many of them with a status. */
size_t told_once(const struct told *slots, size_t count, int status);

#endif
