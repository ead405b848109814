/*
 * Things that are due at some time, the earliest first: a binary heap.  Setting and
 * removing one takes O(log n), looking at the earliest no time at all.
 */
#ifndef OMC_BASE_DEADLINES_H
#define OMC_BASE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One that is due; lives in what it is for. */
struct omc_deadline {
    int64_t when;
    size_t place; /* in the heap, counted from 1; 0: not in it */
};

struct omc_deadlines {
    struct omc_deadline **heap;
    size_t count;
    size_t room;
};

void omc_deadlines_init(struct omc_deadlines *deadlines);
void omc_deadlines_fini(struct omc_deadlines *deadlines);

/* Makes room for so many altogether; false without memory. */
bool omc_deadlines_reserve(struct omc_deadlines *deadlines, size_t count);

/* Puts one in, for which there must be room, or changes when it is due. */
void omc_deadlines_set(struct omc_deadlines *deadlines, struct omc_deadline *deadline,
                       int64_t when);

/* Takes one out, if it is in. */
void omc_deadlines_remove(struct omc_deadlines *deadlines, struct omc_deadline *deadline);

/* Gives back the room of an empty heap, if that is large. */
void omc_deadlines_trim(struct omc_deadlines *deadlines);

/* The earliest, or NULL. */
static inline struct omc_deadline *omc_deadlines_first(const struct omc_deadlines *deadlines)
{
    return deadlines->count == 0 ? NULL : deadlines->heap[0];
}

#endif
