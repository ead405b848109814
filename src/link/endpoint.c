/*
 * Addresses of a server.
 */
#include "link/endpoint.h"

#include <string.h>

bool omc_endpoint_can_reach(const char *host, const char *port)
{
    struct omc_address address;
    const char *problem;

    return omc_resolver_is_there() ||
           omc_address_parse(&address, host, port, &problem) != OMC_ADDRESS_NAME;
}

void omc_endpoint_forget(struct omc_endpoint *endpoint)
{
    if (endpoint->lookup != NULL)
        omc_lookup_free(endpoint->lookup);
    endpoint->lookup = NULL;
}

/* The one that memcached was found at comes first, the one that it was not, last.  Each comes once,
 * though a name server can make up addresses that have the same sum. */
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
        if (first == NULL && omc_address_sum(&found->items[i]) == endpoint->proven)
            list[count++] = first = &found->items[i];
        else if (omc_address_sum(&found->items[i]) == endpoint->unproven)
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
    endpoint->proven = omc_address_sum(address);
    if (endpoint->unproven == endpoint->proven)
        endpoint->unproven = 0;
}

void omc_endpoint_disprove(struct omc_endpoint *endpoint, const struct omc_address *address)
{
    endpoint->unproven = omc_address_sum(address);
    if (endpoint->proven == endpoint->unproven)
        endpoint->proven = 0;
}
