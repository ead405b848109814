/*
 * Which servers a handle has: making and dropping them, and ending what goes on with all.
 */
#ifndef OMC_CLIENT_MEMBERS_H
#define OMC_CLIENT_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/fleet.h"
#include "omcache.h"

/* Replaces the servers; those with the same host and port stay as they are.
 * OMCACHE_OK, or with nothing changed OMCACHE_INVALID (not a list, or it has a name
 * and names cannot be looked up) or OMCACHE_NO_MEMORY. */
int omc_members_set(omcache_t *mc, const char *text);

/* Replaces the DNS servers and looks up all names anew.  OMCACHE_OK, or
 * OMCACHE_INVALID (cannot be read) or OMCACHE_NO_MEMORY with the old ones in use. */
int omc_members_set_dns_servers(omcache_t *mc, const char *servers, int64_t now);

/* Closes all connections and ends all lookups; every operation ends with
 * OMCACHE_CANCELLED. */
void omc_members_cancel(omcache_t *mc);

/* The same, and none is down any more. */
void omc_members_start_anew(omcache_t *mc);

/* A server with a copy of that name; NULL without memory.  And gives one up that is not in the
 * fleet any more; how many requests failed.  It is freed later, as this may be called from a
 * callback that it has run. */
struct omc_server *omc_members_make(omcache_t *mc, const struct omc_server_name *name);
size_t omc_members_drop(omcache_t *mc, struct omc_server *server);

/* Frees the servers that were dropped while a call may have been looking at them; those
 * with values that were handed out only if told to. */
void omc_members_free_dropped(omcache_t *mc, bool pinned_too);

/* Frees the servers of a fleet, and what it has of memory. */
void omc_members_fini(struct omc_fleet *fleet);

#endif
