/*
 * What is known of the protocol of a server while there is no connection to it.
 */
#ifndef OMC_CLIENT_KNOWN_H
#define OMC_CLIENT_KNOWN_H

#include <stdbool.h>

#include "client/server.h"
#include "omcache.h"
#include "proto/ask.h"

/* The protocol that the server is known to speak, or is to; AUTO: not known. */
int omc_known_protocol(const omcache_t *mc, const struct omc_server *server);

/* Whether a request that has to wait for a connection can be carried over it, as far as the
 * connections before tell. */
bool omc_known_carries(const omcache_t *mc, const struct omc_server *server,
                       const struct omc_ask *ask);

#endif
