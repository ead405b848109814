/*
 * Server lists: "host:port, [v6]:port, ..." as text and as a sorted array.
 */
#ifndef OMC_ROUTE_SERVER_LIST_H
#define OMC_ROUTE_SERVER_LIST_H

#include <stddef.h>
#include <stdint.h>

struct omc_server_name {
    char *host;     /* without brackets */
    char *port;     /* as given, or "11211" */
    uint32_t order; /* place in the list as given: decides between equal ring points */
};

struct omc_server_list {
    struct omc_server_name *names; /* sorted by host, then port, then order */
    size_t count;
};

/* Reads a list.  OMCACHE_OK; OMCACHE_INVALID for an entry that cannot be read;
 * OMCACHE_FAIL without memory.  On failure the list is empty. */
int omc_server_list_parse(struct omc_server_list *list, const char *text);

void omc_server_list_fini(struct omc_server_list *list);

/* Orders by host and port, ignoring the order given. */
int omc_server_list_compare(const struct omc_server_name *a, const struct omc_server_name *b);

#endif
