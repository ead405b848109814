/*
 * The protocols of the faulty peer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FAULTY_CODEC_H
#define TESTS_FAULTY_CODEC_H

#include "support/faulty.h"
#include "support/words.h"

/* A request as it came. */
struct faulty_request {
    bool refuses;  /* to be set before: a large value is refused before it is there, */
    bool forsakes; /* and never read */
    bool refused;  /* that has happened, and the rest is to be ignored */
    struct little_ask ask;
    bool binary;
    bool meta;
    bool quiet;
    bool numbered; /* its answer has its number */
    unsigned char opcode;
    uint32_t opaque;
    struct words words;
};

/* An answer: with nothing wrong, or with one of FAULT_OTHER_* or FAULT_LENGTH. */
struct faulty_answer {
    struct little_result result;
    enum fault fault;
    size_t at;                       /* as in the script */
    const struct little_item *other; /* for FAULT_OTHER_KEY, or NULL */
};

#define FAULTY_LARGE 1000 /* bytes of a value that is */

/* Read a request; false when the connection ends.  Its data goes to room, where there
 * are FAULTY_DATA_MAX bytes. */
bool faulty_read_binary(struct peer *peer, struct faulty_request *request, unsigned char *room);
bool faulty_read_lines(struct peer *peer, struct faulty_request *request, unsigned char *room,
                       bool knows_meta);

/* Write an answer and return its length; 0 if there is none, or not with this fault. */
size_t faulty_write_binary(const struct faulty_request *request, const struct faulty_answer *answer,
                           unsigned char *out, size_t room);
size_t faulty_write_lines(const struct faulty_request *request, const struct faulty_answer *answer,
                          unsigned char *out, size_t room);

#endif
