/*
 * Reading numeric addresses.
 */
#include "net/address.h"

#include <netdb.h>
#include <string.h>
#include <sys/un.h>

#include "base/memory.h"

/* Strictly digits: getaddrinfo would take "99999" modulo 65536, and " 1". */
bool omc_address_is_port(const char *text)
{
    unsigned long number = 0;
    size_t len = strspn(text, "0123456789");

    if (len == 0 || text[len] != '\0')
        return false;
    for (size_t i = 0; i < len; i++) {
        number = number * 10 + (unsigned long)(text[i] - '0');
        if (number > 65535)
            return false;
    }
    return number > 0;
}

static enum omc_address_kind parse_path(struct omc_address *address, const char *path,
                                        const char **problem)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof(name.sun_path)) {
        *problem = "path too long for a socket";
        return OMC_ADDRESS_INVALID;
    }
    memcpy(name.sun_path, path, len);
    memcpy(&address->storage, &name, sizeof(name));
    address->len = sizeof(name);
    return OMC_ADDRESS_NUMERIC;
}

enum omc_address_kind omc_address_parse(struct omc_address *address, const char *host,
                                        const char *port, const char **problem)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found;

    *problem = NULL;
    if (host[0] == '/')
        return parse_path(address, host, problem);
    if (!omc_address_is_port(port))
        *problem = "not a port number from 1 to 65535";
    else if (host[0] == '\0' || strcmp(host, "*") == 0) /* to getaddrinfo the loopback address */
        *problem = "neither an address nor a name";
    if (*problem != NULL)
        return OMC_ADDRESS_INVALID;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return OMC_ADDRESS_NAME;
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return OMC_ADDRESS_NUMERIC;
}

uint64_t omc_address_sum(const struct omc_address *address)
{
    const unsigned char *bytes = (const unsigned char *)&address->storage;
    uint64_t sum = 14695981039346656037ULL; /* FNV-1a */

    for (size_t i = 0; i < address->len; i++)
        sum = (sum ^ bytes[i]) * 1099511628211ULL;
    return sum;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

bool omc_address_is_local(const struct omc_address *address)
{
    switch (address->storage.any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(address->storage.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    default:
        return is_loopback(&address->storage.v6.sin6_addr);
    }
}

bool omc_address_is_equal(const struct omc_address *a, const struct omc_address *b)
{
    return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

bool omc_address_is_among(const struct omc_addresses *addresses, const struct omc_address *address)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (omc_address_is_equal(&addresses->items[i], address))
            return true;
    }
    return false;
}

bool omc_address_find_local(struct omc_addresses *found, const char *port, const char **problem)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};

    found->items = omc_memory_new(2, sizeof(struct omc_address));
    if (found->items == NULL)
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (omc_address_parse(&found->items[found->count], hosts[i], port, problem) ==
            OMC_ADDRESS_NUMERIC)
            found->count++;
    }
    return true;
}
