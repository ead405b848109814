/*
 * memcached's classic text protocol, with nothing that is younger than gats.
 *
 * Its replies name no request and are told by their order, so every request is
 * answered: "noreply" is never sent.  Of what the binary protocol has it lacks
 *  - cas with append, prepend, delete and counters, and keys with blanks or control
 *    bytes: such requests are not carried;
 *  - the cas of what was stored, which is 0;
 *  - a counter's initial value: see omc_text_make_counter;
 *  - a no-op: version is one.
 */
#ifndef OMC_PROTO_TEXT_H
#define OMC_PROTO_TEXT_H

#include <stdbool.h>

#include "proto/ask.h"
#include "proto/codec.h"

enum {
    OMC_TEXT_DIGITS_MAX = 20,
};

extern const struct omc_codec omc_text_codec;

/* Whether it is an increment or decrement with an initial value, which is carried without
 * that. */
bool omc_text_has_initial(const struct omc_ask *ask);

/* Where such a one is NOT_FOUND, this makes the request that stores the initial value, unless
 * the counter is there by now (KEY_EXISTS: increment again).  It has the key of the other, and
 * its value in digits. */
void omc_text_make_counter(const struct omc_ask *delta, unsigned char digits[OMC_TEXT_DIGITS_MAX],
                           struct omc_ask *add);

#endif
