/*
 * Finding a server; see finding.h.
 */
#include "link/finding.h"

#include <errno.h>

#include "base/clock.h"

enum {
    /* Seconds, whatever the name server says. */
    TTL_MIN = 1,
    TTL_MAX = 60,
};

static enum omc_finding_result starve(struct omc_endpoint *endpoint, int error)
{
    endpoint->shortage = error;
    omc_endpoint_forget(endpoint);
    return OMC_FINDING_STARVED;
}

/* What a lookup that may be done has found. */
static enum omc_finding_result read_lookup(struct omc_endpoint *endpoint, int64_t now,
                                           const char **problem)
{
    uint32_t ttl = 0;

    if (!omc_lookup_is_done(endpoint->lookup))
        return OMC_FINDING_WAIT;
    if (omc_lookup_shortage(endpoint->lookup) != 0)
        return starve(endpoint, omc_lookup_shortage(endpoint->lookup));
    if (omc_lookup_result(endpoint->lookup, &ttl, problem) == NULL)
        return OMC_FINDING_FAILED;
    if (endpoint->fresh_until == OMC_CLOCK_NEVER) {
        if (ttl < TTL_MIN)
            ttl = TTL_MIN;
        endpoint->fresh_until =
            omc_clock_after(now, 1000 * (int64_t)(ttl > TTL_MAX ? TTL_MAX : ttl));
    }
    return OMC_FINDING_FOUND;
}

enum omc_finding_result omc_finding_of(struct omc_names *names, struct omc_endpoint *endpoint,
                                       int64_t now, const char **problem)
{
    switch (omc_address_parse(&endpoint->address, endpoint->host, endpoint->port, problem)) {
    case OMC_ADDRESS_NUMERIC:
        return OMC_FINDING_FOUND;
    case OMC_ADDRESS_INVALID:
        return OMC_FINDING_FAILED;
    case OMC_ADDRESS_NAME:
        break;
    }
    if (endpoint->lookup != NULL && omc_lookup_is_done(endpoint->lookup) &&
        now >= endpoint->fresh_until)
        omc_endpoint_forget(endpoint);
    if (endpoint->lookup == NULL) {
        endpoint->lookup = omc_names_look_up(names, endpoint, now);
        endpoint->fresh_until = OMC_CLOCK_NEVER;
    }
    if (endpoint->lookup == NULL)
        return starve(endpoint, ENOMEM);
    return read_lookup(endpoint, now, problem);
}
