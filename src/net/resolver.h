/*
 * Looking up names without ever waiting.  cares.c implements this, with dns_servers.c; or
 * nonames.c in a library built without c-ares, which knows no names at all.
 */
#ifndef OMC_NET_RESOLVER_H
#define OMC_NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct omc_resolver;
struct omc_lookup;

/* What a resolver asks of its owner. */
struct omc_resolver_owner {
    void *context;
    /* fd wants to be watched for these events of poll(): a new one, or others than
     * before.  False without memory: all lookups under way will end in a failure. */
    bool (*watch)(void *context, int fd, short events);
    /* fd is not needed any more, nor watched: to be closed by the owner, who need not
     * do it at once.  Every fd that was given to watch ends here, whatever that said. */
    void (*close)(void *context, int fd);
    /* A lookup that was under way has ended.  From here, unlike from the two above, the
     * resolver may be called, but not freed. */
    void (*found)(void *context, void *lookup_context);
};

/* Whether this library can look up names. */
bool omc_resolver_is_there(void);

/* A resolver with these DNS servers, which have been checked, or NULL for the system's.
 * Nothing is read or opened before the first lookup.  NULL without memory. */
struct omc_resolver *omc_resolver_new(const struct omc_resolver_owner *owner, const char *servers);

/* Ends it with all lookups under way, whose owners are not told, and free them before
 * or after this. */
void omc_resolver_free(struct omc_resolver *resolver);

/* Whether this is a list of DNS servers, "ip[:port],...", with an IPv6 address that has
 * a port in brackets; or NULL.  Nothing else is in a library that asks none. */
bool omc_resolver_check_servers(const char *servers);

/* Begins to look up a host, for a port that is a number.  NULL without memory. It may
 * be done when this returns, and owner.found will not be called then; else that is
 * called once, from omc_resolver_process, unless the lookup is freed before. */
struct omc_lookup *omc_resolver_look_up(struct omc_resolver *resolver, const char *host,
                                        const char *port, void *lookup_context);

bool omc_lookup_is_done(const struct omc_lookup *lookup);

/* What a lookup that is done has found: addresses, best first, both families in turn,
 * at least one and at most OMC_ADDRESSES_MAX; *ttl is their time to live in
 * seconds, 0 if they are from /etc/hosts or this machine's own.  Or NULL, with *problem, a static
 * string. Both live as long as the lookup. */
const struct omc_addresses *omc_lookup_result(const struct omc_lookup *lookup, uint32_t *ttl,
                                              const char **problem);

/* The errno of what it failed for want of, descriptors or memory; 0: it did not. */
int omc_lookup_shortage(const struct omc_lookup *lookup);

/* Forgets the lookup, done or not. */
void omc_lookup_free(struct omc_lookup *lookup);

/* Acts on what was found about a watched fd, and on timeouts; with fd -1, on timeouts
 * only.  Lookups that have ended are told from here. */
void omc_resolver_process(struct omc_resolver *resolver, int fd, short revents);

/* Milliseconds until the resolver wants to be called for timeouts; -1: not at all. */
int omc_resolver_timeout(struct omc_resolver *resolver);

#endif
