/*
 * How long a server may take: to connect, to begin to answer, to prove itself beside
 * another connection.
 */
#ifndef OMC_CLIENT_PATIENCE_H
#define OMC_CLIENT_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* When its time is over, or OMC_CLOCK_NEVER. */
int64_t omc_patience_deadline(const omcache_t *mc, const struct omc_server *server);

/* Does what the deadline was for: fails it without a sign of life, or tries its next
 * address. */
void omc_patience_check(omcache_t *mc, struct omc_server *server, int64_t now);

#endif
