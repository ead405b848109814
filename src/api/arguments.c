/*
 * Keys and values of requests.
 */
#include "api/arguments.h"

#include "api/raw.h"
#include "client/handle.h"

bool omc_arguments_set_key(const omcache_t *mc, struct omc_ask *ask, const void *key,
                           size_t key_len)
{
    return omc_arguments_set(mc, ask, key, key_len, NULL, 0);
}

bool omc_arguments_set(const omcache_t *mc, struct omc_ask *ask, const void *key, size_t key_len,
                       const void *value, size_t value_len)
{
    if (key_len > OMC_ASK_KEY_MAX || value_len > UINT32_MAX - 2 * OMC_ASK_KEY_MAX)
        return false;
    ask->key = key;
    ask->key_len = (uint8_t)key_len;
    ask->value = value;
    ask->value_len = (uint32_t)value_len;
    return omc_ask_check(ask, mc->fleet.routing.keys.prefix_len);
}

bool omc_arguments_read(const omcache_t *mc, const omcache_req_t *req, struct omc_ask *ask)
{
    return omc_raw_read(req, ask) && omc_ask_check(ask, mc->fleet.routing.keys.prefix_len);
}
