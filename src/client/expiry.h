/*
 * Operations whose time is over: each ends, and its server is doubted.
 */
#ifndef OMC_CLIENT_EXPIRY_H
#define OMC_CLIENT_EXPIRY_H

#include <stdint.h>

#include "client/operation.h"
#include "omcache.h"

/* Gives up the request of an operation, which then is nobody's. */
void omc_expiry_abandon(omcache_t *mc, struct omc_operation *operation, int64_t now);

void omc_expiry_check(omcache_t *mc, int64_t now);

#endif
