/*
 * Things that are due at some time, the earliest first.  Most are set in the order in which they
 * are due, as all of one kind take equally long: they stand in rows, which takes no time.  The
 * others are in a binary heap, where setting and removing one takes O(log n).
 */
#ifndef OMC_BASE_DEADLINES_H
#define OMC_BASE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OMC_DEADLINES_ROWS = 3,
};

/* One that is due; lives in what it is for. */
struct omc_deadline {
    int64_t when;
    /* In the heap, counted from 1; 0: nowhere; SIZE_MAX less a row: in that row, between these: */
    size_t place;
    struct omc_deadline *before;
    struct omc_deadline *behind;
};

struct omc_deadlines {
    size_t count; /* of all */
    struct omc_deadline **heap;
    size_t heaped; /* those in it */
    size_t room;   /* for all of them */
    struct omc_deadlines_row {
        struct omc_deadline *first; /* NULL: it is empty */
        struct omc_deadline *last;
    } rows[OMC_DEADLINES_ROWS]; /* each in the order in which they are due */
};

void omc_deadlines_init(struct omc_deadlines *deadlines);
void omc_deadlines_fini(struct omc_deadlines *deadlines);

/* Makes room for so many altogether; false without memory. */
bool omc_deadlines_reserve(struct omc_deadlines *deadlines, size_t count);

/* The place of one in a row. */
static inline size_t omc_deadlines_place_in_row(size_t row)
{
    return SIZE_MAX - row;
}

/* Whether a row has one at its end that is due later. */
static inline bool omc_deadlines_row_is_later(const struct omc_deadlines *deadlines, size_t i,
                                              int64_t when)
{
    return deadlines->rows[i].last != NULL && deadlines->rows[i].last->when > when;
}

/* Adds one that is nowhere at the end of a row. */
static inline void omc_deadlines_add_to_row(struct omc_deadlines *deadlines, size_t i,
                                            struct omc_deadline *deadline, int64_t when)
{
    struct omc_deadlines_row *row = &deadlines->rows[i];

    *deadline = (struct omc_deadline){when, omc_deadlines_place_in_row(i), row->last, NULL};
    if (row->last == NULL)
        row->first = deadline;
    else
        row->last->behind = deadline;
    row->last = deadline;
    deadlines->count++;
}

/* For omc_deadlines_set, where it is in already, or would not be the last of the first row. */
void omc_deadlines_place(struct omc_deadlines *deadlines, struct omc_deadline *deadline,
                         int64_t when);

/* Puts one in, for which there must be room, or changes when it is due. */
static inline void omc_deadlines_set(struct omc_deadlines *deadlines, struct omc_deadline *deadline,
                                     int64_t when)
{
    if (deadline->place != 0 || omc_deadlines_row_is_later(deadlines, 0, when))
        omc_deadlines_place(deadlines, deadline, when);
    else
        omc_deadlines_add_to_row(deadlines, 0, deadline, when);
}

/* Takes one out, if it is in. */
void omc_deadlines_remove(struct omc_deadlines *deadlines, struct omc_deadline *deadline);

/* Gives back the room of an empty heap, if that is large. */
void omc_deadlines_trim(struct omc_deadlines *deadlines);

/* For omc_deadlines_first, where there are some. */
struct omc_deadline *omc_deadlines_find_first(const struct omc_deadlines *deadlines);

/* The earliest, or NULL. */
static inline struct omc_deadline *omc_deadlines_first(const struct omc_deadlines *deadlines)
{
    return deadlines->count == 0 ? NULL : omc_deadlines_find_first(deadlines);
}

#endif
