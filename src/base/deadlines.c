/*
 * The heap of deadlines: each is due no earlier than its parent, the one at half
 * its place.
 */
#include "base/deadlines.h"

#include "base/memory.h"

enum {
    ROOM_KEPT = 1024, /* an empty heap larger than that is given back */
};

void omc_deadlines_init(struct omc_deadlines *deadlines)
{
    *deadlines = (struct omc_deadlines){NULL, 0, 0};
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

/* Finds the place for a deadline when that at `place` is free, moving later ones
 * down, then earlier ones up. */
static void settle(struct omc_deadlines *deadlines, size_t place, struct omc_deadline *deadline)
{
    struct omc_deadline **heap = deadlines->heap;
    size_t child;

    for (; place > 1 && heap[place / 2 - 1]->when > deadline->when; place /= 2)
        put(deadlines, place, heap[place / 2 - 1]);
    for (; (child = 2 * place) <= deadlines->count; place = child) {
        if (child < deadlines->count && heap[child]->when < heap[child - 1]->when)
            child++;
        if (heap[child - 1]->when >= deadline->when)
            break;
        put(deadlines, place, heap[child - 1]);
    }
    put(deadlines, place, deadline);
}

void omc_deadlines_set(struct omc_deadlines *deadlines, struct omc_deadline *deadline, int64_t when)
{
    deadline->when = when;
    settle(deadlines, deadline->place != 0 ? deadline->place : ++deadlines->count, deadline);
}

void omc_deadlines_remove(struct omc_deadlines *deadlines, struct omc_deadline *deadline)
{
    size_t place = deadline->place;
    struct omc_deadline *last;

    if (place == 0)
        return;
    deadline->place = 0;
    last = deadlines->heap[--deadlines->count];
    if (last != deadline)
        settle(deadlines, place, last);
}

void omc_deadlines_trim(struct omc_deadlines *deadlines)
{
    if (deadlines->count == 0 && deadlines->room > ROOM_KEPT)
        omc_deadlines_fini(deadlines);
}
