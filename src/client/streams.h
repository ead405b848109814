/*
 * Streams: requests that a server answers with lines for as long as it likes.  Each has a
 * connection of its own, over which text is spoken, so that nothing waits behind it.  That is the
 * connection of a server beside those of the list, which is there for as long as somebody waits
 * for its request.
 *
 * While its callback is told of a line it is not read: else each call of that which waits would
 * be told of the next one, and so forth, one inside of the other.
 */
#ifndef OMC_CLIENT_STREAMS_H
#define OMC_CLIENT_STREAMS_H

#include <stdbool.h>
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

/* Lets those be read that were begun by the call that has just returned: nothing may be told of
 * them before that. */
void omc_streams_let_go(omcache_t *mc);

/* Whether the request of one has a deadline. */
bool omc_streams_has_deadline(const struct omc_server *server);

/* For omc_streams_close_ended, where there are any. */
void omc_streams_close_some(omcache_t *mc);

/* Closes the connections of those that have ended; and forgets them, when no call looks at them. */
static inline void omc_streams_close_ended(omcache_t *mc)
{
    if (omc_streams_count(mc) > 0)
        omc_streams_close_some(mc);
}

void omc_streams_drop_ended(omcache_t *mc);

#endif
