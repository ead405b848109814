/*
 * When something of ours runs out; see shortage.h.
 */
#include "link/shortage.h"

#include <errno.h>
#include <string.h>

#include "omcache.h"

struct omc_news omc_shortage_news(const struct omc_link *link, int error)
{
    struct omc_news news = {OMC_EVENT_STARVED, strerror(error), error};

    /* What was never sent may go on with another connection, unless this one was of no use. */
    if (link->phase == OMC_PHASE_READY && link->conn.answered)
        news.event = OMC_EVENT_DISCARD;
    return news;
}

int omc_shortage_status(int error)
{
    return error == ENOMEM || error == ENOBUFS ? OMCACHE_NO_MEMORY : OMCACHE_NO_DESCRIPTORS;
}
