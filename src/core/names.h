/*
 * The resolver of a handle and its descriptors.  There is none until a name is
 * first looked up.
 */
#ifndef OMC_CORE_NAMES_H
#define OMC_CORE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "core/watch.h"
#include "net/resolver.h"
#include "omcache.h"

struct omc_names {
    struct omc_resolver *resolver;
    char *servers; /* DNS servers as given, or NULL for the system's */

    struct omc_watch **watches;
    size_t count;

    int64_t now;      /* while the resolver is at work */
    int64_t deadline; /* when it wants to be called again */
};

void omc_names_init(struct omc_names *names);

/* Ends all lookups that are under way, and closes their descriptors; and frees the
 * rest. */
void omc_names_stop(omcache_t *mc);
void omc_names_fini(omcache_t *mc);

/* Replaces the DNS servers, which must be readable; lookups must have been freed
 * before.  False without memory. */
bool omc_names_set_servers(omcache_t *mc, const char *servers);

/* Begins to look up the name of a server, which is told of the end by
 * omc_server_found unless that is before this returns.  NULL without memory. */
struct omc_lookup *omc_names_look_up(omcache_t *mc, struct omc_server *server, int64_t now);

/* Chooses its descriptors for the next wait. */
void omc_names_choose(omcache_t *mc);

/* Acts on what was found about its descriptors. */
void omc_names_dispatch(omcache_t *mc, int64_t now);

/* Both, without waiting: acts on what there is. */
void omc_names_look(omcache_t *mc, int64_t now);

/* Acts on timeouts, if some are due. */
void omc_names_check_deadline(omcache_t *mc, int64_t now);

#endif
