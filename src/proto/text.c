/*
 * Reading replies of the text protocol.
 */
#include "proto/text.h"

#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/opcode.h"
#include "proto/text_request.h"

/* Answers of one word. */
static const struct omc_classic_word words[] = {
    {"STORED", OMC_KIND_STORE, OMCACHE_OK},
    {"NOT_STORED", OMC_KIND_STORE, OMCACHE_NOT_STORED},
    {"EXISTS", OMC_KIND_STORE, OMCACHE_KEY_EXISTS},
    {"NOT_FOUND", OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_DELTA | OMC_KIND_TOUCH,
     OMCACHE_NOT_FOUND},
    {"DELETED", OMC_KIND_DELETE, OMCACHE_OK},
    {"TOUCHED", OMC_KIND_TOUCH, OMCACHE_OK},
    {"END", OMC_KIND_GET, OMCACHE_NOT_FOUND},
};

/* What follows a value. */
static const char value_end[] = "\r\nEND\r\n";

static bool text_is_quiet(uint8_t opcode)
{
    (void)opcode;
    return false;
}

/* What is to be decoded, and where its first line ends. */
struct input {
    const unsigned char *bytes;
    size_t len;
    size_t max_body;
    size_t newline;
};

/* A value's line: "VALUE key flags size", and a cas. */
struct value_line {
    struct omc_line key;
    uint32_t flags;
    uint64_t size;
    uint64_t cas;
};

/* Takes a number off the front, and a blank unless the line ends with it. */
static bool read_number(struct omc_line *line, uint64_t max, uint64_t *number)
{
    line->at = omc_line_digits(line->at, number);
    return line->at != NULL && *number <= max && (line->at == line->end || *line->at++ == ' ');
}

/* Old servers print flags of 2^31 and more as negative numbers. */
static bool read_flags(struct omc_line *line, uint32_t *flags)
{
    bool negative = omc_line_skip(line, "-");
    uint64_t number;

    if (!read_number(line, negative ? (uint64_t)INT32_MAX + 1 : UINT32_MAX, &number))
        return false;
    *flags = (uint32_t)(negative ? -number : number);
    return true;
}

static bool read_value_line(struct omc_line line, struct value_line *value)
{
    value->key = omc_line_word(&line);
    value->cas = 0;
    return omc_line_left(&value->key) > 0 && read_flags(&line, &value->flags) &&
           read_number(&line, UINT64_MAX, &value->size) &&
           (line.at == line.end || read_number(&line, UINT64_MAX, &value->cas)) &&
           line.at == line.end;
}

/* Takes eight bytes into a sum, of which others would make another one. */
static inline uint64_t add_word(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15; /* odd, and else like any other */
    return sum ^ sum >> 32;
}

/* Any sum would do that tells one key from the next. */
static uint32_t key_sum(const unsigned char *key, size_t len)
{
    uint64_t sum = len, word = 0;
    const size_t step = sizeof(word);

    for (; len > step; key += step, len -= step) {
        memcpy(&word, key, step);
        sum = add_word(sum, word);
    }
    omc_bytes_put((unsigned char *)&word, key, len);
    return (uint32_t)add_word(sum, word);
}

static bool is_key_of(const struct omc_expected *asked, const struct omc_line *key)
{
    return asked->key_sum == 0 || asked->key_sum == key_sum(key->at, omc_line_left(key));
}

/* The only value that a get of one key is answered with, and the end of the values. */
static enum omc_decode read_value(struct omc_line line, const struct input *in,
                                  const struct omc_expected *asked, struct omc_reply *reply,
                                  size_t *size)
{
    const unsigned char *data = in->bytes + in->newline + 1;
    struct value_line value;
    size_t end_len = strlen(value_end);

    if (omc_opcode_kind(asked->opcode) != OMC_KIND_GET || !read_value_line(line, &value) ||
        !is_key_of(asked, &value.key))
        return OMC_DECODE_BROKEN;
    reply->opaque = asked->opaque;
    reply->opcode = asked->opcode;
    if (value.size > in->max_body ||
        in->max_body - value.size < OMC_CODEC_FLAGS_SIZE + omc_line_left(&value.key))
        return OMC_DECODE_TOO_LARGE;
    *size = in->newline + 1 + (size_t)value.size + end_len;
    if (in->len < *size)
        return OMC_DECODE_MORE;
    if (memcmp(data + value.size, value_end, end_len) != 0)
        return OMC_DECODE_BROKEN;
    omc_classic_answer(asked, OMCACHE_OK, reply);
    reply->value.data = data;
    reply->value.data_len = (size_t)value.size;
    reply->value.flags = value.flags;
    reply->value.cas = value.cas;
    if (omc_opcode_is_keyed(asked->opcode)) {
        reply->value.key = value.key.at;
        reply->value.key_len = omc_line_left(&value.key);
    }
    return OMC_DECODE_REPLY;
}

