/*
 * Making links, and closing their sockets; see link.h.
 */
#include "link/link.h"

#include "base/histogram.h"

void omc_link_init(struct omc_link *link, struct omc_shared *shared, uint32_t first_number)
{
    link->shared = shared;
    link->up = true;
    omc_stream_init(&link->coming);
    omc_connection_init(&link->conn, &shared->pool, first_number);
    omc_watch_init(&link->watch, link);
}

void omc_link_fini(struct omc_link *link)
{
    omc_link_close_sockets(link);
    omc_endpoint_forget(&link->endpoint);
    omc_connection_fini(&link->conn);
    omc_tls_forget_session(&link->session);
    omc_histogram_free(link->counters.steps);
}

void omc_link_drop_second(struct omc_link *link)
{
    if (link->second == NULL)
        return;
    omc_second_free(link->second, &link->shared->watches);
    link->second = NULL;
    link->conn.held = false;
}

void omc_link_close_sockets(struct omc_link *link)
{
    omc_stream_close(&link->coming); /* while it has its descriptor */
    omc_stream_close(&link->conn.stream);
    omc_watch_close(&link->shared->watches, &link->watch);
    omc_race_fini(&link->race, &link->shared->watches);
    omc_link_drop_second(link);
}
