/*
 * Reading replies of the text protocol.
 */
#include "proto/text.h"

#include <string.h>

#include "base/copy.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/listing.h"
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

/* What is in front of a value, what follows one, and what follows the last one of a line. */
static const char value_begin[] = "VALUE ", value_end[] = "\r\n", last_end[] = "\r\nEND\r\n";

/* What is to be decoded, and where its first line ends. */
struct input {
    const unsigned char *bytes;
    size_t len;
    size_t max_body;
    size_t newline;
};

/* Takes a number, and a blank unless the line ends with it; NULL if it is none. */
static inline const unsigned char *take_digits(const unsigned char *at, const unsigned char *end,
                                               uint64_t *number)
{
    at = omc_line_digits(at, number);
    if (at == NULL || at == end)
        return at;
    return *at == ' ' ? at + 1 : NULL;
}

/* Reads "key flags size", and a cas if there is one.  Old servers print flags of 2^31 and more as
 * negative numbers. */
static bool read_value_line(struct omc_line line, omcache_value_t *value, uint64_t *size)
{
    struct omc_line key = omc_line_word(&line);
    bool negative = *line.at == '-';
    const unsigned char *at;
    uint64_t flags;

    if ((at = take_digits(line.at + negative, line.end, &flags)) == NULL ||
        flags > (negative ? (uint64_t)INT32_MAX + 1 : UINT32_MAX) ||
        (at = take_digits(at, line.end, size)) == NULL)
        return false;
    value->key = key.at;
    value->key_len = omc_line_left(&key);
    value->flags = (uint32_t)(negative ? -flags : flags);
    value->cas = 0;
    if (at != line.end)
        at = take_digits(at, line.end, &value->cas);
    return at == line.end && value->key_len > 0;
}

/* The value of a key, and if it is the last that was asked for on its line the end of the values.
 * They come in the order of the keys, or in any other behind a proxy. */
