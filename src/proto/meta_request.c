/*
 * Writing requests of the meta protocol, and reading them back.
 */
#include "proto/meta_request.h"

#include <endian.h>

#include "proto/base64.h"
#include "proto/classic.h"
#include "proto/command.h"
#include "proto/line.h"
#include "proto/opcode.h"

#define ENCODED " b"
#define KEY_WANTED " k"

enum {
    /* More than any head has besides the key and options: a command and a length for
     * storing, or a delta and an initial value for counting, and flags, expiration, cas
     * and number. */
    FLAGS_MAX = 120,
    WORD_SIZE = 3,                                  /* of a command, with a blank */
    NUMBER_SIZE = 2 + OMC_META_REQUEST_OPAQUE_SIZE, /* of a request, with its flag */
};

/* The key of a request as it is sent. */
struct key {
    struct omc_prefix prefix;
    const unsigned char *bytes;
    size_t len;
    bool encoded; /* in base64 */
};

size_t omc_meta_request_head_size(const omcache_req_t *req, size_t prefix_len)
{
    return FLAGS_MAX + (size_t)req->header.extlen +
           omc_base64_size(prefix_len + omc_request_key_len(req));
}

/* The number of a request: each four bits become a byte. */
static unsigned char *put_opaque(unsigned char *out, uint32_t opaque)
{
    uint64_t digits = opaque;

    digits = (digits | digits << 16) & 0x0000ffff0000ffff;
    digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
    digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0f;
    digits = htobe64(digits | 0x3030303030303030);
    out = omc_line_put(out, " O");
    memcpy(out, &digits, sizeof(digits));
    return out + sizeof(digits);
}

/* Writes the key, as base64 if it is not plain; NULL if that is too long. */
static inline unsigned char *put_key(unsigned char *out, struct key *key)
{
    unsigned char joined[OMC_REQUEST_KEY_MAX];
    size_t len = key->prefix.len + key->len;

    key->encoded = !omc_line_is_plain(key->bytes, key->len) ||
                   (key->prefix.len > 0 && !omc_line_is_plain(key->prefix.bytes, key->prefix.len));
    if (!key->encoded) {
        out = omc_line_put_bytes(out, key->prefix.bytes, key->prefix.len);
        return omc_line_put_bytes(out, key->bytes, key->len);
    }
    if (omc_base64_size(len) > OMC_REQUEST_KEY_MAX)
        return NULL;
    omc_line_put_bytes(omc_line_put_bytes(joined, key->prefix.bytes, key->prefix.len), key->bytes,
                       key->len);
    return out + omc_base64_encode(out, joined, len);
}

/* What has the reply name the key, behind the number of the request. */
static unsigned char *put_key_wanted(unsigned char *out, const struct key *key)
{
    size_t len = key->prefix.len + key->len;

    *out++ = (unsigned char)('0' + len / 16);
    *out++ = (unsigned char)('0' + len % 16);
    return omc_line_put(out, KEY_WANTED);
}

static unsigned char *put_get(unsigned char *out, const struct omc_command *command,
                              const struct key *key, uint32_t opaque)
{
    if (key->encoded)
        out = omc_line_put(out, " b");
    out = omc_line_put(out, " v f c");
    if (command->dated)
        out = omc_line_put_flag(out, " T", omc_command_expiration(command, 0));
    out = put_opaque(out, opaque);
    if (command->keyed)
        out = put_key_wanted(out, key);
    return command->quiet ? omc_line_put(out, " q") : out;
}

/* A cas makes memcached's binary protocol forget whether it was to add or replace. */
static const char *store_mode(const struct omc_command *command)
{
    switch (command->plain) {
    case OMC_OP_ADD:
        return command->cas == 0 ? " ME" : "";
    case OMC_OP_REPLACE:
        return command->cas == 0 ? " MR" : "";
    case OMC_OP_APPEND:
        return " MA";
    case OMC_OP_PREPEND:
        return " MP";
    default:
        return "";
    }
}

static unsigned char *put_compared(unsigned char *out, const struct omc_command *command)
{
    return command->cas > 0 ? omc_line_put_flag(out, " C", command->cas) : out;
}

