/*
 * Addresses of a server.
 */
#include "core/endpoint.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "core/handle.h"
#include "core/names.h"
#include "core/server.h"

enum {
    /* Seconds, whatever the name server says. */
    TTL_MIN = 1,
    TTL_MAX = 60,
};

bool omc_endpoint_can_reach(const struct omc_server_name *name)
{
    struct omc_address address;
    const char *problem;

    return omc_resolver_is_there() ||
           omc_address_parse(&address, name->host, name->port, &problem) != OMC_ADDRESS_NAME;
}

void omc_endpoint_forget(struct omc_endpoint *endpoint)
{
    if (endpoint->lookup != NULL)
        omc_lookup_free(endpoint->lookup);
    endpoint->lookup = NULL;
}

static enum omc_endpoint_result starve(struct omc_endpoint *endpoint, int error)
{
    endpoint->shortage = error;
    omc_endpoint_forget(endpoint);
    return OMC_ENDPOINT_STARVED;
}

/* What a lookup that may be done has found. */
static enum omc_endpoint_result read_lookup(struct omc_endpoint *endpoint, int64_t now,
                                            const char **problem)
{
    uint32_t ttl = 0;

    if (!omc_lookup_is_done(endpoint->lookup))
        return OMC_ENDPOINT_WAIT;
    if (omc_lookup_shortage(endpoint->lookup) != 0)
        return starve(endpoint, omc_lookup_shortage(endpoint->lookup));
    if (omc_lookup_result(endpoint->lookup, &ttl, problem) == NULL)
        return OMC_ENDPOINT_FAILED;
    if (endpoint->fresh_until == OMC_CLOCK_NEVER) {
        if (ttl < TTL_MIN)
            ttl = TTL_MIN;
        endpoint->fresh_until =
            omc_clock_after(now, 1000 * (int64_t)(ttl > TTL_MAX ? TTL_MAX : ttl));
    }
    return OMC_ENDPOINT_FOUND;
}

enum omc_endpoint_result omc_endpoint_find(omcache_t *mc, struct omc_server *server, int64_t now,
                                           const char **problem)
{
    struct omc_endpoint *endpoint = &server->endpoint;

    switch (omc_address_parse(&endpoint->address, server->name.host, server->name.port, problem)) {
    case OMC_ADDRESS_NUMERIC:
        return OMC_ENDPOINT_FOUND;
    case OMC_ADDRESS_INVALID:
        return OMC_ENDPOINT_FAILED;
    case OMC_ADDRESS_NAME:
        break;
    }
    if (endpoint->lookup != NULL && omc_lookup_is_done(endpoint->lookup) &&
        now >= endpoint->fresh_until)
        omc_endpoint_forget(endpoint);
    if (endpoint->lookup == NULL) {
        endpoint->lookup = omc_names_look_up(mc, server, now);
        endpoint->fresh_until = OMC_CLOCK_NEVER;
    }
    if (endpoint->lookup == NULL)
        return starve(endpoint, ENOMEM);
    return read_lookup(endpoint, now, problem);
}

/* The one that memcached was found at comes first, the one that it was not, last. */
size_t omc_endpoint_list(const struct omc_endpoint *endpoint, const struct omc_address **list)
{
    const struct omc_address *first = NULL, *last = NULL;
    const struct omc_addresses *found;
    size_t count = 0;
    uint32_t ttl;
    const char *problem;

    if (endpoint->lookup == NULL) {
        list[0] = &endpoint->address;
        return 1;
    }
    found = omc_lookup_result(endpoint->lookup, &ttl, &problem);
    for (size_t i = 0; i < found->count; i++) {
        if (omc_address_is_equal(&found->items[i], &endpoint->proven))
            list[count++] = first = &found->items[i];
        else if (omc_address_is_equal(&found->items[i], &endpoint->unproven))
            last = &found->items[i];
    }
    for (size_t i = 0; i < found->count; i++) {
        if (&found->items[i] != first && &found->items[i] != last)
            list[count++] = &found->items[i];
    }
    if (last != NULL)
        list[count++] = last;
    return count;
}

void omc_endpoint_prove(struct omc_endpoint *endpoint, const struct omc_address *address)
{
    endpoint->proven = *address;
    if (omc_address_is_equal(&endpoint->unproven, address))
        endpoint->unproven.len = 0;
}

void omc_endpoint_disprove(struct omc_endpoint *endpoint, const struct omc_address *address)
{
    endpoint->unproven = *address;
    if (omc_address_is_equal(&endpoint->proven, address))
        endpoint->proven.len = 0;
}
