/*
 * What a protocol is to the rest of the library: a table of functions over
 * memory.  Requests go in as omcache_req_t, replies come out as omc_reply.
 */
#ifndef OMC_PROTO_CODEC_H
#define OMC_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/request.h"

/* One reply.  value.key and value.data point into the decoded bytes. */
struct omc_reply {
    omcache_value_t value;
    uint32_t opaque; /* of the request that it answers */
    uint8_t opcode;
    bool last; /* no further reply to the same request follows */
};

enum omc_decode {
    OMC_DECODE_REPLY,     /* one reply; *size bytes were used */
    OMC_DECODE_MORE,      /* not all there yet; *size bytes are needed at least */
    OMC_DECODE_TOO_LARGE, /* opaque and opcode are set, the rest exceeds the limit */
    OMC_DECODE_BROKEN,    /* not this protocol */
};

struct omc_codec {
    const char *name;

    /* Bytes of the encoded request without its data, which follows as it is. */
    size_t (*head_size)(const omcache_req_t *req, size_t prefix_len);

    /* Writes these bytes, the prefix in front of the key. */
    void (*encode_head)(unsigned char *out, const omcache_req_t *req, struct omc_prefix prefix,
                        uint32_t opaque);

    /* Reads back the request at the start of bytes that it encoded; what it points
     * to lies there.  How many bytes it has. */
    size_t (*decode_request)(const unsigned char *bytes, omcache_req_t *req);

    /* Reads the reply at the start of len bytes.  max_body limits its body, and
     * leaves room for a header below SIZE_MAX. */
    enum omc_decode (*decode)(const unsigned char *bytes, size_t len, size_t max_body,
                              struct omc_reply *reply, size_t *size);
};

#endif