/* A counter's new value. */
static bool read_delta(struct omc_line line, const struct omc_expected *asked,
                       struct omc_reply *reply)
{
    uint64_t number;

    if (!omc_opcode_is_delta(asked->opcode) || omc_line_digits(line.at, &number) != line.end)
        return false;
    omc_classic_answer(asked, OMCACHE_OK, reply);
    reply->value.delta_value = number;
    return true;
}

/* The version, where it was asked for instead of a no-op. */
static bool read_noop(struct omc_line line, const struct omc_expected *asked,
                      struct omc_reply *reply)
{
    if (asked->opcode != OMC_OP_NOOP || !omc_line_skip(&line, "VERSION "))
        return false;
    omc_classic_answer(asked, OMCACHE_OK, reply);
    return true;
}

/* Every request is answered, and in order, so that an error is the oldest one's whatever
 * its words are.  But a value may have been taken for commands. */
static bool read_any_error(struct omc_line line, const struct omc_expected *asked,
                           struct omc_reply *reply)
{
    struct omc_line name = omc_line_word(&line);

    if (omc_opcode_kind(asked->opcode) == OMC_KIND_STORE ||
        (!omc_line_is(&name, "ERROR") && !omc_line_is(&name, "CLIENT_ERROR") &&
         !omc_line_is(&name, "SERVER_ERROR")))
        return false;
    omc_classic_answer(asked, OMCACHE_FAIL, reply);
    reply->value.data = line.at;
    reply->value.data_len = omc_line_left(&line);
    return true;
}

/* An answer that is one line. */
static bool read_line(struct omc_line line, const struct omc_expected *asked,
                      struct omc_reply *reply)
{
    int status;

    if (omc_classic_look_up(words, sizeof(words) / sizeof(words[0]), line, asked->opcode,
                            &status)) {
        omc_classic_answer(asked, status, reply);
        return true;
    }
    return read_delta(line, asked, reply) || read_noop(line, asked, reply) ||
           omc_classic_read(line, asked, reply) || read_any_error(line, asked, reply);
}

static bool begins_reply(unsigned char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

static enum omc_decode decode_text(unsigned char *bytes, size_t len, size_t max_body,
                                   const struct omc_expect *expect, struct omc_reply *reply,
                                   size_t *size)
{
    struct input in = {.bytes = bytes, .len = len, .max_body = max_body};
    struct omc_expected asked;
    struct omc_line line;
    enum omc_decode result;

    if (len > 0 && !begins_reply(bytes[0]))
        return OMC_DECODE_BROKEN;
    result = omc_classic_find_end(bytes, len, 0, &in.newline, size);
    if (result != OMC_DECODE_REPLY)
        return result;
    if (in.newline == 0 || bytes[in.newline - 1] != '\r' ||
        !expect->oldest(expect->context, &asked))
        return OMC_DECODE_BROKEN;
    line = (struct omc_line){bytes, bytes + in.newline - 1};
    if (omc_line_skip(&line, "VALUE "))
        return read_value(line, &in, &asked, reply, size);
    *size = in.newline + 1;
    return read_line(line, &asked, reply) ? OMC_DECODE_REPLY : OMC_DECODE_BROKEN;
}

bool omc_text_has_initial(const struct omc_ask *ask)
{
    return omc_opcode_kind(ask->op) == OMC_KIND_DELTA && !omc_opcode_is_meta(ask->op) &&
           (ask->bits & OMC_ASK_RAW) == 0 && ask->expiration != OMCACHE_DELTA_NO_ADD;
}

void omc_text_make_counter(const struct omc_ask *delta, unsigned char digits[OMC_TEXT_DIGITS_MAX],
                           struct omc_ask *add)
{
    *add = (struct omc_ask){
        .op = OMC_OP_ADD,
        .key = delta->key,
        .key_len = delta->key_len,
        .value = digits,
        .value_len = (uint32_t)(omc_line_put_number(digits, delta->initial) - digits),
        .expiration = delta->expiration,
    };
}

const struct omc_codec omc_text_codec = {
    .name = "text",
    .protocol = OMCACHE_PROTOCOL_TEXT,
    .lacks_initial = true,
    .key_sum = key_sum,
    .is_quiet = text_is_quiet,
    .accept = omc_text_request_accept,
    .encode = omc_text_request_encode,
    .tail_size = omc_classic_tail_size,
    .decode = decode_text,
};
