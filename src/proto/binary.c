/*
 * The binary protocol: 24 bytes of header, then extras, key and data, all
 * numbers in network byte order.
 */
#include "proto/binary.h"

#include "base/copy.h"
#include "omcache.h"
#include "proto/ask.h"
#include "proto/bytes.h"
#include "proto/opcode.h"

enum {
    RESPONSE_MAGIC = 0x81,

    FLAGS_SIZE = 4,
    NUMBER_SIZE = 8,
};

static bool binary_accept(struct omc_ask *ask)
{
    ask->bits &= (uint8_t)~OMC_ASK_ENCODED;
    return !omc_opcode_is_own(ask->op) && ask->value_len <= OMC_ASK_VALUE_MAX;
}

static unsigned char *put_extras(unsigned char *out, const struct omc_ask *ask, uint32_t size)
{
    if ((ask->bits & OMC_ASK_RAW) != 0)
        return omc_bytes_put(out, ask->extra, size);
    if (size == OMC_OPCODE_STORED_SIZE)
        out = omc_bytes_put32(out, ask->flags);
    if (size == OMC_OPCODE_COUNTED_SIZE)
        out = omc_bytes_put64(omc_bytes_put64(out, ask->delta), ask->initial);
    return omc_bytes_put32(out, ask->expiration);
}

static unsigned char *binary_encode(unsigned char *out, const struct omc_ask *ask, uint32_t number)
{
    uint32_t extra_size = (uint32_t)omc_ask_extra_size(ask), key_len = ask->key_len;
    const unsigned char *key = ask->key;

    out = omc_bytes_put32(out, (uint32_t)OMC_ASK_MAGIC << 24 | (uint32_t)ask->op << 16 | key_len);
    out = omc_bytes_put32(out, extra_size << 24);
    out = omc_bytes_put32(out, extra_size + key_len + ask->value_len);
    out = omc_bytes_put32(out, number);
    out = omc_bytes_put64(out, ask->cas);
    if (extra_size > 0)
        out = put_extras(out, ask, extra_size);
    return omc_bytes_put(out, key, key_len);
}

static size_t binary_key_offset(const struct omc_ask *ask)
{
    return OMC_ASK_HEADER_SIZE + omc_ask_extra_size(ask);
}

static int status_of(uint16_t status)
{
    switch (status) {
    case OMCACHE_OK:
    case OMCACHE_NOT_FOUND:
    case OMCACHE_KEY_EXISTS:
    case OMCACHE_TOO_LARGE_VALUE:
    case OMCACHE_NOT_STORED:
    case OMCACHE_DELTA_BAD_VALUE:
        return status;
    default:
        return OMCACHE_FAIL;
    }
}

/* Tells a stream of something else as early as its bytes allow. */
static bool looks_foreign(const unsigned char *bytes, size_t len)
{
    return (len > 0 && bytes[0] != RESPONSE_MAGIC) || (len > 5 && bytes[5] != 0);
}

/* Reads what a good answer to that opcode tells in its extras, or as its data; false if it is not
 * what that has. */
static inline bool read_numbers(uint8_t opcode, const unsigned char *extra, size_t extra_len,
                                omcache_value_t *value)
{
    if (omc_opcode_is_get(opcode)) {
        if (extra_len < FLAGS_SIZE || (value->key_len == 0 && omc_opcode_is_keyed(opcode)))
            return false;
        value->flags = omc_bytes_get32(extra);
    } else if (omc_opcode_is_delta(opcode)) {
        /* A quiet one that succeeds has no answer, so there always is a number. */
        if (value->data_len != NUMBER_SIZE)
            return false;
        value->delta_value = omc_bytes_get64(value->data);
    }
    return true;
}

/* Whether the key of a value is what was asked for, if that is known. */
static inline bool is_key_of(const struct omc_asked *asked, const omcache_value_t *value)
{
    if (!omc_opcode_is_keyed(asked->op))
        return value->key_len == 0;
    if (asked->key == NULL)
        return value->key_len > 0 && value->key_len <= OMC_ASK_KEY_MAX;
    return value->key_len > 0 && value->key_len == asked->key_len &&
           omc_copy_equals(value->key, asked->key, value->key_len);
}

