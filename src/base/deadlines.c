/*
 * Rows and the heap of deadlines.  In the heap each is due no earlier than its parent, the one at
 * half its place.
 */
#include "base/deadlines.h"

#include "base/memory.h"

enum {
    ROOM_KEPT = 1024, /* an empty heap larger than that is given back */
};

void omc_deadlines_init(struct omc_deadlines *deadlines)
{
    *deadlines = (struct omc_deadlines){.count = 0};
}

void omc_deadlines_fini(struct omc_deadlines *deadlines)
{
    omc_memory_free(deadlines->heap);
    omc_deadlines_init(deadlines);
}

bool omc_deadlines_reserve(struct omc_deadlines *deadlines, size_t count)
{
    size_t room = deadlines->room * 2 > count ? deadlines->room * 2 : count;
    struct omc_deadline **heap;

    if (count <= deadlines->room)
        return true;
    heap = omc_memory_resize(deadlines->heap, room, sizeof(struct omc_deadline *));
    if (heap == NULL)
        return false;
    deadlines->heap = heap;
    deadlines->room = room;
    return true;
}

static void put(struct omc_deadlines *deadlines, size_t place, struct omc_deadline *deadline)
{
    deadlines->heap[place - 1] = deadline;
    deadline->place = place;
}

/* Finds the place in the heap for a deadline when that at `place` is free, moving later ones
 * down, then earlier ones up. */
static void settle(struct omc_deadlines *deadlines, size_t place, struct omc_deadline *deadline)
{
    struct omc_deadline **heap = deadlines->heap;
    size_t child;

    for (; place > 1 && heap[place / 2 - 1]->when > deadline->when; place /= 2)
        put(deadlines, place, heap[place / 2 - 1]);
    for (; (child = 2 * place) <= deadlines->heaped; place = child) {
        if (child < deadlines->heaped && heap[child]->when < heap[child - 1]->when)
            child++;
        if (heap[child - 1]->when >= deadline->when)
            break;
        put(deadlines, place, heap[child - 1]);
    }
    put(deadlines, place, deadline);
}

static void add_to_heap(struct omc_deadlines *deadlines, struct omc_deadline *deadline,
                        int64_t when)
{
    deadline->when = when;
    deadlines->count++;
    settle(deadlines, ++deadlines->heaped, deadline);
}

static void remove_from_heap(struct omc_deadlines *deadlines, const struct omc_deadline *deadline)
{
    struct omc_deadline *last = deadlines->heap[--deadlines->heaped];

    if (last != deadline)
        settle(deadlines, deadline->place, last);
}

static inline bool is_in_row(const struct omc_deadline *deadline)
{
    return deadline->place > omc_deadlines_place_in_row(OMC_DEADLINES_ROWS);
}

static void remove_from_row(struct omc_deadlines *deadlines, struct omc_deadline *deadline)
{
    struct omc_deadlines_row *row = &deadlines->rows[SIZE_MAX - deadline->place];
    struct omc_deadline *before = deadline->before, *behind = deadline->behind;

    if (before == NULL)
        row->first = behind;
    else
        before->behind = behind;
    if (behind == NULL)
        row->last = before;
    else
        behind->before = before;
}

/* The row that it can stand at the end of; OMC_DEADLINES_ROWS: none. */
static size_t find_row(const struct omc_deadlines *deadlines, int64_t when)
{
    size_t i = 0;

    while (i < OMC_DEADLINES_ROWS && omc_deadlines_row_is_later(deadlines, i, when))
        i++;
    return i;
}

void omc_deadlines_place(struct omc_deadlines *deadlines, struct omc_deadline *deadline,
                         int64_t when)
{
    size_t row;

    omc_deadlines_remove(deadlines, deadline);
    row = find_row(deadlines, when);
    if (row < OMC_DEADLINES_ROWS)
        omc_deadlines_add_to_row(deadlines, row, deadline, when);
    else
        add_to_heap(deadlines, deadline, when);
}

void omc_deadlines_remove(struct omc_deadlines *deadlines, struct omc_deadline *deadline)
{
    if (deadline->place == 0)
        return;
    if (is_in_row(deadline))
        remove_from_row(deadlines, deadline);
    else
        remove_from_heap(deadlines, deadline);
    deadline->place = 0;
    deadlines->count--;
}

struct omc_deadline *omc_deadlines_find_first(const struct omc_deadlines *deadlines)
{
    struct omc_deadline *first = deadlines->heaped == 0 ? NULL : deadlines->heap[0];

    for (size_t i = 0; i < OMC_DEADLINES_ROWS; i++) {
        struct omc_deadline *one = deadlines->rows[i].first;

        if (one != NULL && (first == NULL || one->when < first->when))
            first = one;
    }
    return first;
}

void omc_deadlines_trim(struct omc_deadlines *deadlines)
{
    if (deadlines->count == 0 && deadlines->room > ROOM_KEPT)
        omc_deadlines_fini(deadlines);
}
