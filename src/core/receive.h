/*
 * From bytes to outcomes: reading a server's answers and matching them to its
 * requests.
 */
#ifndef OMC_CORE_RECEIVE_H
#define OMC_CORE_RECEIVE_H

#include <stdint.h>

#include "core/server.h"
#include "omcache.h"

/* Reads once and handles every answer that is complete.  Ends the connection if
 * the peer did, or if what came cannot be an answer. */
void omc_receive(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
