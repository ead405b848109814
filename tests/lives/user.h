/*
 * Who uses a link: does with it what src/client does, in the same order, without a handle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_USER_H
#define TESTS_LIVES_USER_H

#include "link/link.h"
#include "link/shared.h"

#include <stdbool.h>
#include <stdint.h>

enum user_ask {
    USER_GETS,
    USER_STORES,
    USER_GETS_QUIETLY, /* in text, which knows no quiet gets: stores quietly */
    USER_COUNTS,
    USER_DELETES, /* with what only meta has */
};

/* What a callback of the application does. */
enum user_act {
    USER_NOTHING,
    USER_ASKS,
    USER_TURNS,
    USER_RESETS,
    USER_CHANGES_LIST,
};

enum {
    USER_CONNECT_TIMEOUT = 1000,
    USER_DEAD_TIMEOUT = 700,
    USER_RECONNECT_TIMEOUT = 3000,
};

struct user {
    struct omc_shared shared;
    struct omc_link link;
    int64_t now;
    bool unsent;          /* there is something to be prepared and sent */
    bool has_chosen;      /* another protocol than at first */
    enum user_act inside; /* what the next callback does */
};

extern struct user user;

/* A new link that is to speak one of OMCACHE_PROTOCOL_*; its end; and that of all it has. */
void user_start(int protocol);
void user_end(void);
void user_free(void);

/* Asks, if the server is not down. */
void user_ask(enum user_ask what);

/* Waits for nothing, and acts on what there is. */
void user_turn(void);

/* Looks at the deadline only, as a loop does whose timer comes before its descriptors. */
void user_check_deadline(void);

/* The time of the oldest operation is over; and that of a call, whose requests stay. */
void user_give_up(void);
void user_wait(void);

void user_reset(void);
void user_change_list(void);

#endif
