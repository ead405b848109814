/*
 * The server at the other end of a connection: it understands what it is asked in any protocol, and
 * answers what and when the test says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_PEER_H
#define TESTS_LIVES_PEER_H

#include "lives/network.h"

#include <stdbool.h>
#include <stddef.h>

enum peer_manner {
    PEER_RIGHT,
    PEER_WRONG, /* another kind of answer, or another key */
    PEER_ERROR,
};

/* What it was greeted in: whether that is the binary protocol, and whether answers have numbers. */
bool peer_is_binary(const struct wire *wire);
bool peer_has_numbers(const struct wire *wire);

/* The kernel takes so many of the bytes that are written.  Those it does not take tell what it has
 * got the beginning of. */
void peer_hear(struct wire *wire, const unsigned char *bytes, size_t len, size_t taken);

/* Requests that are not answered: the oldest if it has come whole, the newest that has, and the
 * oldest, whole or not, that is sure to be answered.  NULL: there is none. */
struct heard *peer_oldest(struct wire *wire);
struct heard *peer_newest(struct wire *wire);
struct heard *peer_sure(struct wire *wire);

/* Answers a request behind what was said before; half of that arrives, or all. */
void peer_answer(struct wire *wire, struct heard *heard, enum peer_manner manner);
void peer_answer_old(struct wire *wire); /* the hello, as who knows no meta; it speaks text */
void peer_deliver_half(struct wire *wire);
void peer_deliver(struct wire *wire);

/* Says something that is no answer to anything. */
void peer_say_more(struct wire *wire);

/* The link has read. */
void peer_note_read(struct wire *wire);

/* The link wants no answers to what it has asked. */
void peer_note_forgotten(struct wire *wire);

/* The link greets it once more. */
void peer_note_replaced(struct wire *wire);

/* Whether it owes something, as far as the link has read. */
bool peer_owes(const struct wire *wire);

/* Whether the link has read the answer to the request with that tag; whether it can know the
 * outcome; whether any peer has got a byte of it; and if so, whether it is a get that came after a
 * silence, and since which nothing was read that the peer ought to say. */
bool peer_has_answered(const struct wire *wire, char tag);
bool peer_is_done(const struct wire *wire, char tag);
bool peer_has_begun(char tag);
bool peer_may_repeat(char tag);

#endif
