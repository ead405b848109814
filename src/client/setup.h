/*
 * Making and ending a handle.
 */
#ifndef OMC_CLIENT_SETUP_H
#define OMC_CLIENT_SETUP_H

#include <stdint.h>

#include "omcache.h"
#include "route/routing.h"

/* first: what the numbers of requests start from; they wrap.  seed: something that is different in
 * each process, and for each handle, for random numbers. */
omcache_t *omc_setup_new(const struct omc_routing *routing, uint32_t first, uint32_t seed);
void omc_setup_free(omcache_t *mc);

/* Ends all connections and operations, telling the application of that. */
void omc_setup_end(omcache_t *mc);

/* In a child process: leaves what is under way to the parent, and starts anew without
 * connections.  The parent's are closed here, of which neither it nor the servers hear. */
void omc_setup_start_anew(omcache_t *mc);

#endif
