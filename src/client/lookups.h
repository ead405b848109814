/*
 * Lookups of names, and the servers that wait for them.
 */
#ifndef OMC_CLIENT_LOOKUPS_H
#define OMC_CLIENT_LOOKUPS_H

#include <stdint.h>

#include "omcache.h"

/* Acts on what was found about the resolver's descriptors; servers go on. */
void omc_lookups_dispatch(omcache_t *mc, int64_t now);

/* Acts on what there is to be found without waiting, and on timeouts. */
void omc_lookups_look(omcache_t *mc, int64_t now);

/* Acts on timeouts, if some are due. */
void omc_lookups_check_deadline(omcache_t *mc, int64_t now);

#endif
