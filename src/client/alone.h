/*
 * The turn of a server that alone has something to do, for a call that waits for a request to it:
 * it is written to and read from at once.  If that is all, no list of touch.h hears of it; what is
 * left is for the loop.
 */
#ifndef OMC_CLIENT_ALONE_H
#define OMC_CLIENT_ALONE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* Whether a call that may wait so many milliseconds (-1: for ever) can do without the loop, as far
 * as others are concerned: no other server has something to do, and nothing else is due so soon
 * that an answer could not be waited for a little. */
bool omc_alone_is_possible(const omcache_t *mc, const struct omc_server *server,
                           int32_t timeout_msec);

/* Writes the request that was just queued, and waits a little; false if nothing has come.  If
 * something has, omc_alone_take acts on it, with the time as it is then: true if the current
 * batch has all of its answers. */
bool omc_alone_ask(omcache_t *mc, struct omc_server *server, int64_t now);
bool omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
