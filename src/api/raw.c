/*
 * From the application's requests to the library's; see raw.h.
 */
#include "api/raw.h"

#include <endian.h>
#include <stddef.h>

#include "proto/bytes.h"
#include "proto/opcode.h"

/* Takes the extras that its opcode has in every protocol; false if it has others. */
static bool read_extras(struct omc_ask *ask, const unsigned char *bytes, size_t len)
{
    if (omc_opcode_kind(ask->op) == OMC_KIND_FLUSH && len > 0)
        ask->bits |= OMC_ASK_DATED;
    if (len != omc_ask_extra_size(ask))
        return false;
    if (len == 0)
        return true;
    if (len == OMC_OPCODE_STORED_SIZE)
        ask->flags = omc_bytes_get32(bytes);
    if (len == OMC_OPCODE_COUNTED_SIZE) {
        ask->delta = omc_bytes_get64(bytes);
        ask->initial = omc_bytes_get64(bytes + 8);
    }
    ask->expiration = omc_bytes_get32(bytes + len - 4);
    return true;
}

/* Whether it has no other parts than its opcode has in every protocol. */
static bool is_common(const struct omc_ask *ask)
{
    uint16_t kind = omc_opcode_kind(ask->op);

    return kind != 0 && (ask->value_len == 0 || kind == OMC_KIND_STORE) &&
           (ask->key_len == 0 || kind == OMC_KIND_STAT || omc_opcode_needs_key(ask->op));
}

bool omc_raw_read(const omcache_req_t *req, struct omc_ask *ask)
{
    size_t key_len = be16toh(req->header.keylen), extra_len = req->header.extlen;
    size_t body_len = be32toh(req->header.bodylen);

    if (omc_opcode_is_own(req->header.opcode) || key_len > OMC_ASK_KEY_MAX ||
        (extra_len > 0 && req->extra == NULL) || body_len < key_len + extra_len ||
        body_len > UINT32_MAX - OMC_ASK_KEY_MAX)
        return false;
    *ask = (struct omc_ask){
        .key = req->key,
        .value = req->data,
        .cas = be64toh(req->header.cas),
        .value_len = (uint32_t)(body_len - key_len - extra_len),
        .op = req->header.opcode,
        .key_len = (uint8_t)key_len,
    };
    if (!is_common(ask) || !read_extras(ask, req->extra, extra_len)) {
        ask->bits = OMC_ASK_RAW;
        ask->extra = req->extra;
        ask->extra_len = (uint8_t)extra_len;
    }
    return true;
}

enum {
    MOVED = INT32_MIN, /* a bit of a rank; no array is so long */
};

/* Moves requests round the circle of places that give theirs on to each other, from one of them. */
static void move_round(omcache_req_t *reqs, uint32_t *ranks, size_t start)
{
    omcache_req_t first = reqs[start];
    size_t place = start, next;

    for (; (next = ranks[place]) != start; place = next) {
        reqs[place] = reqs[next];
        ranks[place] |= (uint32_t)MOVED;
    }
    reqs[place] = first;
    ranks[place] |= (uint32_t)MOVED;
}

/* With one server each is where it belongs. */
void omc_raw_sort(omcache_req_t *reqs, uint32_t *ranks, size_t count)
{
    const uint32_t moved = (uint32_t)MOVED;

    for (size_t i = 0; i < count; i++) {
        if (ranks[i] != i && (ranks[i] & moved) == 0)
            move_round(reqs, ranks, i);
    }
    for (size_t i = 0; i < count; i++)
        ranks[i] &= ~moved;
}

void omc_raw_complete(omcache_req_t *req, uint32_t tag, int server_index)
{
    req->server_index = server_index;
    req->header.magic = OMC_ASK_MAGIC;
    req->header.datatype = 0;
    req->header.reserved = 0;
    req->header.opaque = tag;
}

void omc_raw_write(const struct omc_ask *ask, omcache_req_t *req)
{
    *req = (omcache_req_t){
        .server_index = -1,
        .header = {.opcode = ask->op,
                   .keylen = htobe16(ask->key_len),
                   .bodylen = htobe32(ask->key_len)},
        .key = ask->key,
    };
}
