/*
 * What can happen to a link: what its user does, its peer, the network and the clock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_EVENTS_H
#define TESTS_LIVES_EVENTS_H

#include <stdbool.h>

enum event {
    ASKED,
    ASKED_STORE,
    ASKED_QUIETLY,
    ASKED_COUNT, /* with an initial value, over text */
    ASKED_META,  /* what only meta carries, where it is not known what is spoken */
    KERNEL_ALL,
    KERNEL_SOME,
    KERNEL_NONE,
    ANSWER, /* of the peer, or the network, or the resolver */
    ANSWER_UNSEEN,
    ANSWER_PART,
    ANSWER_OTHER,
    ANSWER_MORE,
    ANSWER_OLD, /* to a hello in meta, by a server that has only text */
    REFUSED,
    ENDED,
    ENDED_UNSEEN,
    ERROR,
    SECOND_ANSWER, /* of the second connection */
    SECOND_ENDED,
    TIME,
    TIME_LATE,
    GIVEN_UP,
    WAITED,  /* a call has, in vain */
    STARVED, /* there are no descriptors */
    RESET,
    LIST,
    FIRSTS,          /* what is tried only as the first event of a life: */
    CHOSEN = FIRSTS, /* another protocol is */
    INSIDE_ASK,      /* the next callback does that */
    INSIDE_TURN,
    INSIDE_RESET,
    INSIDE_LIST,
    EVENTS
};

extern const char *const events_names[EVENTS];

/* Lets an event happen; false, and nothing has changed, if it cannot. */
bool events_run(enum event event);

/* Whether one may make the link count a failure of its server; awaited: the peer owes something. */
bool events_may_fail(enum event event, bool awaited);

/* Whether the time of a peer that owes something may begin anew by it. */
bool events_may_put_off(enum event event);

#endif
