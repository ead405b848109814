/*
 * Operations whose time is over: each ends, and its server is doubted.
 */
#ifndef OMC_CLIENT_EXPIRY_H
#define OMC_CLIENT_EXPIRY_H

#include <stdint.h>

#include "omcache.h"

void omc_expiry_check(omcache_t *mc, int64_t now);

#endif