static unsigned char *put_store(unsigned char *out, const struct omc_command *command,
                                const struct key *key, size_t data_len)
{
    uint32_t expiration = omc_command_expiration(command, 0);

    out = omc_line_put_flag(out, " ", data_len);
    if (key->encoded)
        out = omc_line_put(out, " b");
    out = omc_line_put(out, store_mode(command));
    if (command->flags > 0)
        out = omc_line_put_flag(out, " F", command->flags);
    if (expiration > 0)
        out = omc_line_put_flag(out, " T", expiration);
    out = put_compared(out, command);
    return command->quiet ? out : omc_line_put(out, " c");
}

static unsigned char *put_delta(unsigned char *out, const struct omc_command *command,
                                const struct key *key)
{
    if (key->encoded)
        out = omc_line_put(out, " b");
    if (command->plain == OMC_OP_DECREMENT)
        out = omc_line_put(out, " MD");
    out = omc_line_put_flag(out, " D", command->delta);
    if (command->expiration != OMCACHE_DELTA_NO_ADD) {
        out = omc_line_put_flag(out, " N", omc_command_expiration(command, 0));
        out = omc_line_put_flag(out, " J", command->initial);
    }
    out = put_compared(out, command);
    return command->quiet ? out : omc_line_put(out, " v c");
}

static unsigned char *put_touch(unsigned char *out, const struct omc_command *command,
                                const struct key *key)
{
    out = omc_line_put(out, key->encoded ? " b c" : " c");
    return omc_line_put_flag(out, " T", omc_command_expiration(command, 0));
}

/* The command's word; NULL if meta has none. */
static const char *meta_word_of(uint16_t kind)
{
    switch (kind) {
    case OMC_KIND_GET:
    case OMC_KIND_TOUCH:
        return "mg ";
    case OMC_KIND_STORE:
        return "ms ";
    case OMC_KIND_DELTA:
        return "ma ";
    case OMC_KIND_DELETE:
        return "md ";
    default:
        return NULL;
    }
}

/* Options, which are the last in their line. */
static unsigned char *put_options(unsigned char *out, const omcache_req_t *req,
                                  const struct key *key, uint32_t opaque)
{
    if (omc_command_kind(req->header.opcode) == OMC_KIND_STORE)
        out = omc_line_put_flag(out, " ", omc_request_data_len(req));
    if (key->encoded)
        out = omc_line_put(out, ENCODED);
    out = put_opaque(out, opaque);
    if (omc_command_is_keyed(req->header.opcode))
        out = put_key_wanted(out, key);
    return omc_line_put_bytes(out, req->extra, req->header.extlen);
}

/* What stands between the key and the end of the line. */
static unsigned char *put_flags(unsigned char *out, const struct omc_command *command,
                                const struct key *key, size_t data_len, uint32_t opaque)
{
    switch (command->kind) {
    case OMC_KIND_GET:
        return put_get(out, command, key, opaque);
    case OMC_KIND_STORE:
        out = put_store(out, command, key, data_len);
        break;
    case OMC_KIND_DELTA:
        out = put_delta(out, command, key);
        break;
    case OMC_KIND_TOUCH:
        out = put_touch(out, command, key);
        break;
    default:
        if (key->encoded)
            out = omc_line_put(out, " b");
        out = put_compared(out, command);
        break;
    }
    return put_opaque(out, opaque);
}

/* A request that is no command of all protocols, but may be one with options. */
static size_t encode_options(unsigned char *out, const omcache_req_t *req, struct key *key,
                             uint32_t opaque)
{
    uint8_t opcode = req->header.opcode;
    uint16_t kind = omc_command_kind(opcode);
    unsigned char *start = out;

    if (!omc_opcode_is_meta(opcode) ||
        omc_request_data_len(req) > (kind == OMC_KIND_STORE ? OMC_COMMAND_DATA_MAX : 0))
        return 0;
    out = put_key(omc_line_put(out, meta_word_of(kind)), key);
    if (out == NULL)
        return 0;
    out = put_options(out, req, key, opaque);
    return (size_t)(omc_line_put(out, "\r\n") - start);
}

size_t omc_meta_request_encode_head(unsigned char *out, const omcache_req_t *req,
                                    struct omc_prefix prefix, uint32_t opaque)
{
    struct key key = {prefix, req->key, omc_request_key_len(req), false};
    unsigned char *start = out;
    struct omc_command command;
    const char *word;

