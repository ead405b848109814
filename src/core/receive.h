/*
 * From bytes to outcomes: reading a server's answers and matching them to its
 * requests.
 */
#ifndef OMC_CORE_RECEIVE_H
#define OMC_CORE_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/server.h"
#include "omcache.h"

/* Reads once and handles every answer that is complete.  Ends the connection if
 * the peer did, or if what came cannot be an answer. */
void omc_receive(omcache_t *mc, struct omc_server *server, int64_t now);

/* Handles what was read and is not handled yet: the callback that makes this call was called
 * for an answer in front of it. */
void omc_receive_rest(omcache_t *mc, struct omc_server *server, int64_t now);

/* Takes the prefix off the key that a get came with. */
void omc_receive_strip(struct omc_reply *reply, size_t prefix_len);

/* Waits for something to read, but not for long; false if there is nothing yet. */
bool omc_receive_await(omcache_t *mc, struct omc_server *server);

#endif
