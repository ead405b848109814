/*
 * Reading numeric addresses.
 */
#include "net/address.h"

#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

/* Strictly digits: getaddrinfo would take "99999" modulo 65536, and " 1". */
static bool is_port(const char *text)
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

static const char *parse_path(struct omc_address *address, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof(name.sun_path))
        return "path too long for a socket";
    memcpy(name.sun_path, path, len);
    memcpy(&address->storage, &name, sizeof(name));
    address->len = sizeof(name);
    return NULL;
}

const char *omc_address_parse(struct omc_address *address, const char *host, const char *port)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found;

    if (host[0] == '/')
        return parse_path(address, host);
    if (!is_port(port))
        return "not a port number from 1 to 65535";
    /* An empty host would mean the loopback address. */
    if (host[0] == '\0' || getaddrinfo(host, port, &hints, &found) != 0)
        return "not a numeric address, and names are not looked up yet";
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}
