/*
 * Operations whose answers come too late.  When the time of one is over it ends, and its server is
 * doubted.
 */
#ifndef OMC_CLIENT_EXPIRY_H
#define OMC_CLIENT_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/operation.h"
#include "omcache.h"

/* Gives up the request of an operation, which then is nobody's.  False if it has none. */
bool omc_expiry_abandon(omcache_t *mc, struct omc_operation *operation);

/* Ends the operations whose time is over. */
void omc_expiry_check(omcache_t *mc, int64_t now);

#endif
