/*
 * A little memcached that goes wrong, by a script or at random from a seed.  It speaks
 * binary, meta and text, each connection the one that it begins with.
 *
 * It does only what a client can recognise with certainty; what none could, such as
 * another value under the right key and number, would prove nothing.  Where a fault
 * cannot be had with an answer (no opaque in text, no key but with values), or could not
 * be recognised there, the answer is a good one.  So of what has its place by order only:
 *
 *  - left out is everything from some answer on, never one in the middle;
 *  - twice comes only what has a key;
 *  - early comes only a value before that of another key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include "support/little.h"
#include "support/peer.h"

#include <stdatomic.h>

enum fault {
    FAULT_NONE,
    FAULT_LATE,         /* after a pause */
    FAULT_EARLY,        /* the next request's answer comes before this one's */
    FAULT_TWICE,        /* the answer comes again */
    FAULT_NEVER,        /* it does not come */
    FAULT_OTHER_OPAQUE, /* with a number that nobody has used */
    FAULT_OTHER_KEY,    /* what is there under another key */
    FAULT_OTHER_OPCODE, /* as if something else had been asked */
    FAULT_SPLIT,        /* in two pieces, the second after a pause */
    FAULT_BYTES,        /* byte by byte, or in twenty pieces */
    FAULT_NOISE_BEFORE, /* random bytes in front of it, that no answer begins with */
    FAULT_NOISE_BEHIND, /* behind it */
    FAULT_LENGTH,       /* a length in it is not true */
    FAULT_CLOSE,        /* the connection is closed at some byte of it */
    FAULT_RESET,        /* the same with a reset */
    FAULT_DEAF,         /* nothing is read for a while, and nothing answered */
    FAULT_VANISH,       /* the connection stays open, and nothing is read from it any more */
    FAULT_REFUSED,      /* a large value is refused as soon as its request's head is there, and
                         * read afterwards or never: at random only */
    FAULTS
};

const char *fault_name(enum fault fault);

/* What is wrong with the answer to the request of this number, which is counted from 1
 * over all connections; only those with a key count. */
struct fault_step {
    size_t request; /* 0: the end of the script */
    enum fault fault;
    size_t at; /* at which byte; which length lies: see FAULT_LENGTHS */
};

/* How many ways there are for a length to lie. */
#define FAULT_LENGTHS 8

enum faulty_speech { FAULTY_SPEAKS_ALL, FAULTY_SPEAKS_TEXT, FAULTY_SPEAKS_BINARY };

#define FAULTY_DATA_MAX (1u << 20)

struct faulty {
    /* To be set before it starts; all may be 0. */
    enum faulty_speech speech;
    const struct fault_step *script;
    uint64_t seed;   /* for faults at random, */
    unsigned chance; /* of which one in so many answers has one; 0: none */
    int pause_ms;    /* how long pauses are at most */

    atomic_bool calm; /* there are no more faults at random */
    atomic_size_t done[FAULTS];

    /* Its own. */
    struct little memory;
    uint64_t random;
    size_t requests;
    unsigned char *data;
};

/* Starts it as peer number `number`; it lives until peer_stop_all, and what it has is
 * to be freed by faulty_clear then. */
struct peer *faulty_start(struct faulty *faulty, int number);
void faulty_clear(struct faulty *faulty);

#endif
