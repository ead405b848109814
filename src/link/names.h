/*
 * The resolver of a handle and its descriptors.  There is none until a name is
 * first looked up.
 */
#ifndef OMC_LINK_NAMES_H
#define OMC_LINK_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "link/watch.h"
#include "net/resolver.h"

struct omc_endpoint;

struct omc_names {
    struct omc_resolver *resolver;
    char *servers; /* DNS servers as given, or NULL for the system's */

    struct omc_watches *watched; /* where its descriptors are watched, */
    struct omc_watch **watches;  /* by these */
    size_t count;

    struct omc_endpoint *found; /* those whose lookups have ended, and who are to go on */
    int64_t deadline;           /* when the resolver wants to be called again, or 0: for these */
};

void omc_names_init(struct omc_names *names, struct omc_watches *watched);

/* Ends all lookups that are under way, and closes their descriptors; and frees the
 * rest. */
void omc_names_stop(struct omc_names *names);
void omc_names_fini(struct omc_names *names);

/* Replaces the DNS servers, which must be readable; lookups must have been freed
 * before.  False without memory. */
bool omc_names_set_servers(struct omc_names *names, const char *servers);

/* Begins to look up the name of a server, which is found by omc_names_take_found when that has
 * ended, unless that is before this returns.  NULL without memory. */
struct omc_lookup *omc_names_look_up(struct omc_names *names, struct omc_endpoint *endpoint,
                                     int64_t now);

/* Chooses its descriptors for the next wait. */
void omc_names_choose(struct omc_names *names);

/* Acts on what was found about its descriptors. */
void omc_names_dispatch(struct omc_names *names, int64_t now);

/* The same, without waiting, for what there is. */
void omc_names_look(struct omc_names *names, int64_t now);

/* Acts on timeouts, if some are due. */
void omc_names_check_deadline(struct omc_names *names, int64_t now);

/* The next server whose lookup has ended, or NULL; and takes one out that is dropped. */
struct omc_endpoint *omc_names_take_found(struct omc_names *names, int64_t now);
void omc_names_forget(struct omc_names *names, struct omc_endpoint *endpoint);

#endif
