/*
 * Counting and logging of losses; see losses.h.
 */
#include "client/losses.h"

#include <inttypes.h>

#include "base/status.h"
#include "client/handle.h"

enum {
    PAUSE = 1000000, /* microseconds between two lines of a server */
};

static bool is_failure(int status)
{
    return status != OMCACHE_OK && status != OMCACHE_NOT_FOUND && status != OMCACHE_KEY_EXISTS &&
           status != OMCACHE_NOT_STORED;
}

void omc_losses_note(omcache_t *mc, struct omc_server *server, int status, size_t count)
{
    if (count == 0 || !is_failure(status))
        return;
    server->link.counters.lost += count;
    server->unlogged += (uint32_t)count;
    server->loss_status = (uint16_t)status;
    if (server->losing)
        return;
    server->losing = true;
    server->next_losing = mc->losing;
    mc->losing = server;
}

/* One that is not in the list any more will not be heard of again. */
static bool is_due(const omcache_t *mc, const struct omc_server *server)
{
    return server->logged_at == 0 || server->dropped ||
           mc->shared.usec - server->logged_at >= PAUSE;
}

void omc_losses_log(omcache_t *mc)
{
    struct omc_server **next = &mc->losing, *server;

    while ((server = *next) != NULL) {
        uint32_t count = server->unlogged;

        if (!is_due(mc, server)) {
            next = &server->next_losing;
            continue;
        }
        *next = server->next_losing;
        server->losing = false;
        server->unlogged = 0;
        server->logged_at = mc->shared.usec | 1;
        omc_log(&mc->log, OMC_LOG_NOTICE,
                "%s:%s: %" PRIu32
                " requests failed or were refused, and nobody was told; the last: %s",
                server->name.host, server->name.port, count, omc_status_text(server->loss_status));
    }
}
