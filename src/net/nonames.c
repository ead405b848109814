/*
 * The resolver of a library built without c-ares: it knows no names, and there is
 * never a lookup.
 */
#include "net/resolver.h"

#include <stddef.h>

bool omc_resolver_is_there(void)
{
    return false;
}

bool omc_resolver_check_servers(const char *servers)
{
    return servers == NULL;
}

struct omc_resolver *omc_resolver_new(const struct omc_resolver_owner *owner, const char *servers)
{
    (void)owner;
    (void)servers;
    return NULL;
}

void omc_resolver_free(struct omc_resolver *resolver)
{
    (void)resolver;
}

struct omc_lookup *omc_resolver_look_up(struct omc_resolver *resolver, const char *host,
                                        const char *port, void *lookup_context)
{
    (void)resolver;
    (void)host;
    (void)port;
    (void)lookup_context;
    return NULL;
}

bool omc_lookup_is_done(const struct omc_lookup *lookup)
{
    (void)lookup;
    return true;
}

const struct omc_addresses *omc_lookup_result(const struct omc_lookup *lookup, uint32_t *ttl,
                                              const char **problem)
{
    (void)lookup;
    *ttl = 0;
    *problem = "names are not looked up by a library without c-ares";
    return NULL;
}

int omc_lookup_shortage(const struct omc_lookup *lookup)
{
    (void)lookup;
    return 0;
}

void omc_lookup_free(struct omc_lookup *lookup)
{
    (void)lookup;
}

void omc_resolver_process(struct omc_resolver *resolver, int fd, short revents)
{
    (void)resolver;
    (void)fd;
    (void)revents;
}

int omc_resolver_timeout(struct omc_resolver *resolver)
{
    (void)resolver;
    return -1;
}
