/*
 * From the resolver to the servers; see lookups.h.
 */
#include "client/lookups.h"

#include "client/handle.h"
#include "client/turn.h"
#include "link/life.h"

static void go_on_with_found(omcache_t *mc, int64_t now)
{
    struct omc_endpoint *endpoint;

    while ((endpoint = omc_names_take_found(&mc->shared.names, now)) != NULL) {
        struct omc_link *link = omc_link_of_endpoint(endpoint);

        omc_life_found(link, now);
        omc_turn_take(mc, omc_server_of(link), now);
    }
}

void omc_lookups_dispatch(omcache_t *mc, int64_t now)
{
    omc_names_dispatch(&mc->shared.names, now);
    go_on_with_found(mc, now);
}

void omc_lookups_look(omcache_t *mc, int64_t now)
{
    omc_names_look(&mc->shared.names, now);
    omc_lookups_check_deadline(mc, now);
}

void omc_lookups_check_deadline(omcache_t *mc, int64_t now)
{
    omc_names_check_deadline(&mc->shared.names, now);
    go_on_with_found(mc, now);
}
