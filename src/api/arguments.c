/*
 * Keys and values of requests.
 */
#include "api/arguments.h"

#include "api/raw.h"
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

bool omc_arguments_read(const omcache_t *mc, const omcache_req_t *req, struct omc_ask *ask)
{
    return omc_raw_read(req, ask) && omc_ask_check(ask, mc->fleet.routing.keys.prefix_len);
}
