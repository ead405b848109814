/*
 * Requests in the form that the public interface has them: an omcache_req_t,
 * whose lengths are in network byte order and whose data length is implied.
 * Every request passes omc_request_check before anything else looks at it.
 */
#ifndef OMC_PROTO_REQUEST_H
#define OMC_PROTO_REQUEST_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

enum {
    OMC_REQUEST_MAGIC = 0x80,
    OMC_REQUEST_KEY_MAX = 250,
};

/* Bytes that go in front of keys. */
struct omc_prefix {
    const unsigned char *bytes;
    size_t len;
};

/* True if the lengths fit together, have their pointers, and the key is one
 * that the operation can have, behind a prefix of that length. */
bool omc_request_check(const omcache_req_t *req, size_t prefix_len);

/* Fills in those header fields that are the library's, for the caller to see. */
static inline void omc_request_complete(omcache_req_t *req, uint32_t opaque)
{
    req->header.magic = OMC_REQUEST_MAGIC;
    req->header.datatype = 0;
    req->header.reserved = 0;
    req->header.opaque = opaque;
}

static inline size_t omc_request_key_len(const omcache_req_t *req)
{
    return be16toh(req->header.keylen);
}

static inline size_t omc_request_data_len(const omcache_req_t *req)
{
    return be32toh(req->header.bodylen) - omc_request_key_len(req) - req->header.extlen;
}

#endif
