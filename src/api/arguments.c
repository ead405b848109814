/*
 * Keys and values of requests.
 */
#include "api/arguments.h"

#include <string.h>

#include "api/raw.h"
#include "base/memory.h"
#include "client/handle.h"

bool omc_arguments_set_key(const omcache_t *mc, struct omc_ask *ask, const void *key,
                           size_t key_len)
{
    if (key_len > OMC_ASK_KEY_MAX || ask->value_len == OMC_ARGUMENTS_TOO_LONG)
        return false;
    ask->key = key;
    ask->key_len = (uint8_t)key_len;
    return omc_ask_check(ask, mc->fleet.routing.keys.prefix_len);
}

bool omc_arguments_copy(struct omc_ask *ask, unsigned char **copy)
{
    size_t key_len = ask->key_len, value_len = ask->value_len;

    *copy = omc_memory_new(1, key_len + value_len);
    if (*copy == NULL)
        return false;
    if (key_len > 0)
        ask->key = memcpy(*copy, ask->key, key_len);
    if (value_len > 0)
        ask->value = memcpy(*copy + key_len, ask->value, value_len);
    return true;
}

bool omc_arguments_read(const omcache_t *mc, const omcache_req_t *req, struct omc_ask *ask)
{
    return omc_raw_read(req, ask) && omc_ask_check(ask, mc->fleet.routing.keys.prefix_len);
}
