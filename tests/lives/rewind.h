/*
 * Going back in time: the library's memory comes from here in this program, and is put back to how
 * it was together with what the test has of its own.  So all that can happen next is tried from
 * one moment, and the way there is not gone again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_REWIND_H
#define TESTS_LIVES_REWIND_H

#include <stddef.h>

enum {
    REWIND_ROOM = 24 * 1024, /* bytes of a moment */
};

struct rewind_moment {
    size_t size;
    unsigned char bytes[REWIND_ROOM];
};

/* Has bytes of the test's own go back, too; for as long as the program runs. */
void rewind_add(void *state, size_t size);

/* Frees all memory of the library's. */
void rewind_start(void);

/* Keeps a moment, and goes back to one. */
void rewind_save(struct rewind_moment *moment);
void rewind_back(const struct rewind_moment *moment);

/* How many blocks are allocated. */
size_t rewind_alive(void);

#endif