static enum omc_decode read_value(struct omc_line line, const struct input *in,
                                  const struct omc_expect *expect, struct omc_reply *reply,
                                  size_t *size)
{
    struct omc_expected asked;
    omcache_value_t *value = &reply->value;
    const char *end;
    size_t end_len;
    uint64_t data_len;

    if (!read_value_line(line, value, &data_len) ||
        !expect->by_key(expect->context, value->key, value->key_len, &asked) ||
        omc_opcode_kind(asked.opcode) != OMC_KIND_GET)
        return OMC_DECODE_BROKEN;
    omc_classic_attribute(&asked, OMCACHE_OK, reply);
    end = asked.shared ? value_end : last_end;
    end_len = strlen(end);
    if (data_len > in->max_body || in->max_body - data_len < OMC_CODEC_FLAGS_SIZE + value->key_len)
        return OMC_DECODE_TOO_LARGE;
    value->data = in->bytes + in->newline + 1;
    value->data_len = (size_t)data_len;
    *size = in->newline + 1 + value->data_len + end_len;
    if (in->len < *size)
        return OMC_DECODE_MORE;
    if (memcmp(value->data + value->data_len, end, end_len) != 0)
        return OMC_DECODE_BROKEN;
    value->delta_value = 0;
    if (!omc_opcode_is_keyed(asked.opcode)) {
        value->key = NULL;
        value->key_len = 0;
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
    int status = OMCACHE_OK;

    /* What stores are usually answered with need not be looked up. */
    if ((omc_line_is(&line, "STORED") && omc_opcode_kind(asked->opcode) == OMC_KIND_STORE) ||
        omc_classic_look_up(words, sizeof(words) / sizeof(words[0]), line, asked->opcode,
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

    if (expect->oldest(expect->context, &asked) &&
        omc_opcode_kind(asked.opcode) == OMC_KIND_LISTING)
        return omc_listing_read(bytes, len, &asked, reply, size);
    if (len > 0 && !begins_reply(bytes[0]))
        return OMC_DECODE_BROKEN;
    result = omc_classic_find_end(bytes, len, 0, &in.newline, size);
    if (result != OMC_DECODE_REPLY)
        return result;
    if (in.newline == 0 || bytes[in.newline - 1] != '\r')
        return OMC_DECODE_BROKEN;
    line = (struct omc_line){bytes, bytes + in.newline - 1};
    if (omc_line_skip(&line, value_begin))
        return read_value(line, &in, expect, reply, size);
    if (!expect->oldest(expect->context, &asked))
        return OMC_DECODE_BROKEN;
    /* No value, or an error, is the answer to all that are left on the line: it stays for them. */
    *size = asked.shared ? 0 : in.newline + 1;
    return read_line(line, &asked, reply) ? OMC_DECODE_REPLY : OMC_DECODE_BROKEN;
}

/* Takes a number that ends at that byte; where that stands, or NULL. */
static inline const unsigned char *take_field(const unsigned char *at, unsigned char last,
                                              uint64_t *number)
{
    at = omc_line_digits(at, number);
    return at != NULL && *at == last ? at + 1 : NULL;
}

/* Reads "flags size cas" and the line's end; where that ends, or NULL. */
static inline const unsigned char *read_fields(const unsigned char *at, omcache_value_t *value,
                                               uint64_t *data_len)
{
    uint64_t flags;

    if ((at = take_field(at, ' ', &flags)) == NULL || flags > UINT32_MAX ||
        (at = take_field(at, ' ', data_len)) == NULL ||
        (at = take_field(at, '\r', &value->cas)) == NULL || *at != '\n')
        return NULL;
    value->flags = (uint32_t)flags;
    return at + 1;
}

/* The value of the key that was asked for. */
static inline const unsigned char *read_usual(const unsigned char *bytes, const unsigned char *end,
                                              const struct omc_asked *asked, omcache_value_t *value)
{
    const size_t front = strlen(value_begin), key_len = asked->key_len;
    const char *tail = asked->shared ? value_end : last_end;
    const unsigned char *key = bytes + front, *data;
    size_t tail_len = strlen(tail);
    uint64_t data_len;

    if ((size_t)(end - bytes) < front + key_len + OMC_LINE_LEAST ||
        memcmp(bytes, value_begin, front) != 0 || !omc_copy_equals(key, asked->key, key_len) ||
        key[key_len] != ' ' || (data = read_fields(key + key_len + 1, value, &data_len)) == NULL ||
        data_len > asked->data_max || (size_t)(end - data) < data_len + tail_len ||
        memcmp(data + data_len, tail, tail_len) != 0)
        return NULL;
    value->status = OMCACHE_OK;
    value->key = omc_opcode_is_keyed(asked->op) ? key : NULL;
    value->key_len = omc_opcode_is_keyed(asked->op) ? key_len : 0;
    value->data = data;
    value->data_len = (size_t)data_len;
    value->delta_value = 0;
    return data + data_len + tail_len;
}

/* Values and, where nothing else is on the line, what is said if there is none; and stores. */
static const unsigned char *text_usual(const unsigned char *bytes, const unsigned char *end,
                                       struct omc_asked *asked, omcache_value_t *value)
{
    bool is_get = omc_opcode_kind(asked->op) == OMC_KIND_GET;
    const char *word = is_get ? "END\r\n" : "STORED\r\n";
    const unsigned char *behind = bytes + strlen(word);

    if (!omc_line_is_in(bytes, end))
        return NULL;
    if (is_get && asked->key != NULL && *bytes == (unsigned char)*value_begin)
        return read_usual(bytes, end, asked, value);
    if (asked->shared || (!is_get && omc_opcode_kind(asked->op) != OMC_KIND_STORE) ||
        (is_get && omc_opcode_is_quiet(asked->op)) || end < behind ||
        memcmp(bytes, word, strlen(word)) != 0)
        return NULL;
    *value = (omcache_value_t){.status = is_get ? OMCACHE_NOT_FOUND : OMCACHE_OK};
    return behind;
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
    .quiet = UINT8_MAX, /* none */
    .has_tail = true,
    .line_max = OMC_LINE_MAX - 1,
    .joins = omc_text_request_joins,
    .join = omc_text_request_join,
    .accept = omc_text_request_accept,
    .encode = omc_text_request_encode,
    .decode = decode_text,
    .usual = text_usual,
};
