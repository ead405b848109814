/*
 * Socket addresses from numeric text.  Nothing here looks up a name.
 */
#ifndef OMC_NET_ADDRESS_H
#define OMC_NET_ADDRESS_H

#include <sys/socket.h>

struct omc_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Reads a numeric IPv4 or IPv6 address (with %scope, if it has one) and a port
 * of 1 to 65535, or a "/path/to/socket", which needs no port.  NULL if it could,
 * else what is wrong, as a static string. */
const char *omc_address_parse(struct omc_address *address, const char *host, const char *port);

#endif
