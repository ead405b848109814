/*
 * From a name to a connected socket; see dial.h.
 */
#include "link/dial.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "link/names.h"
#include "link/protocol.h"
#include "link/shortage.h"

static const struct omc_news no_news;

enum {
    /* Seconds for which a name is believed, whatever the name server says. */
    TTL_MIN = 1,
    TTL_MAX = 60,
};

/* Nothing could be looked up, and nothing is known, for want of something of ours. */
static struct omc_news lack(struct omc_link *link, int error)
{
    omc_endpoint_forget(&link->endpoint);
    return omc_shortage_news(link, error);
}

/* What a lookup that may be done has found. */
static struct omc_news read_lookup(struct omc_link *link, int64_t now)
{
    struct omc_endpoint *endpoint = &link->endpoint;
    const char *problem;
    uint32_t ttl = 0;

    if (!omc_lookup_is_done(endpoint->lookup))
        return no_news;
    if (omc_lookup_shortage(endpoint->lookup) != 0)
        return lack(link, omc_lookup_shortage(endpoint->lookup));
    if (omc_lookup_result(endpoint->lookup, &ttl, &problem) == NULL)
        return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
    if (endpoint->fresh_until == OMC_CLOCK_NEVER) {
        if (ttl < TTL_MIN)
            ttl = TTL_MIN;
        endpoint->fresh_until =
            omc_clock_after(now, 1000 * (int64_t)(ttl > TTL_MAX ? TTL_MAX : ttl));
    }
    return (struct omc_news){.event = OMC_EVENT_RESOLVED};
}

/* The lookup of its name that is under way, or is fresh, or is begun now; NULL without memory. */
static struct omc_lookup *look_up(struct omc_link *link, int64_t now)
{
    struct omc_endpoint *endpoint = &link->endpoint;

    if (endpoint->lookup != NULL && omc_lookup_is_done(endpoint->lookup) &&
        now >= endpoint->fresh_until)
        omc_endpoint_forget(endpoint);
    if (endpoint->lookup == NULL) {
        endpoint->lookup = omc_names_look_up(&link->shared->names, endpoint, now);
        endpoint->fresh_until = OMC_CLOCK_NEVER;
    }
    return endpoint->lookup;
}

struct omc_news omc_dial_resolve(struct omc_link *link, int64_t now)
{
    struct omc_endpoint *endpoint = &link->endpoint;
    const char *problem;

    switch (omc_address_parse(&endpoint->address, endpoint->host, endpoint->port, &problem)) {
    case OMC_ADDRESS_NUMERIC: /* though it may have been taken for a name, for want of memory */
        omc_endpoint_forget(endpoint);
        return (struct omc_news){.event = OMC_EVENT_RESOLVED};
    case OMC_ADDRESS_INVALID:
        return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
    case OMC_ADDRESS_NAME:
        break;
    }
    return look_up(link, now) == NULL ? lack(link, ENOMEM) : read_lookup(link, now);
}

/* Goes on with the socket that connected first. */
static struct omc_news accept_winner(struct omc_link *link, struct omc_attempt *winner)
{
    const struct omc_tls_way way = omc_link_way(link);

    link->address = winner->address;
    omc_watch_move(&link->shared->watches, &link->watch, &winner->watch);
    omc_race_fini(&link->race, &link->shared->watches);
    if (!omc_tls_open(&link->coming, link->watch.fd, &way))
        return omc_shortage_news(link, ENOMEM);
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

struct omc_news omc_dial_secure(struct omc_link *link)
{
    switch (omc_stream_secure(&link->coming)) {
    case OMC_SOCKET_AGAIN:
        return no_news;
    case OMC_SOCKET_CLOSED:
        return (struct omc_news){OMC_EVENT_FAILED, "closed by the server", 0};
    case OMC_SOCKET_ERROR:
        return omc_protocol_error(link, errno);
    default:
        omc_stream_move(&link->conn.stream, &link->coming);
        return (struct omc_news){.event = OMC_EVENT_SECURED};
    }
}
