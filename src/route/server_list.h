/*
 * Server lists, as text and as a sorted array.  Entries are separated by commas:
 *
 *     [label=][scheme]address[/?weight]
 *
 * with an address of "host", "host:port", "[v6]", "[v6]:port", "v6" or
 * "/path/to/socket", and a scheme of "tls://" or "tcp://".
 */
#ifndef OMC_ROUTE_SERVER_LIST_H
#define OMC_ROUTE_SERVER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OMC_SERVER_LIST_PORT "11211"

enum {
    OMC_SERVER_LIST_PROBLEM = 200, /* bytes of what is said of a wrong list, with a NUL */
};

/* Whether a server is spoken to over TLS. */
enum omc_server_scheme {
    OMC_SERVER_SCHEME_ANY, /* if all others are */
    OMC_SERVER_SCHEME_TCP, /* never, */
    OMC_SERVER_SCHEME_TLS, /* or always */
};

struct omc_server_name {
    char *host;      /* without brackets; or the path of a socket */
    char *port;      /* as given, or "11211"; "0" of a socket */
    char *label;     /* what the ring knows it by in place of host and port, or NULL */
    uint32_t weight; /* at least 1 */
    uint32_t order;  /* place in the list as given: decides between equal ring points */
    enum omc_server_scheme scheme;
};

struct omc_server_list {
    struct omc_server_name *names; /* sorted by host, then port, then order */
    size_t count;
    char problem[OMC_SERVER_LIST_PROBLEM]; /* of one that cannot be read: which entry, and why */
};

/* Reads a list.  OMCACHE_OK; OMCACHE_INVALID for an entry that cannot be read, or a label
 * that two addresses have; OMCACHE_NO_MEMORY.  On failure the list is empty. */
int omc_server_list_parse(struct omc_server_list *list, const char *text);

/* A copy with strings of its own; false without memory. */
bool omc_server_list_copy_name(struct omc_server_name *copy, const struct omc_server_name *name);
void omc_server_list_free_name(struct omc_server_name *name);

void omc_server_list_fini(struct omc_server_list *list);

/* Orders by host, port and scheme, ignoring the order given. */
int omc_server_list_compare(const struct omc_server_name *a, const struct omc_server_name *b);

#endif
