/*
 * Reading lists of DNS servers, more strictly than c-ares, which ignores what it takes
 * for mistakes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/address.h"
#include "net/resolver.h"

/* No port needs more than five digits, and zeros in front are a mistake. */
static bool is_port(const char *text)
{
    return strlen(text) <= 5 && omc_address_is_port(text);
}

static bool is_ip(int family, const char *text)
{
    struct in6_addr ignored;

    return inet_pton(family, text, &ignored) == 1;
}

static bool is_server(char *text)
{
    char *colon = strrchr(text, ':');

    if (text[0] == '[') {
        if (colon == NULL || colon[-1] != ']' || !is_port(colon + 1))
            return false;
        colon[-1] = '\0';
        return is_ip(AF_INET6, text + 1);
    }
    if (colon == NULL)
        return is_ip(AF_INET, text);
    if (strchr(text, ':') != colon)
        return is_ip(AF_INET6, text);
    *colon = '\0';
    return is_ip(AF_INET, text) && is_port(colon + 1);
}

bool omc_resolver_check_servers(const char *servers)
{
    char entry[64]; /* the longest one has 54: "[", an IPv6 address, "]:65535" */
    size_t len;

    if (servers == NULL)
        return true;
    for (;; servers += len + 1) {
        len = strcspn(servers, ",");
        if (len >= sizeof(entry))
            return false;
        memcpy(entry, servers, len);
        entry[len] = '\0';
        if (!is_server(entry))
            return false;
        if (servers[len] == '\0')
            return true;
    }
}
