/*
 * What a protocol is to the rest of the library: a table of functions over
 * memory.  Requests go in as omc_ask, replies come out as omc_reply.
 *
 * A request is sent in three pieces: the head, which the codec writes, the value
 * as it is, and for some a tail, OMC_CODEC_TAIL.
 */
#ifndef OMC_PROTO_CODEC_H
#define OMC_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/ask.h"
#include "proto/opcode.h"

#define OMC_CODEC_TAIL "\r\n"

enum {
    OMC_CODEC_TAIL_MAX = sizeof(OMC_CODEC_TAIL) - 1,
    OMC_CODEC_HEAD_MAX = 600,  /* more than any head has; */
    OMC_CODEC_FRAME_MAX = 128, /* without key and options none has more */
    /* Client flags count as in the binary protocol where the size of an answer is limited. */
    OMC_CODEC_FLAGS_SIZE = 4,
};

/* What a reply of the meta protocol may tell unasked.  What it tells because it was asked has
 * the bits of enum omcache_meta_want_e, which count up from the other end. */
enum {
    OMC_DETAIL_STALE = 0x8000,
    OMC_DETAIL_WON = 0x4000,
    OMC_DETAIL_ALREADY_WON = 0x2000,
    OMC_DETAIL_UNCHANGED = 0x1000, /* this one is no flag: the value is the one that was known */
};

/* What it has told.  The rows of proto/meta_options.c say which flag goes where. */
struct omc_details {
    const unsigned char *flags; /* all flags as they came, each behind a blank; or NULL */
    uint16_t flags_len;
    uint16_t key_at; /* where among them a key is, that may have blanks, */
    uint16_t key_len;
    uint16_t known; /* bits of both kinds; what they do not name is not filled in */
    bool was_hit;
    int64_t ttl; /* these two in seconds; -1: forever */
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
    OMC_DECODE_REPLY, /* one reply; *size bytes were used: 0 if others are told the same by them */
    OMC_DECODE_MORE,  /* not all there yet; *size bytes are needed at least */
    OMC_DECODE_TOO_LARGE, /* opaque and opcode are set, the rest exceeds the limit */
    OMC_DECODE_BROKEN,    /* not this protocol, or an answer to nothing that was asked */
};

/* A request that has not been answered, for omc_codec's usual. */
struct omc_asked {
    const unsigned char *key; /* as it was sent, or NULL: nobody has that */
    size_t key_len;
    size_t data_max; /* a longer value is none of the usual */
    uint32_t number;
    uint8_t op;
    bool quiet;  /* no answer is sure to come */
    bool shared; /* another one on its line has not been answered, either */
};

/* A request that a reply may answer. */
struct omc_expected {
    uint32_t opaque;
    uint8_t opcode;

    /* by_opaque does not fill these in: */
    bool first;  /* no request in front of it is unanswered */
    bool shared; /* others on its line are not answered either */
};

/* Who knows what has been sent and not been answered.  Forgotten requests count:
 * their answers still come. */
struct omc_expect {
    const void *context;

    /* The request with that opaque; false if there is none. */
    bool (*by_opaque)(const void *context, uint32_t opaque, struct omc_expected *found);

    /* The oldest request that is sure to be answered, see omc_codec_is_quiet; false if there is
     * none. */
    bool (*oldest)(const void *context, struct omc_expected *found);

    /* The same, or one in front of it that nobody hears of (OMC_ASK_UNHEARD): whose an answer
     * without a number is, unless those are sure not to give it. */
    bool (*oldest_or_unheard)(const void *context, struct omc_expected *found);

    /* One of those on the line of the oldest, and not answered, that is about a key: the first, if
     * there is no reason for another.  False if there is none. */
    bool (*by_key)(const void *context, const unsigned char *key, size_t len,
                   struct omc_expected *found);
};

struct omc_codec {
    const char *name;
    int protocol;       /* OMCACHE_PROTOCOL_* */
    bool lacks_initial; /* counters go without their initial value */

