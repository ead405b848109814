/*
 * Gets of many keys at once.
 */
#include <endian.h>
#include <string.h>

#include "api/call.h"
#include "base/memory.h"
#include "core/handle.h"
#include "omcache.h"
#include "proto/opcode.h"
#include "proto/request.h"

static bool keys_are_valid(const unsigned char **keys, const size_t *key_lens, size_t key_count,
                           size_t key_max)
{
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i] == NULL || key_lens[i] == 0 || key_lens[i] > key_max)
            return false;
    }
    return true;
}

/* Makes quiet requests for the keys; extras, one for each, may be NULL. */
static void fill(omcache_req_t *reqs, uint8_t opcode, const unsigned char **keys,
                 const size_t *key_lens, size_t key_count, const uint32_t *extras)
{
    size_t extra_len = extras == NULL ? 0 : sizeof(*extras);

    for (size_t i = 0; i < key_count; i++) {
        omcache_req_t *req = &reqs[i];

        req->server_index = -1;
        req->header.opcode = opcode;
        req->header.keylen = htobe16((uint16_t)key_lens[i]);
        req->header.extlen = (uint8_t)extra_len;
        req->header.bodylen = htobe32((uint32_t)(key_lens[i] + extra_len));
        req->extra = extras == NULL ? NULL : &extras[i];
        req->key = keys[i];
    }
}

static int get_multi(omcache_t *mc, uint8_t opcode, const unsigned char **keys,
                     const size_t *key_lens, size_t key_count, const uint32_t *extras,
                     omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                     size_t *value_count, int32_t timeout_msec)
{
    int rc;

    memset(reqs, 0, *req_count * sizeof(*reqs));
    if (values != NULL && value_count != NULL)
        memset(values, 0, *value_count * sizeof(*values));
    fill(reqs, opcode, keys, key_lens, key_count, extras);
    *req_count = key_count;
    rc = omc_call_command(mc, reqs, req_count, values, value_count, timeout_msec);
    return omc_call_end(mc, rc, value_count);
}

static bool arguments_are_valid(const omcache_t *mc, const unsigned char **keys,
                                const size_t *key_lens, size_t key_count, const omcache_req_t *reqs,
                                const size_t *req_count)
{
    return omc_call_begin(mc) && keys != NULL && key_lens != NULL && reqs != NULL &&
           req_count != NULL && *req_count >= key_count &&
           keys_are_valid(keys, key_lens, key_count,
                          OMC_REQUEST_KEY_MAX - mc->fleet.routing.keys.prefix_len);
}

int omcache_get_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens, size_t key_count,
                      omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                      size_t *value_count, int32_t timeout_msec)
{
    if (!arguments_are_valid(mc, keys, key_lens, key_count, reqs, req_count))
        return OMCACHE_INVALID;
    return get_multi(mc, OMC_OP_GETKQ, keys, key_lens, key_count, NULL, reqs, req_count, values,
                     value_count, timeout_msec);
}

int omcache_gat_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens,
                      time_t *expirations, size_t key_count, omcache_req_t *reqs, size_t *req_count,
                      omcache_value_t *values, size_t *value_count, int32_t timeout_msec)
{
    uint32_t *extras;
    int rc;

    if (!arguments_are_valid(mc, keys, key_lens, key_count, reqs, req_count) || expirations == NULL)
        return OMCACHE_INVALID;
    extras = omc_memory_new(key_count, sizeof(*extras));
    if (extras == NULL && key_count > 0)
        return OMCACHE_FAIL;
    for (size_t i = 0; i < key_count; i++)
        extras[i] = htobe32((uint32_t)expirations[i]);
    rc = get_multi(mc, OMC_OP_GATKQ, keys, key_lens, key_count, extras, reqs, req_count, values,
                   value_count, timeout_msec);
    omc_memory_free(extras); /* sent or copied */
    return rc;
}
