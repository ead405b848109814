/*
 * Socket addresses, and reading them from numeric text.  Nothing here looks up a name.
 */
#ifndef OMC_NET_ADDRESS_H
#define OMC_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* No larger than the largest of them: each server has a few. */
struct omc_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } storage;
    socklen_t len;
};

enum {
    OMC_ADDRESSES_MAX = 64, /* of a name with more, the others are not used */
};

struct omc_addresses {
    struct omc_address *items;
    size_t count;
};

enum omc_address_kind {
    OMC_ADDRESS_NUMERIC, /* an address, which has been read */
    OMC_ADDRESS_NAME,    /* to be looked up; the port is a good one */
    OMC_ADDRESS_INVALID, /* neither: *problem says why, as a static string */
};

/* Reads a numeric IPv4 or IPv6 address (with %scope, if it has one) and a port
 * of 1 to 65535, or a "/path/to/socket", which needs no port. */
enum omc_address_kind omc_address_parse(struct omc_address *address, const char *host,
                                        const char *port, const char **problem);

/* Whether text is a port: digits only, from 1 to 65535. */
bool omc_address_is_port(const char *text);

/* A number that stands for it where a mistake costs little: two may have the same. */
uint64_t omc_address_sum(const struct omc_address *address);

/* Whether what is sent there stays on this machine: a socket's path, or a loopback address. */
bool omc_address_is_local(const struct omc_address *address);

bool omc_address_is_equal(const struct omc_address *a, const struct omc_address *b);
bool omc_address_is_among(const struct omc_addresses *addresses, const struct omc_address *address);

/* Fills in the addresses of this machine itself, in memory of the caller's to free; false
 * if there is none. */
bool omc_address_find_local(struct omc_addresses *found, const char *port, const char **problem);

#endif