    if (!omc_command_read(req, &command))
        return encode_options(out, req, &key, opaque);
    if (command.kind == OMC_KIND_NOOP)
        return (size_t)(omc_line_put(out, "mn\r\n") - start);
    word = meta_word_of(command.kind);
    if (word == NULL)
        return omc_classic_encode(out, req, &command);
    memcpy(out, word, WORD_SIZE);
    out = put_key(out + WORD_SIZE, &key);
    if (out == NULL)
        return 0;
    out = put_flags(out, &command, &key, omc_request_data_len(req), opaque);
    return (size_t)(omc_line_put(out, "\r\n") - start);
}

/* Reads one flag back. */
static void take_flag(struct omc_line word, struct omc_command *command, bool *encoded)
{
    unsigned char flag = *word.at++;
    uint64_t number = 0;

    if (flag == 'b')
        *encoded = true;
    else if (omc_line_number(&word, UINT64_MAX, &number)) {
        switch (flag) {
        case 'F':
            command->flags = (uint32_t)number;
            break;
        case 'N':
        case 'T':
            command->expiration = (uint32_t)number;
            command->dated = true;
            break;
        case 'D':
            command->delta = number;
            break;
        case 'J':
            command->initial = number;
            break;
        case 'C':
            command->cas = number;
            break;
        default:
            break;
        }
    }
}

/* Reads one with options back, whose line ends before `newline`. */
static size_t decode_options(const unsigned char *bytes, const unsigned char *newline,
                             uint8_t opcode, struct omc_scratch *scratch, omcache_req_t *req)
{
    bool keyed = omc_command_is_keyed(opcode);
    struct omc_line line = {bytes + WORD_SIZE, newline - 1}, key = omc_line_word(&line);
    size_t key_len = omc_line_left(&key);
    uint64_t data_len = 0;

    if (omc_command_kind(opcode) == OMC_KIND_STORE)
        omc_line_number(&line, UINT32_MAX, &data_len);
    else
        line.at--; /* onto the blank in front of the flags */
    req->key = key.at;
    if (omc_line_skip(&line, ENCODED)) {
        omc_base64_decode(scratch->key, key.at, key_len, &key_len);
        req->key = scratch->key;
    }
    line.at += NUMBER_SIZE;
    if (keyed)
        line.at += OMC_META_REQUEST_LENGTH_SIZE + strlen(KEY_WANTED);
    req->header = (struct omcache_req_header_s){
        .magic = OMC_REQUEST_MAGIC,
        .opcode = opcode,
        .keylen = htobe16((uint16_t)key_len),
        .extlen = (uint8_t)omc_line_left(&line),
        .bodylen = htobe32((uint32_t)(omc_line_left(&line) + key_len + data_len)),
    };
    req->extra = line.at;
    req->data = newline + 1;
    return (size_t)(newline + 1 - bytes) + (size_t)data_len + omc_classic_tail_size(opcode);
}

size_t omc_meta_request_decode(const unsigned char *bytes, uint8_t opcode,
                               struct omc_scratch *scratch, omcache_req_t *req)
{
    const unsigned char *newline = omc_line_find_end(bytes);
    struct omc_line line = {bytes, newline - 1}, key;
    struct omc_command command;
    uint64_t data_len = 0;
    bool encoded = false;
    size_t key_len;

    if (omc_opcode_is_meta(opcode))
        return decode_options(bytes, newline, opcode, scratch, req);
    omc_command_start(opcode, &command);
    if (meta_word_of(command.kind) == NULL) {
        omc_classic_decode_request(line, opcode, scratch, req);
        return (size_t)(newline + 1 - bytes);
    }
    if (command.kind == OMC_KIND_DELTA)
        command.expiration = OMCACHE_DELTA_NO_ADD; /* unless there is an N */
    omc_line_word(&line);
    key = omc_line_word(&line);
    if (command.kind == OMC_KIND_STORE)
        omc_line_number(&line, UINT32_MAX, &data_len);
    while (omc_line_left(&line) > 0) {
        struct omc_line word = omc_line_word(&line);

        if (omc_line_left(&word) > 0)
            take_flag(word, &command, &encoded);
    }
    key_len = omc_line_left(&key);
    if (encoded)
        omc_base64_decode(scratch->key, key.at, key_len, &key_len);
    omc_command_write(&command, opcode, scratch, key_len, (size_t)data_len, req);
    req->key = encoded ? scratch->key : key.at;
    req->data = newline + 1;
    return (size_t)(newline + 1 - bytes) + (size_t)data_len + omc_classic_tail_size(opcode);
}
