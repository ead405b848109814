/*
 * Giving a server a request, to be sent soon.
 */
#ifndef OMC_CLIENT_ENQUEUE_H
#define OMC_CLIENT_ENQUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "client/handle.h"
#include "client/server.h"
#include "link/queue.h"
#include "omcache.h"

enum omc_enqueue_bytes {
    OMC_ENQUEUE_COPY,   /* what the request points to is copied now, */
    OMC_ENQUEUE_BORROW, /* or stays where it is until it is written, or copied by omc_enqueue_keep
                         */
};

/* How long the prefix is that the application has for the key of a request. */
static inline size_t omc_enqueue_prefix_len(const omcache_t *mc, const struct omc_ask *ask)
{
    return omc_opcode_needs_key(ask->op) ? mc->fleet.routing.keys.prefix_len : 0;
}

/* Puts the application's prefix in front of the key, and queues a request on the server's
 * connection, of which omc_enqueue_note is then to be told; as omc_connection_submit. */
int omc_enqueue(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                const struct omc_claim *claim, enum omc_enqueue_bytes bytes);

/* The same, with a note, for one that has been queued before, and has a prefix, if any. */
int omc_enqueue_again(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      const struct omc_claim *claim);

/* Whether omc_link_submit_plain is all that omc_enqueue would do for what somebody hears of. */
static inline bool omc_enqueue_is_plain(const omcache_t *mc, const struct omc_server *server,
                                        enum omc_enqueue_bytes bytes)
{
    return bytes == OMC_ENQUEUE_BORROW && mc->fleet.routing.keys.prefix_len == 0 &&
           omc_connection_is_plain(&server->link.conn);
}

/* Copies what waiting requests have borrowed.  Those fail for which there is no memory.  False if
 * that is one that is half written. */
bool omc_enqueue_keep(omcache_t *mc, struct omc_server *server);

/* Notes what is to be done about a new request. */
void omc_enqueue_note(omcache_t *mc, struct omc_server *server);

#endif
