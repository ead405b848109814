/*
 * What a protocol is to the rest of the library: a table of functions over
 * memory.  Requests go in as omcache_req_t, replies come out as omc_reply.
 *
 * A request is sent in three pieces: the head, which the codec writes, the data
 * as it is, and for some a tail, OMC_CODEC_TAIL.
 */
#ifndef OMC_PROTO_CODEC_H
#define OMC_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/request.h"

#define OMC_CODEC_TAIL "\r\n"

enum {
    OMC_CODEC_TAIL_MAX = sizeof(OMC_CODEC_TAIL) - 1,
    OMC_CODEC_EXTRA_MAX = 20,
    /* No head is longer than this, whatever head_size says. */
    OMC_CODEC_HEAD_MAX = 24 + 255 + 2 * OMC_REQUEST_KEY_MAX,
};

/* What a reply of the meta protocol may tell besides. */
enum {
    OMC_DETAIL_STALE = 1,
    OMC_DETAIL_WON = 2,
    OMC_DETAIL_ALREADY_WON = 4,
    OMC_DETAIL_TTL = 8,
    OMC_DETAIL_LAST_ACCESS = 16,
    OMC_DETAIL_WAS_HIT = 32, /* one of these two, if it tells */
    OMC_DETAIL_NOT_HIT = 64,
    OMC_DETAIL_SIZE = 128,
};

struct omc_details {
    uint8_t known; /* bits as above; what they do not name is not filled in */
    int64_t ttl;   /* these two in seconds; -1: forever */
    int64_t last_access;
    int64_t size;
};

/* One reply.  value.key and value.data point into the decoded bytes. */
struct omc_reply {
    omcache_value_t value;
    struct omc_details details; /* of omc_opcode_is_meta opcodes only */
    uint32_t opaque;            /* of the request that it answers */
    uint8_t opcode;             /* and its opcode */
    bool last;                  /* no further reply to the same request follows */
    bool silent;                /* the request is quiet and this is what it keeps quiet about:
                                 * it is settled, and nobody is told */
};

enum omc_decode {
    OMC_DECODE_REPLY,     /* one reply; *size bytes were used */
    OMC_DECODE_MORE,      /* not all there yet; *size bytes are needed at least */
    OMC_DECODE_TOO_LARGE, /* opaque and opcode are set, the rest exceeds the limit */
    OMC_DECODE_BROKEN,    /* not this protocol, or an answer to nothing that was asked */
};

/* A request that a reply may answer. */
struct omc_expected {
    uint32_t opaque;
    uint8_t opcode;
    bool first;       /* of `oldest`: no request in front of it is unanswered */
    uint32_t key_sum; /* of `oldest`: see there; 0: not known */
};

/* Who knows what has been sent and not been answered.  Forgotten requests count:
 * their answers still come. */
struct omc_expect {
    const void *context;

    /* The request with that opaque; false if there is none. */
    bool (*by_opaque)(const void *context, uint32_t opaque, struct omc_expected *found);

    /* The oldest request that is sure to be answered, see is_quiet; false if there is none. */
    bool (*oldest)(const void *context, struct omc_expected *found);
};

/* Room for those parts of a request that its encoded form does not have as they are. */
struct omc_scratch {
    unsigned char extra[OMC_CODEC_EXTRA_MAX];
    unsigned char key[OMC_REQUEST_KEY_MAX];
};

struct omc_codec {
    const char *name;
    int protocol;       /* OMCACHE_PROTOCOL_AUTO: none */
    bool lacks_initial; /* counters go without their initial value */

    /* Answers are told by their order only: so that one with another key is noticed, even
     * if nobody waits for it any more, requests are kept with the sum of theirs, prefix
     * included.  NULL if answers have numbers. */
    uint32_t (*key_sum)(struct omc_prefix prefix, const unsigned char *key, size_t len);

    /* Whether a request of this opcode may go without an answer, so that only a later
     * one's answer tells.  That is not for every opcode that is quiet in the binary
     * protocol: others hear of success, too, as a silent reply. */
    bool (*is_quiet)(uint8_t opcode);

    /* The head has at most so many bytes. */
    size_t (*head_size)(const omcache_req_t *req, size_t prefix_len);

    /* Writes the head, the prefix in front of the key.  How many bytes it has; 0 if
     * the protocol cannot carry the request, of which out may then have a part. */
    size_t (*encode_head)(unsigned char *out, const omcache_req_t *req, struct omc_prefix prefix,
                          uint32_t opaque);

    /* How many bytes of OMC_CODEC_TAIL follow the data: 0 or 2. */
    size_t (*tail_size)(uint8_t opcode);

    /* Reads back the whole request at the start of bytes that it encoded, with this
     * opcode; what it points to lies there or in scratch.  How many bytes it has. */
    size_t (*decode_request)(const unsigned char *bytes, uint8_t opcode,
                             struct omc_scratch *scratch, omcache_req_t *req);

    /* Reads the reply at the start of len bytes, and may rewrite its bytes when it is
     * all there.  max_body limits its body, and leaves room for a line and more below
     * SIZE_MAX.  Unless the outcome is OMC_DECODE_REPLY, what is in reply means nothing
     * (but see OMC_DECODE_TOO_LARGE). */
    enum omc_decode (*decode)(unsigned char *bytes, size_t len, size_t max_body,
                              const struct omc_expect *expect, struct omc_reply *reply,
                              size_t *size);
};

/* The sum of a request's key, or 0 if the codec needs none. */
static inline uint32_t omc_codec_key_sum(const struct omc_codec *codec, const omcache_req_t *req,
                                         struct omc_prefix prefix)
{
    return codec->key_sum == NULL ? 0 : codec->key_sum(prefix, req->key, omc_request_key_len(req));
}

#endif
