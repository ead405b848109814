/*
 * Names of hosts.
 */
#include "net/host_name.h"

#include <string.h>
#include <strings.h>

enum {
    HOST_MAX = 253, /* bytes of a name */
    LABEL_MAX = 63, /* and of what is between two of its dots */
};

/* DNS would carry almost any bytes, and take "" for its root. */
bool omc_host_name_is_valid(const char *host)
{
    size_t label = 0, len = strlen(host);

    for (size_t i = 0; i < len; i++) {
        if (host[i] == '.' && label > 0)
            label = 0; /* the last may be empty: the name is absolute then */
        else if (strchr("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                        host[i]) == NULL ||
                 ++label > LABEL_MAX)
            return false;
    }
    return len > 0 && len <= HOST_MAX;
}

bool omc_host_name_is_local(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0;
}
