/*
 * Streams: requests that a server answers with lines for as long as it likes.  Each has a
 * connection of its own, over which text is spoken, so that nothing waits behind it.  That is the
 * connection of a server beside those of the list, which is there for as long as somebody waits
 * for its request.
 */
#ifndef OMC_CLIENT_STREAMS_H
#define OMC_CLIENT_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "client/handle.h"
#include "client/operation.h"
#include "client/server.h"
#include "omcache.h"
#include "proto/ask.h"

/* Sends an operation's request to a server of the list on a connection of its own.  OMCACHE_OK, or
 * why it was not accepted. */
int omc_streams_begin(omcache_t *mc, struct omc_server *home, const struct omc_ask *ask,
                      struct omc_operation *operation, int64_t now);

/* Ends those with that context; each is told OMCACHE_CANCELLED. */
void omc_streams_cancel(omcache_t *mc, const void *context);

/* How many there are. */
static inline size_t omc_streams_count(const omcache_t *mc)
{
    return mc->fleet.all - mc->fleet.count;
}

/* Gives up the connections of those that have ended. */
void omc_streams_close_ended(omcache_t *mc);

#endif
