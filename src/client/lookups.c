/*
 * From the resolver to the servers; see lookups.h.
 */
#include "client/lookups.h"

#include "client/handle.h"
#include "client/lifecycle.h"

static void go_on_with_found(omcache_t *mc, int64_t now)
{
    struct omc_server *server;

    while ((server = omc_names_take_found(&mc->names, now)) != NULL)
        omc_lifecycle_found(mc, server, now);
}

void omc_lookups_dispatch(omcache_t *mc, int64_t now)
{
    omc_names_dispatch(&mc->names, now);
    go_on_with_found(mc, now);
}

void omc_lookups_look(omcache_t *mc, int64_t now)
{
    omc_watch_choose_none(&mc->watches);
    omc_names_choose(&mc->names);
    omc_watch_wait(&mc->watches, 0);
    omc_lookups_dispatch(mc, now);
}

void omc_lookups_check_deadline(omcache_t *mc, int64_t now)
{
    omc_names_check_deadline(&mc->names, now);
    go_on_with_found(mc, now);
}
