/*
 * What the meta and the text protocol have in common: lines with errors, and the
 * operations that meta does by the classic commands.
 */
#ifndef OMC_PROTO_CLASSIC_H
#define OMC_PROTO_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "omcache.h"
#include "proto/codec.h"
#include "proto/line.h"

/* What a line without arguments tells about operations of some kinds. */
struct omc_classic_word {
    const char *text;
    uint16_t kinds;
    int status;
};

/* Finds the end of the line that begins at bytes, the first "\n" at or behind
 * `from`: OMC_DECODE_REPLY with its index, or why there is none. */
static inline enum omc_decode omc_classic_find_end(const unsigned char *bytes, size_t len,
                                                   size_t from, size_t *newline, size_t *size)
{
    size_t most = len < OMC_LINE_MAX ? len : OMC_LINE_MAX;
    const unsigned char *found = from < most ? memchr(bytes + from, '\n', most - from) : NULL;

    if (found == NULL) {
        *size = len + 1;
        return len < OMC_LINE_MAX ? OMC_DECODE_MORE : OMC_DECODE_BROKEN;
    }
    *newline = (size_t)(found - bytes);
    return OMC_DECODE_REPLY;
}

/* Whether lines can carry a request of any kind, apart from its key: all can but the binary
 * protocol's own, values that are too large or where none belongs, and names of statistics that
 * would end the line. */
bool omc_classic_accept(const struct omc_ask *ask);

/* Encodes version, flush_all, stats and quit, but for the end of the line. */
unsigned char *omc_classic_encode(unsigned char *out, const struct omc_ask *ask);

/* Makes a reply the whole answer to that request, with this status. */
void omc_classic_attribute(const struct omc_expected *asked, int status, struct omc_reply *reply);

/* The same, with nothing else in it. */
void omc_classic_answer(const struct omc_expected *asked, int status, struct omc_reply *reply);

/* Looks up what a line means as the answer to an operation; false if it means nothing.
 * What is OMCACHE_NOT_STORED in the words becomes what the binary protocol says. */
bool omc_classic_look_up(const struct omc_classic_word *words, size_t count, struct omc_line line,
                         uint8_t opcode, int *status);

/* The answer to an operation that was encoded here, or an error; false if the line is
 * none, or if what it is an answer to is not sure. */
bool omc_classic_read(struct omc_line line, const struct omc_expected *asked,
                      struct omc_reply *reply);

#endif
