/*
 * The binary protocol: 24 bytes of header, then extras, key and data, all
 * numbers in network byte order.
 */
#include "proto/binary.h"

#include <endian.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/command.h"
#include "proto/opcode.h"
#include "proto/request.h"

enum {
    RESPONSE_MAGIC = 0x81,

    FLAGS_SIZE = 4,
    NUMBER_SIZE = 8,
};

/* A response header in host order. */
struct header {
    uint8_t opcode;
    uint8_t extra_len;
    uint16_t key_len;
    uint16_t status;
    uint32_t body_len;
    uint32_t opaque;
    uint64_t cas;
};

static size_t head_size(const omcache_req_t *req, size_t prefix_len)
{
    return OMC_BINARY_HEADER_SIZE + (size_t)req->header.extlen + prefix_len +
           omc_request_key_len(req);
}

static bool binary_is_quiet(uint8_t opcode)
{
    return omc_opcode_is_quiet(opcode);
}

static size_t tail_size(uint8_t opcode)
{
    (void)opcode;
    return 0;
}

/* Any request at all. */
static inline size_t encode_waiting(unsigned char *out, const omcache_req_t *req,
                                    struct omc_prefix prefix, uint32_t opaque)
{
    struct omcache_req_header_s header = req->header;
    size_t key_len = omc_request_key_len(req);

    header.magic = OMC_REQUEST_MAGIC;
    header.datatype = 0;
    header.reserved = 0;
    header.opaque = htobe32(opaque);
    if (prefix.len > 0) {
        header.keylen = htobe16((uint16_t)(prefix.len + key_len));
        header.bodylen = htobe32((uint32_t)prefix.len + be32toh(header.bodylen));
    }
    memcpy(out, &header, OMC_BINARY_HEADER_SIZE);
    out += OMC_BINARY_HEADER_SIZE;
    if (header.extlen > 0)
        memcpy(out, req->extra, header.extlen);
    out += header.extlen;
    if (prefix.len > 0)
        memcpy(out, prefix.bytes, prefix.len);
    if (key_len > 0)
        memcpy(out + prefix.len, req->key, key_len);
    return OMC_BINARY_HEADER_SIZE + (size_t)header.extlen + prefix.len + key_len;
}

static size_t encode_head(unsigned char *out, const omcache_req_t *req, struct omc_prefix prefix,
                          uint32_t opaque)
{
    if (omc_opcode_is_meta(req->header.opcode) || omc_request_data_len(req) > OMC_COMMAND_DATA_MAX)
        return 0;
    return encode_waiting(out, req, prefix, opaque);
}

static size_t decode_request(const unsigned char *bytes, uint8_t opcode,
                             struct omc_scratch *scratch, omcache_req_t *req)
{
    (void)opcode;
    (void)scratch;
    memcpy(&req->header, bytes, OMC_BINARY_HEADER_SIZE);
    req->extra = bytes + OMC_BINARY_HEADER_SIZE;
    req->key = bytes + OMC_BINARY_HEADER_SIZE + req->header.extlen;
    req->data = req->key + omc_request_key_len(req);
    return head_size(req, 0) + omc_request_data_len(req);
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

static void read_header(const unsigned char *bytes, struct header *header)
{
    header->opcode = bytes[1];
    header->key_len = omc_bytes_get16(bytes + 2);
    header->extra_len = bytes[4];
    header->status = omc_bytes_get16(bytes + 6);
    header->body_len = omc_bytes_get32(bytes + 8);
    header->opaque = omc_bytes_get32(bytes + 12);
    header->cas = omc_bytes_get64(bytes + 16);
}

/* Tells a stream of something else as early as its bytes allow. */
static bool looks_foreign(const unsigned char *bytes, size_t len)
{
    return (len > 0 && bytes[0] != RESPONSE_MAGIC) || (len > 5 && bytes[5] != 0);
}

/* Fills in the parts of the body; false if they are not what the opcode has. */
static bool read_body(const struct header *header, const unsigned char *extra,
                      omcache_value_t *value)
{
    value->key = extra + header->extra_len;
    value->key_len = header->key_len;
    value->data = value->key + header->key_len;
    value->data_len = header->body_len - header->key_len - header->extra_len;
    if (value->status != OMCACHE_OK)
        return true;
    if (omc_opcode_is_get(header->opcode)) {
        if (header->extra_len < FLAGS_SIZE ||
            (header->key_len == 0 && omc_command_is_keyed(header->opcode)))
            return false;
        value->flags = omc_bytes_get32(extra);
    } else if (omc_opcode_is_delta(header->opcode)) {
        /* A quiet one that succeeds has no answer, so there always is a number. */
        if (value->data_len != NUMBER_SIZE)
            return false;
        value->delta_value = omc_bytes_get64(value->data);
    }
    return true;
}

/* Replies have the numbers of their requests: expect is not needed. */
static enum omc_decode decode_binary(unsigned char *bytes, size_t len, size_t max_body,
                                     const struct omc_expect *expect, struct omc_reply *reply,
                                     size_t *size)
{
    struct header header;

    (void)expect;
    *size = OMC_BINARY_HEADER_SIZE;
    if (looks_foreign(bytes, len))
        return OMC_DECODE_BROKEN;
    if (len < OMC_BINARY_HEADER_SIZE)
        return OMC_DECODE_MORE;
    read_header(bytes, &header);
    if ((uint32_t)header.key_len + header.extra_len > header.body_len)
        return OMC_DECODE_BROKEN;

    reply->opaque = header.opaque;
    reply->opcode = header.opcode;
    if (header.body_len > max_body)
        return OMC_DECODE_TOO_LARGE;
    *size += header.body_len;
    if (len < *size)
        return OMC_DECODE_MORE;

    reply->value = (omcache_value_t){.status = status_of(header.status), .cas = header.cas};
    if (!read_body(&header, bytes + OMC_BINARY_HEADER_SIZE, &reply->value))
        return OMC_DECODE_BROKEN;
    reply->last =
        header.opcode != OMC_OP_STAT || reply->value.status != OMCACHE_OK || header.key_len == 0;
    reply->silent = false;
    return OMC_DECODE_REPLY;
}

const struct omc_codec omc_binary_codec = {
    .name = "binary",
    .protocol = OMCACHE_PROTOCOL_BINARY,
    .is_quiet = binary_is_quiet,
    .head_size = head_size,
    .encode_head = encode_head,
    .tail_size = tail_size,
    .decode_request = decode_request,
    .decode = decode_binary,
};

const struct omc_codec omc_binary_waiting = {
    .name = "waiting",
    .protocol = OMCACHE_PROTOCOL_AUTO,
    .is_quiet = binary_is_quiet,
    .head_size = head_size,
    .encode_head = encode_waiting,
    .tail_size = tail_size,
    .decode_request = decode_request,
    .decode = decode_binary,
};
