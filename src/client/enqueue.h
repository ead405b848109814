/*
 * Giving a server a request, to be sent soon.
 */
#ifndef OMC_CLIENT_ENQUEUE_H
#define OMC_CLIENT_ENQUEUE_H

#include <stddef.h>

#include "client/server.h"
#include "link/queue.h"
#include "omcache.h"
#include "proto/request.h"

/* Queues a request on its connection, to be sent soon; as omc_connection_submit. */
int omc_enqueue(omcache_t *mc, struct omc_server *server, const omcache_req_t *req,
                struct omc_prefix prefix, const struct omc_pending *pending, size_t limit);

/* Notes that the newest request of its connection is new, and whose. */
void omc_enqueue_queued(omcache_t *mc, struct omc_server *server, struct omc_operation *operation);

/* Notes what is to be done about a new request. */
void omc_enqueue_note(omcache_t *mc, struct omc_server *server);

#endif
