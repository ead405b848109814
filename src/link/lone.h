/*
 * A request that is alone, on a connection that owes nothing: it is written before it is queued,
 * and if the answer comes at once, and is the usual one, then it never is.
 *
 * The answer lies in a chunk, where the handle keeps it (pool.h) until a call begins that takes
 * back what was handed out.  That is for calls that no callback has made, as there is one such
 * answer.
 */
#ifndef OMC_LINK_LONE_H
#define OMC_LINK_LONE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"
#include "omcache.h"

struct omc_lone {
    struct omc_chunk *chunk; /* behind what is used of it lies what came */
    size_t given;            /* bytes of the request; */
    ssize_t taken;           /* how many of them were written, */
    ssize_t came;            /* and how many were read then; or the results of socket.h, */
    int error;               /* and the errno of what failed */
};

/* Asks, and waits a little for the answer.  False if that cannot be, and nothing has happened. Else
 * either omc_lone_take takes the answer, or the request is to be queued, and omc_lone_note told. */
bool omc_lone_ask(struct omc_link *link, struct omc_ask *ask, int64_t now, struct omc_lone *lone);

/* Takes the answer, which has taken so many microseconds; false if it is not there, or not the
 * usual one. */
bool omc_lone_take(struct omc_link *link, const struct omc_ask *ask, const struct omc_lone *lone,
                   uint32_t usec, int64_t now, omcache_value_t *value);

/* Notes what has become of the request, which has just been queued, and puts what came into the
 * inbox; omc_life_next goes on. */
void omc_lone_note(struct omc_link *link, const struct omc_lone *lone, int64_t now);

#endif
