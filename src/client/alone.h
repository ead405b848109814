/*
 * The turn of a server that alone has something to do, for a call that waits: it is written to and
 * read from at once.  That is one system call for the answer, and no list of touch.h hears of a
 * request that was asked and answered so.  What is left to be done is for the loop; and so are
 * servers that are down, and wait to come back.
 */
#ifndef OMC_CLIENT_ALONE_H
#define OMC_CLIENT_ALONE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/server.h"
#include "link/lone.h"
#include "omcache.h"
#include "proto/ask.h"

/* A request that was asked of a server so. */
struct omc_alone {
    struct omc_lone lone;
    uint32_t asked; /* when, in microseconds that wrap */
};

/* Asks, in a call that may wait so many milliseconds (-1: for ever).  False if the call needs the
 * loop: another server has something to do, a deadline is so near that an answer could not be
 * waited for a little, or this server has more to do than to answer. */
bool omc_alone_ask(omcache_t *mc, struct omc_server *server, struct omc_ask *ask,
                   int32_t timeout_msec, int64_t now, struct omc_alone *alone);

/* Takes the answer, with the time as it is then; false if it has not come, or is not as usual.
 * Then the request is to be queued, for omc_alone_go_on. */
bool omc_alone_answer(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      const struct omc_alone *alone, int64_t now, omcache_value_t *value);
void omc_alone_go_on(omcache_t *mc, struct omc_server *server, const struct omc_alone *alone,
                     int64_t now);

/* The server that alone has something to do in the midst of a loop, if that is to answer; NULL:
 * there is none. */
struct omc_server *omc_alone_find(const omcache_t *mc, int64_t now, int64_t deadline);

/* Waits a little for an answer; false if nothing came, so that next time it is better to do
 * without.  Else omc_alone_take acts on what came, with the time as it is then. */
bool omc_alone_await(struct omc_server *server);
void omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
