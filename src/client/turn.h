/*
 * A server's turn: having its link do something, and acting on what that reports.  Requests get
 * their outcome or go elsewhere, the log is told, and the lists of touch.h.
 */
#ifndef OMC_CLIENT_TURN_H
#define OMC_CLIENT_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* Acts on all that the link has to report.  How many requests failed that the log was not told of.
 */
size_t omc_turn_take(omcache_t *mc, struct omc_server *server, int64_t now);

/* The same, and it receives what a wait has found, or what was read and is not handled yet. */
void omc_turn_receive(omcache_t *mc, struct omc_server *server, int64_t now);

/* Something happens to the link; `reason` says why, for the log. */
void omc_turn_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                    const char *reason, int64_t now);

/* Closes one that is given up and fails all of its requests with a status; how many. */
size_t omc_turn_end(omcache_t *mc, struct omc_server *server, int status);

/* Finds out whether a server has closed a connection that has been silent for a while, so that no
 * request need fail for it. */
void omc_turn_look_once(omcache_t *mc, struct omc_server *server, int64_t now);

/* Looks at it so, starts to connect if it is idle and has something to send, and fences its quiet
 * requests. */
void omc_turn_prepare(omcache_t *mc, struct omc_server *server, int64_t now);

/* Fences the quiet requests of one that is ready, and reads what it has answered. */
void omc_turn_settle(omcache_t *mc, struct omc_server *server, int64_t now);

/* Writes what the kernel takes, if there is anything to write. */
void omc_turn_write(omcache_t *mc, struct omc_server *server, int64_t now);

/* Copies what requests that still wait have borrowed from the call that has made them. */
void omc_turn_keep(omcache_t *mc, struct omc_server *server, int64_t now);

/* Reads once, whether or not a wait has found something. */
void omc_turn_read(omcache_t *mc, struct omc_server *server, int64_t now);

/* Acts on what the wait has found about its sockets. */
void omc_turn_ready(omcache_t *mc, struct omc_server *server, int64_t now);

/* The same for what there is to be found about some without waiting. */
void omc_turn_look(omcache_t *mc, struct omc_server **servers, size_t count, int64_t now);

/* Does what its deadline was for, if that has come. */
void omc_turn_check_deadline(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
