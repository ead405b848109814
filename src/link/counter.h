/*
 * A counter's initial value, over protocols that cannot carry it with an increment:
 * where that finds nothing, the value is added; where another client was faster, it
 * is incremented again.
 */
#ifndef OMC_LINK_COUNTER_H
#define OMC_LINK_COUNTER_H

#include <stdbool.h>

#include "link/queue.h"
#include "proto/ask.h"
#include "proto/text.h"

struct omc_counter {
    struct omc_ask delta; /* the increment or decrement; its key is here, too */
    unsigned tries;
    unsigned char digits[OMC_TEXT_DIGITS_MAX]; /* the initial value */
    unsigned char key[];
};

/* Keeps the request; NULL without memory.  Freed with omc_memory_free. */
struct omc_counter *omc_counter_new(const struct omc_ask *ask);

/* Whether the increment that a request is for, or a part of it, was answered already. */
static inline bool omc_counter_has_begun(const struct omc_pending *pending)
{
    return pending->ask.op != pending->claim.counter->delta.op || pending->claim.counter->tries > 0;
}

#endif
