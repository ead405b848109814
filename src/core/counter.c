/*
 * Increment, add, increment.
 */
#include "core/counter.h"

#include <string.h>

#include "base/memory.h"
#include "proto/bytes.h"
#include "proto/opcode.h"
#include "proto/text.h"

enum {
    TRIES = 10, /* each of them means that another client has just removed the counter */
};

bool omc_counter_is_needed(const struct omc_codec *codec, const omcache_req_t *req)
{
    struct omc_scratch scratch;
    omcache_req_t add;

    return codec->lacks_initial && omc_opcode_is_delta(req->header.opcode) &&
           omc_text_make_counter(req, &scratch, &add);
}

struct omc_counter *omc_counter_new(const omcache_req_t *req, struct omc_prefix prefix)
{
    size_t key_len = omc_request_key_len(req);
    struct omc_counter *counter = omc_memory_new(1, sizeof(*counter) + prefix.len + key_len);

    if (counter == NULL)
        return NULL;
    memcpy(counter->extra, req->extra, req->header.extlen);
    if (prefix.len > 0)
        memcpy(counter->key, prefix.bytes, prefix.len);
    memcpy(counter->key + prefix.len, req->key, key_len);
    counter->delta = *req;
    counter->delta.extra = counter->extra;
    counter->delta.key = counter->key;
    counter->delta.header.keylen = htobe16((uint16_t)(prefix.len + key_len));
    counter->delta.header.bodylen = htobe32((uint32_t)(prefix.len + be32toh(req->header.bodylen)));
    return counter;
}

/* Queues the next request in place of the one that was answered. */
static int queue(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                 const omcache_req_t *req)
{
    return omc_server_submit(mc, server, req, (struct omc_prefix){.len = 0}, asked, SIZE_MAX);
}

/* There is no counter: make it. */
static int add_value(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked)
{
    struct omc_scratch scratch;
    omcache_req_t add;

    if (!omc_text_make_counter(&asked->counter->delta, &scratch, &add))
        return OMCACHE_FAIL;
    return queue(mc, server, asked, &add);
}

/* There is one again: count. */
static int count_again(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked)
{
    if (++asked->counter->tries >= TRIES)
        return OMCACHE_FAIL;
    return queue(mc, server, asked, &asked->counter->delta);
}

/* It stands behind the delta. */
static uint64_t initial_of(const struct omc_counter *counter)
{
    return omc_bytes_get64(counter->extra + sizeof(uint64_t));
}

/* Whether what was answered needs another request, which could be queued. */
static bool needs_more(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                       int *status)
{
    bool is_add = asked->opcode == OMC_OP_ADD;
    int rc;

    if (asked->owner == OMC_OWNER_GONE ||
        *status != (is_add ? OMCACHE_KEY_EXISTS : OMCACHE_NOT_FOUND))
        return false;
    rc = is_add ? count_again(mc, server, asked) : add_value(mc, server, asked);
    if (rc == OMCACHE_OK)
        return true;
    *status = rc;
    return false;
}

bool omc_counter_go_on(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                       struct omc_reply *reply)
{
    struct omc_counter *counter = asked->counter;

    if (needs_more(mc, server, asked, &reply->value.status))
        return true;
    reply->opcode = counter->delta.header.opcode;
    if (asked->opcode == OMC_OP_ADD && reply->value.status == OMCACHE_OK) {
        reply->value.delta_value = initial_of(counter);
        reply->silent = omc_opcode_is_quiet(reply->opcode);
    }
    omc_memory_free(counter);
    return false;
}
