/*
 * Increment, add, increment.
 */
#include "link/counter.h"

#include <string.h>

#include "base/memory.h"
#include "proto/opcode.h"
#include "proto/text.h"

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
