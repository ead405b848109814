/*
 * Where a server can be reached: an address, or a name and what it was last
 * found to stand for.
 */
#ifndef OMC_LINK_ENDPOINT_H
#define OMC_LINK_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"
#include "net/resolver.h"

struct omc_endpoint {
    const char *host, *port;    /* as its owner has them */
    struct omc_address address; /* if it is one */
    struct omc_lookup *lookup;  /* the last one of a name, or NULL */
    bool found;                 /* in the list of those whose lookups have ended */
    struct omc_endpoint *next_found;
    int64_t fresh_until; /* how long that is believed */
    uint64_t proven;     /* the sum of where memcached was last found, */
    uint64_t unproven;   /* and of where it was not; 0: nowhere */
};

/* Notes what it is called. */
static inline void omc_endpoint_name(struct omc_endpoint *endpoint, const char *host,
                                     const char *port)
{
    endpoint->host = host;
    endpoint->port = port;
}

/* Whether there is a way to reach such a server: an address or, if the library can
 * look them up, a name.  A port that is none is found out when it is used. */
bool omc_endpoint_can_reach(const char *host, const char *port);

/* The addresses found, in the order in which they should be tried; how many.
 * There is room for OMC_ADDRESSES_MAX. */
size_t omc_endpoint_list(const struct omc_endpoint *endpoint, const struct omc_address **list);

/* Notes that memcached was found at an address, or that something else was. */
void omc_endpoint_prove(struct omc_endpoint *endpoint, const struct omc_address *address);
void omc_endpoint_disprove(struct omc_endpoint *endpoint, const struct omc_address *address);

/* Forgets what is known of the name, and stops looking it up. */
void omc_endpoint_forget(struct omc_endpoint *endpoint);

#endif