/* Replies have the numbers of their requests: expect is not needed. */
static enum omc_decode decode_binary(unsigned char *bytes, size_t len, size_t max_body,
                                     const struct omc_expect *expect, struct omc_reply *reply,
                                     size_t *size)
{
    const unsigned char *extra = bytes + OMC_ASK_HEADER_SIZE;
    omcache_value_t *value = &reply->value;
    uint32_t key_len, extra_len, body_len;

    (void)expect;
    *size = OMC_ASK_HEADER_SIZE;
    if (len < OMC_ASK_HEADER_SIZE)
        return looks_foreign(bytes, len) ? OMC_DECODE_BROKEN : OMC_DECODE_MORE;
    if (looks_foreign(bytes, OMC_ASK_HEADER_SIZE))
        return OMC_DECODE_BROKEN;
    key_len = omc_bytes_get16(bytes + 2);
    extra_len = bytes[4];
    body_len = omc_bytes_get32(bytes + 8);
    if (key_len + extra_len > body_len)
        return OMC_DECODE_BROKEN;

    reply->opcode = bytes[1];
    reply->opaque = omc_bytes_get32(bytes + 12);
    if (body_len > max_body)
        return OMC_DECODE_TOO_LARGE;
    *size += body_len;
    if (len < *size)
        return OMC_DECODE_MORE;

    value->status = status_of(omc_bytes_get16(bytes + 6));
    value->key = extra + extra_len;
    value->key_len = key_len;
    value->data = value->key + key_len;
    value->data_len = body_len - key_len - extra_len;
    value->flags = 0;
    value->cas = omc_bytes_get64(bytes + 16);
    value->delta_value = 0;
    if (value->status == OMCACHE_OK && !read_numbers(reply->opcode, extra, extra_len, value))
        return OMC_DECODE_BROKEN;
    reply->last = reply->opcode != OMC_OP_STAT || value->status != OMCACHE_OK || key_len == 0;
    reply->silent = false;
    return OMC_DECODE_REPLY;
}

enum {
    /* All of these are answered with nothing but a cas, if all is well. */
    SHORT_KINDS = OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_TOUCH | OMC_KIND_NOOP,
};

/* Values, and answers with nothing in them. */
static const unsigned char *binary_usual(const unsigned char *bytes, const unsigned char *end,
                                         struct omc_asked *asked, omcache_value_t *value)
{
    uint16_t kind = omc_opcode_kind(asked->op);
    bool is_get = kind == OMC_KIND_GET;
    size_t extra_len = is_get ? FLAGS_SIZE : 0, key_len, body_len;
    const unsigned char *extra = bytes + OMC_ASK_HEADER_SIZE;
    uint32_t number;

    if (end - bytes < OMC_ASK_HEADER_SIZE || bytes[0] != RESPONSE_MAGIC)
        return NULL;
    number = omc_bytes_get32(bytes + 12);
    if (number != asked->number) {
        asked->number = number;
        return NULL;
    }
    key_len = omc_bytes_get16(bytes + 2);
    body_len = omc_bytes_get32(bytes + 8);
    /* The length of the extras, a byte that is 0, and the status. */
    if (bytes[1] != asked->op || omc_bytes_get32(bytes + 4) != extra_len << 24 ||
        extra_len + key_len > body_len || body_len > (size_t)(end - extra))
        return NULL;
    value->status = OMCACHE_OK;
    value->key = extra + extra_len;
    value->key_len = key_len;
    value->data = value->key + key_len;
    value->data_len = body_len - key_len - extra_len;
    value->flags = is_get ? omc_bytes_get32(extra) : 0;
    value->cas = omc_bytes_get64(bytes + 16);
    value->delta_value = 0;
    if (is_get ? value->data_len > asked->data_max || !is_key_of(asked, value)
               : body_len > 0 || (kind & SHORT_KINDS) == 0 || omc_opcode_is_quiet(asked->op))
        return NULL;
    return value->data + value->data_len;
}

const struct omc_codec omc_binary_codec = {
    .name = "binary",
    .protocol = OMCACHE_PROTOCOL_BINARY,
    .quiet = OMC_OPCODE_QUIET,
    .accept = binary_accept,
    .encode = binary_encode,
    .key_offset = binary_key_offset,
    .decode = decode_binary,
    .usual = binary_usual,
};
