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
#include "omcache.h"

/* Whether a call that may wait so many milliseconds (-1: for ever) can do without the loop when it
 * asks that server, as far as others are concerned: none has something to do, and nothing is due
 * so soon that an answer could not be waited for a little.  And writes the request that was just
 * queued; false if more is to be done than to await its answer. */
bool omc_alone_is_possible(const omcache_t *mc, const struct omc_server *server,
                           int32_t timeout_msec);
bool omc_alone_write(omcache_t *mc, struct omc_server *server, int64_t now);

/* The server of which that holds in the midst of a loop: it has nothing to do but to answer; NULL:
 * there is none. */
struct omc_server *omc_alone_find(const omcache_t *mc, int64_t now, int64_t deadline);

/* Waits a little for an answer; false if nothing came, so that next time it is better to do
 * without.  Else omc_alone_take acts on what came, with the time as it is then. */
bool omc_alone_await(struct omc_server *server);
void omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
