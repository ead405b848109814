/*
 * The life of a server, from its first connection to its end: the one place where its state
 * changes.
 */
#ifndef OMC_CLIENT_LIFECYCLE_H
#define OMC_CLIENT_LIFECYCLE_H

#include <stddef.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* A server with a copy of that name, and memory of that pool; NULL without memory. */
struct omc_server *omc_lifecycle_new(const struct omc_server_name *name, struct omc_pool *pool,
                                     uint32_t first_number);

/* Frees one that was aborted. */
void omc_lifecycle_free(omcache_t *mc, struct omc_server *server);

/* What happens to the server; `reason` says why, for the log. */
void omc_lifecycle_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                         const char *reason, int64_t now);

/* Its connection has failed with that errno while it was written to. */
void omc_lifecycle_broken(omcache_t *mc, struct omc_server *server, int error, int64_t now);

/* Reads once and handles every answer that is complete.  Ends the connection if the peer did, or
 * if what came cannot be an answer. */
void omc_lifecycle_receive(omcache_t *mc, struct omc_server *server, int64_t now);

/* Handles what was read and is not handled yet: the callback that makes this call was called
 * for an answer in front of it. */
void omc_lifecycle_receive_rest(omcache_t *mc, struct omc_server *server, int64_t now);

/* Closes one that is given up and fails all of its requests with a status; how
 * many. */
size_t omc_lifecycle_abort(omcache_t *mc, struct omc_server *server, int status);

/* Gives up the second connection, if there is one, with the first. */
void omc_lifecycle_drop_second(omcache_t *mc, struct omc_server *server);

/* Fences its quiet requests, and starts to connect if it is idle and has
 * something to send. */
void omc_lifecycle_prepare(omcache_t *mc, struct omc_server *server, int64_t now);

/* Writes what the kernel takes, if there is anything to write. */
void omc_lifecycle_write(omcache_t *mc, struct omc_server *server, int64_t now);

/* Copies what requests that still wait have borrowed from the call that has made them. */
void omc_lifecycle_keep(omcache_t *mc, struct omc_server *server, int64_t now);

/* Acts on what the wait has found about its sockets. */
void omc_lifecycle_ready(omcache_t *mc, struct omc_server *server, int64_t now);

/* Goes on with one whose name was being looked up: that has ended, or must be begun
 * again. */
void omc_lifecycle_found(omcache_t *mc, struct omc_server *server, int64_t now);

/* Chooses its sockets for the next wait. */
void omc_lifecycle_choose(omcache_t *mc, struct omc_server *server);

#endif