    /* Traits that an opcode has all of if its requests may go without an answer, so that only a
     * later one's answer tells.  That is not for every opcode that is quiet in the binary
     * protocol: others hear of success, too, as a silent reply. */
    uint8_t quiet;

    /* Kinds of which that goes for all quiet opcodes, if nobody hears of the outcome. */
    uint16_t unheard;

    bool answers; /* it heeds OMC_ASK_ANSWERED */

    bool has_tail; /* OMC_CODEC_TAIL follows the value of a store */

    /* Requests that share a line, of so many bytes at most, also share the end of their answers:
     * what was not answered before that will not be.  0: there are none. */
    size_t line_max;

    /* Whether a request may share the line of the one before it; and writes what is added to the
     * line then, in place of its "\r\n".  Where that ends.  Both have been accepted. */
    bool (*joins)(const struct omc_ask *before, const struct omc_ask *ask);
    unsigned char *(*join)(unsigned char *out, const struct omc_ask *ask);

    /* Whether the protocol can carry a request, which then is ready to be encoded. */
    bool (*accept)(struct omc_ask *ask);

    /* Writes the head of a request that it has accepted, OMC_CODEC_HEAD_MAX bytes at most; where
     * that ends. */
    unsigned char *(*encode)(unsigned char *out, const struct omc_ask *ask, uint32_t number);

    /* Where the key is in that of a request that has one, and has it as it is.  NULL in its place:
     * that is not known. */
    size_t (*key_offset)(const struct omc_ask *ask);

    /* Reads the reply at the start of len bytes, and may rewrite its bytes when it is
     * all there.  max_body limits its body, and leaves room for a line and more below
     * SIZE_MAX.  Unless the outcome is OMC_DECODE_REPLY, what is in reply means nothing
     * (but see OMC_DECODE_TOO_LARGE). */
    enum omc_decode (*decode)(unsigned char *bytes, size_t len, size_t max_body,
                              const struct omc_expect *expect, struct omc_reply *reply,
                              size_t *size);

    /* Reads the answer at `bytes` if it is what the oldest request usually gets, and is all there:
     * a value, with the key that was asked for, or that all is well.  Where the answer ends; or
     * NULL, and what is in *value means nothing.  If then asked->number is another one than
     * before, the answer is to that request. */
    const unsigned char *(*usual)(const unsigned char *bytes, const unsigned char *end,
                                  struct omc_asked *asked, omcache_value_t *value);
};

static inline bool omc_codec_is_quiet(const struct omc_codec *codec, uint8_t opcode)
{
    return (omc_opcode_forms[opcode].traits & codec->quiet) == codec->quiet;
}

/* Whether one that is quiet otherwise asks for an answer in any case. */
static inline bool omc_codec_is_answered(const struct omc_codec *codec, const struct omc_ask *ask)
{
    return codec->answers && (ask->bits & OMC_ASK_ANSWERED) != 0;
}

/* Whether a request with that opcode is sent without asking for an answer if nobody hears of it.
 * Errors may come without a number, so such requests of one kind follow one another, and in front
 * of others there must be one that is answered in any case, and with nothing else. */
static inline bool omc_codec_is_unheard(const struct omc_codec *codec, uint8_t opcode)
{
    return (omc_opcode_kind(opcode) & codec->unheard) != 0 && omc_opcode_is_quiet(opcode);
}

/* No less than a request has when it is encoded; its key may go as base64. */
static inline size_t omc_codec_room(const struct omc_ask *ask)
{
    size_t key_len = ask->key_len, extra_len = ask->extra_len, value_len = ask->value_len;

    return OMC_CODEC_FRAME_MAX + 2 * key_len + extra_len + value_len;
}

static inline size_t omc_codec_tail_size(const struct omc_codec *codec, uint8_t opcode)
{
    return codec->has_tail && omc_opcode_kind(opcode) == OMC_KIND_STORE ? OMC_CODEC_TAIL_MAX : 0;
}

#endif
