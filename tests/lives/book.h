/*
 * What was asked of a link, and what has become of it: each request that was accepted gets one
 * outcome, and its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_BOOK_H
#define TESTS_LIVES_BOOK_H

#include "link/report.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BOOK_MAX = 12,
    BOOK_KEY = 2, /* bytes of a key, of which the second is the tag */
};

enum book_state {
    BOOK_OPEN,
    BOOK_OVER,      /* it has had its outcome */
    BOOK_GIVEN_UP,  /* who asked was told that its time is over */
    BOOK_FORGOTTEN, /* the application wants to hear nothing of it */
};

struct book_entry {
    struct omc_asker asker; /* first, so that it can be found by it */
    unsigned char key[BOOK_KEY];
    enum book_state state;
    bool quiet; /* for who asks */
    bool keyed;
};

struct book {
    unsigned count;
    struct book_entry entries[BOOK_MAX];
};

extern struct book book;

/* The entry that the claim of a request is of. */
struct book_entry *book_find(const struct omc_claim *claim);

/* The next entry, made for a request; and enters that, as it was accepted. */
struct book_entry *book_next(void);
void book_add(bool quiet, bool keyed);

/* The oldest request that somebody waits for, or NULL; and how many there are. */
struct book_entry *book_oldest(void);
unsigned book_open(void);

/* Checks that none is open whose outcome can be known. */
void book_check_answered(void);

/* Nobody wants to hear of any of them any more. */
void book_forget(void);

/* Checks that it may be asked again. */
void book_check_returned(const struct omc_report *report);

/* Checks an outcome that was reported, and enters it. */
void book_note(const struct omc_report *report);

#endif
