/*
 * When something of ours runs out; see shortage.h.
 */
#include "core/shortage.h"

#include <errno.h>
#include <string.h>

#include "core/handle.h"

void omc_shortage_note(omcache_t *mc, struct omc_server *server, int error, int64_t now)
{
    const struct omc_server_name *name = &server->name;
    bool is_news = mc->shortage != error;

    /* What was never sent may go on with another connection, unless this one was of no use. */
    if (server->state == OMC_STATE_READY && server->conn.answered) {
        omc_server_event(mc, server, OMC_EVENT_DISCARD, strerror(error), now);
        return;
    }
    mc->shortage = error;
    omc_server_event(mc, server, OMC_EVENT_STARVED, NULL, now);
    omc_log(&mc->log, is_news ? OMC_LOG_ERROR : OMC_LOG_DEBUG,
            "%s:%s: no connection: %s; this program or machine lacks it, the server is not down",
            name->host, name->port, strerror(error));
}

int omc_shortage_status(int error)
{
    return error == ENOMEM || error == ENOBUFS ? OMCACHE_NO_MEMORY : OMCACHE_NO_DESCRIPTORS;
}
