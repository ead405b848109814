/*
 * From a name to a connected socket; see dial.h.
 */
#include "link/dial.h"

#include <errno.h>
#include <string.h>

#include "link/finding.h"
#include "link/shortage.h"

static const struct omc_news no_news;

struct omc_news omc_dial_resolve(struct omc_link *link, int64_t now)
{
    const char *problem;

    switch (omc_finding_of(&link->shared->names, &link->endpoint, now, &problem)) {
    case OMC_FINDING_FOUND:
        return (struct omc_news){.event = OMC_EVENT_RESOLVED};
    case OMC_FINDING_FAILED:
        return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
    case OMC_FINDING_STARVED:
        return omc_shortage_news(link, link->endpoint.shortage);
    case OMC_FINDING_WAIT:
        break;
    }
    return no_news;
}

/* Goes on with the socket that connected first. */
static struct omc_news accept_winner(struct omc_link *link, struct omc_attempt *winner)
{
    link->address = winner->address;
    omc_watch_move(&link->shared->watches, &link->watch, &winner->watch);
    omc_stream_open_plain(&link->conn.stream, link->watch.fd);
    omc_race_fini(&link->race, &link->shared->watches);
    link->shared->shortage = 0;
    return (struct omc_news){.event = OMC_EVENT_CONNECTED};
}

struct omc_news omc_dial_step(struct omc_link *link, int64_t now)
{
    struct omc_attempt *winner;

    switch (omc_race_step(&link->race, &link->shared->watches, now, &winner)) {
    case OMC_RACE_WON:
        return accept_winner(link, winner);
    case OMC_RACE_LOST:
        return (struct omc_news){OMC_EVENT_FAILED, strerror(link->race.error), 0};
    case OMC_RACE_STARVED:
        return omc_shortage_news(link, link->race.shortage);
    case OMC_RACE_ON:
        break;
    }
    return no_news;
}

struct omc_news omc_dial_connect(struct omc_link *link, int64_t now)
{
    const struct omc_address *addresses[OMC_ADDRESSES_MAX];
    size_t count = omc_endpoint_list(&link->endpoint, addresses);

    if (!omc_race_init(&link->race, link, addresses, count))
        return omc_shortage_news(link, ENOMEM);
    return omc_dial_step(link, now);
}
