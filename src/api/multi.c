/*
 * Gets of many keys at once.
 */
#include <endian.h>
#include <string.h>

#include "api/arguments.h"
#include "api/call.h"
#include "base/memory.h"
#include "client/handle.h"
#include "omcache.h"
#include "proto/opcode.h"
#include "proto/request.h"

/* What is asked for: count keys, each with an extra if there are extras. */
struct question {
    uint8_t opcode;
    const unsigned char **keys;
    const size_t *key_lens;
    size_t count;
    const uint32_t *extras;
};

static bool keys_are_valid(const struct question *question, size_t key_max)
{
    for (size_t i = 0; i < question->count; i++) {
        if (question->keys[i] == NULL || question->key_lens[i] == 0 ||
            question->key_lens[i] > key_max)
            return false;
    }
    return true;
}

static bool is_valid(const omcache_t *mc, const struct question *question,
                     const omcache_req_t *reqs, const size_t *req_count)
{
    return omc_call_is_allowed(mc) && question->keys != NULL && question->key_lens != NULL &&
           reqs != NULL && req_count != NULL && *req_count >= question->count &&
           keys_are_valid(question, OMC_REQUEST_KEY_MAX - mc->fleet.routing.keys.prefix_len);
}

static void fill_requests(omcache_req_t *reqs, size_t room, const struct question *question)
{
    size_t extra_len = question->extras == NULL ? 0 : sizeof(*question->extras);

    for (size_t i = 0; i < question->count; i++) {
        size_t key_len = question->key_lens[i];

        reqs[i] = (omcache_req_t){
            .server_index = -1,
            .header = {.opcode = question->opcode,
                       .keylen = htobe16((uint16_t)key_len),
                       .extlen = (uint8_t)extra_len,
                       .bodylen = htobe32((uint32_t)(key_len + extra_len))},
            .extra = question->extras == NULL ? NULL : &question->extras[i],
            .key = question->keys[i],
        };
    }
    memset(reqs + question->count, 0, (room - question->count) * sizeof(*reqs));
}

static int ask_all(omcache_t *mc, const struct question *question, omcache_req_t *reqs,
                   size_t *req_count, omcache_value_t *values, size_t *value_count,
                   int32_t timeout_msec)
{
    size_t room = values == NULL || value_count == NULL ? 0 : *value_count;
    int rc;

    fill_requests(reqs, *req_count, question);
    *req_count = question->count;
    omc_call_begin_io(mc);
    rc = omc_call_command(mc, reqs, req_count, values, value_count, timeout_msec);
    rc = omc_call_result(mc, rc, value_count);
    for (size_t i = room == 0 ? 0 : *value_count; i < room; i++)
        values[i] = (omcache_value_t){.status = 0};
    return rc;
}

/* The signatures are 0.3's: NOLINTBEGIN(readability-non-const-parameter) */

int omcache_get_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens, size_t key_count,
                      omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                      size_t *value_count, int32_t timeout_msec)
{
    struct question question = {OMC_OP_GETKQ, keys, key_lens, key_count, NULL};

    if (!is_valid(mc, &question, reqs, req_count))
        return OMCACHE_INVALID;
    return ask_all(mc, &question, reqs, req_count, values, value_count, timeout_msec);
}

int omcache_gat_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens,
                      time_t *expirations, size_t key_count, omcache_req_t *reqs, size_t *req_count,
                      omcache_value_t *values, size_t *value_count, int32_t timeout_msec)
{
    struct question question = {OMC_OP_GATKQ, keys, key_lens, key_count, NULL};
    uint32_t *extras;
    int rc;

    if (!is_valid(mc, &question, reqs, req_count) || expirations == NULL)
        return OMCACHE_INVALID;
    extras = omc_memory_new(key_count, sizeof(*extras));
    if (extras == NULL && key_count > 0)
        return OMCACHE_NO_MEMORY;
    for (size_t i = 0; i < key_count; i++)
        extras[i] = omc_arguments_expiration(expirations[i]);
    question.extras = extras;
    rc = ask_all(mc, &question, reqs, req_count, values, value_count, timeout_msec);
    omc_memory_free(extras); /* sent or copied */
    return rc;
}

/* NOLINTEND(readability-non-const-parameter) */
