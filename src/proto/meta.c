/*
 * Reading replies of the meta protocol.
 */
#include "proto/meta.h"

#include "proto/base64.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/meta_options.h"
#include "proto/meta_request.h"
#include "proto/meta_token.h"
#include "proto/meta_usual.h"
#include "proto/opcode.h"

enum {
    NUMBER_MAX = 20,
};

/* Answers without data. */
static const struct omc_classic_word words[] = {
    {"HD", OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_TOUCH | OMC_KIND_DELTA | OMC_KIND_CHECK,
     OMCACHE_OK},
    {"EN", OMC_KIND_GET | OMC_KIND_TOUCH | OMC_KIND_CHECK | OMC_KIND_DEBUG, OMCACHE_NOT_FOUND},
    {"NF", OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_TOUCH | OMC_KIND_DELTA, OMCACHE_NOT_FOUND},
    {"NS", OMC_KIND_STORE | OMC_KIND_DELTA, OMCACHE_NOT_STORED},
    {"EX", OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_DELTA, OMCACHE_KEY_EXISTS},
    {"MN", OMC_KIND_NOOP, OMCACHE_OK},
    /* What HD is in older servers; and the classic commands' word. */
    {"OK",
     OMC_KIND_STORE | OMC_KIND_DELETE | OMC_KIND_TOUCH | OMC_KIND_DELTA | OMC_KIND_FLUSH |
         OMC_KIND_STAT | OMC_KIND_SETTING,
     OMCACHE_OK},
};

/* The flags of a reply.  The line's end is the "\r" before the first "\n", until that
 * turns out to belong to the key: bytes up to the "\n" can always be looked at. */
struct flags {
    const unsigned char *bytes;
    size_t len;
    const unsigned char *end;
    enum omc_decode problem; /* that a flag had that could not be read */

    struct omc_reply *reply; /* gets client flags, cas, key and details */
    size_t asked;            /* how long the key is that was asked for; 0 if that is unknown */
    uint32_t opaque;
    bool has_client_flags;
    bool has_opaque;
    bool encoded; /* the key is in base64 */
};

/* These read a flag from behind its letter, and return where it ends; NULL if it is none. */

/* The number, and the length of a key behind it. */
static const unsigned char *read_opaque(struct flags *flags, const unsigned char *at)
{
    ptrdiff_t left = flags->end - at;

    if (left < OMC_META_TOKEN_NUMBER_SIZE || flags->has_opaque ||
        !omc_meta_token_number(at, &flags->opaque))
        return NULL;
    flags->has_opaque = true;
    at += OMC_META_TOKEN_NUMBER_SIZE;
    if (left < OMC_META_TOKEN_NUMBER_SIZE + OMC_META_TOKEN_LENGTH_SIZE ||
        !omc_meta_token_length(at, &flags->asked)) {
        flags->asked = 0;
        return at;
    }
    return at + OMC_META_TOKEN_LENGTH_SIZE;
}

static const unsigned char *read_client_flags(struct flags *flags, const unsigned char *at)
{
    uint64_t number;

    at = omc_line_digits(at, &number);
    if (at == NULL || number > UINT32_MAX)
        return NULL;
    flags->reply->value.flags = (uint32_t)number;
    flags->has_client_flags = true;
    return at;
}

static const unsigned char *skip_word(const struct flags *flags, const unsigned char *at)
{
    while (at < flags->end && *at != ' ')
        at++;
    return at;
}

/* Moves the line's end behind a key that goes on behind what seemed to be it; `behind`
 * counts from the beginning of the line. */
static bool find_end_behind(struct flags *flags, size_t behind, size_t *size)
{
    size_t newline;
    enum omc_decode result = omc_classic_find_end(flags->bytes, flags->len, behind, &newline, size);

    if (result != OMC_DECODE_REPLY) {
        flags->problem = result;
        return false;
    }
    flags->end = flags->bytes + newline - 1;
    return newline > behind; /* else there is no "\r" */
}

/* A key that is as long as the one asked for is there as it is, and what looks like the
 * end of the line may be a part of it; base64 is longer. */
static const unsigned char *read_key(struct flags *flags, const unsigned char *at, size_t *size)
{
    size_t behind = (size_t)(at - flags->bytes) + flags->asked;
    const unsigned char *end;

    if (behind > (size_t)(flags->end - flags->bytes) && !find_end_behind(flags, behind, size))
        return NULL;
    end = flags->bytes + behind;
    if (flags->asked == 0 || (end < flags->end && *end != ' '))
        end = skip_word(flags, at);
    flags->reply->value.key = at;
    flags->reply->value.key_len = (size_t)(end - at);
    return end;
}

/* What is rarely there.  Unknown flags are skipped, and so is none between two blanks. */
static const unsigned char *read_other(struct flags *flags, const unsigned char *letter)
{
    if (*letter == 'b')
        flags->encoded = true;
    else
        omc_meta_options_read(&flags->reply->details, letter);
    return skip_word(flags, letter);
}

/* Reads a flag, whichever it is. */
static const unsigned char *read_flag(struct flags *flags, const unsigned char *at, size_t *size)
{
    if (*at != ' ')
        return NULL;
    switch (at[1]) {
    case 'f':
        return read_client_flags(flags, at + 2);
    case 'c':
        return omc_line_digits(at + 2, &flags->reply->value.cas);
    case 'O':
        return read_opaque(flags, at + 2);
    case 'k':
        return read_key(flags, at + 2, size);
    default:
        return read_other(flags, at + 1);
    }
}

/* Reads the flags from behind the status. */
static enum omc_decode read_flag_list(struct flags *flags, const unsigned char *at, size_t *size)
{
    while (at < flags->end) {
        at = read_flag(flags, at, size);
        if (at == NULL)
            return flags->problem;
    }
    return at == flags->end && *at == '\r' ? OMC_DECODE_REPLY : OMC_DECODE_BROKEN;
}

/* Finds the request of a value.  Without a number it is the oldest, unless a quiet get in front of
 * it can have said this. */
static inline bool find_of_value(const struct flags *flags, const struct omc_expect *expect,
                                 struct omc_expected *asked)
{
    if (flags->has_opaque)
        return expect->by_opaque(expect->context, flags->opaque, asked);
    return expect->oldest(expect->context, asked) && asked->first;
}

/* Finds that of a status. */
static bool find_of_status(const struct flags *flags, const struct omc_expect *expect,
                           struct omc_line word, struct omc_expected *asked)
{
    if (flags->has_opaque)
        return expect->by_opaque(expect->context, flags->opaque, asked);
    if (omc_line_is(&word, "MN"))
        return expect->oldest(expect->context, asked);
    return expect->oldest_or_unheard(expect->context, asked);
}

/* Remembers where the flags of an answer are, and where the key is among them: an application can
 * ask for a flag by its letter. */
static void keep_flags(struct omc_reply *reply, const unsigned char *from, const unsigned char *end)
{
    struct omc_details *details = &reply->details;
    const unsigned char *key = reply->value.key;

    details->flags = from;
    details->flags_len = (uint16_t)(end - from);
    details->key_at = (uint16_t)(key == NULL ? 0 : key - from);
    details->key_len = (uint16_t)(key == NULL ? 0 : reply->value.key_len);
}

/* Decodes the key in place, if it has to be. */
static bool decode_key(unsigned char *bytes, const struct flags *flags)
{
    omcache_value_t *value = &flags->reply->value;
    unsigned char *key = bytes + (value->key - flags->bytes);

    return omc_base64_decode(key, key, value->key_len, &value->key_len);
}

/* The last that there is to do for a reply. */
static enum omc_decode check_reply(unsigned char *bytes, const struct flags *flags)
{
    keep_flags(flags->reply, bytes + OMC_META_STATUS_SIZE, flags->end);
    if (flags->encoded && flags->reply->value.key != NULL && !decode_key(bytes, flags))
        return OMC_DECODE_BROKEN;
    return OMC_DECODE_REPLY;
}

/* A counter's new value was asked for, unless its request is quiet. */
static bool lacks_number(const struct omc_reply *reply)
{
    return reply->value.status == OMCACHE_OK && omc_opcode_is_delta(reply->opcode) &&
           !reply->silent;
}

/* A line with a status and flags. */
static enum omc_decode read_status(unsigned char *bytes, struct flags *flags,
                                   const struct omc_expect *expect, struct omc_reply *reply,
                                   size_t *size)
{
    struct omc_line word = {bytes, bytes + OMC_META_STATUS_SIZE};
    struct omc_expected asked;
    enum omc_decode result = read_flag_list(flags, bytes + OMC_META_STATUS_SIZE, size);
    int status;

    if (result != OMC_DECODE_REPLY)
        return result;
    if (!find_of_status(flags, expect, word, &asked) ||
        !omc_classic_look_up(words, sizeof(words) / sizeof(words[0]), word, asked.opcode, &status))
        return OMC_DECODE_BROKEN;
    omc_classic_attribute(&asked, status, reply);
    if (status == OMCACHE_OK && omc_opcode_kind(asked.opcode) == OMC_KIND_CHECK)
        reply->details.known |= OMC_DETAIL_UNCHANGED;
    if (lacks_number(reply))
        return OMC_DECODE_BROKEN;
    *size = (size_t)(flags->end + 2 - bytes);
    return check_reply(bytes, flags);
}

/* Whether a value that claims this size can be the answer.  Its body counts as in the
 * binary protocol.  Client flags come with it unless options have left them out. */
static enum omc_decode check_size(const struct flags *flags, uint16_t kind, uint64_t data_len,
                                  size_t max_body)
{
    if (kind == OMC_KIND_DELTA)
        return data_len <= NUMBER_MAX ? OMC_DECODE_REPLY : OMC_DECODE_BROKEN;
    if ((kind & (OMC_KIND_GET | OMC_KIND_CHECK)) == 0 ||
        (!flags->has_client_flags && !omc_opcode_is_meta(flags->reply->opcode)))
        return OMC_DECODE_BROKEN;
    if (data_len > max_body || max_body - data_len < OMC_CODEC_FLAGS_SIZE + flags->asked)
        return OMC_DECODE_TOO_LARGE;
    return OMC_DECODE_REPLY;
}

/* Fills in a value that is all there. */
static enum omc_decode finish_value(unsigned char *bytes, const struct flags *flags, uint16_t kind,
                                    size_t data_len, struct omc_reply *reply)
{
    const unsigned char *data = flags->end + 2;
    omcache_value_t *value = &reply->value;

    if (data[data_len] != '\r' || data[data_len + 1] != '\n')
        return OMC_DECODE_BROKEN;
    value->data = data;
    value->data_len = data_len;
    reply->last = true;
    reply->silent = false;
    if (kind == OMC_KIND_DELTA) {
        reply->silent = omc_opcode_is_quiet(reply->opcode);
        if (omc_line_digits(data, &value->delta_value) != data + data_len)
            return OMC_DECODE_BROKEN;
    }
    return check_reply(bytes, flags);
}

/* VA: a value, which a get or a counter is answered with. */
static enum omc_decode read_whole_value(unsigned char *bytes, struct flags *flags, size_t max_body,
                                        const struct omc_expect *expect, struct omc_reply *reply,
                                        size_t *size)
{
    uint64_t data_len;
    const unsigned char *at = omc_line_digits(bytes + OMC_META_STATUS_SIZE + 1, &data_len);
    struct omc_expected asked;
    enum omc_decode result;
    uint16_t kind;

    if (at == NULL)
        return OMC_DECODE_BROKEN;
    result = read_flag_list(flags, at, size);
    if (result != OMC_DECODE_REPLY)
        return result;
    if (!find_of_value(flags, expect, &asked))
        return OMC_DECODE_BROKEN;
    reply->opaque = asked.opaque;
    reply->opcode = asked.opcode;
    kind = omc_opcode_kind(asked.opcode);
    result = check_size(flags, kind, data_len, max_body);
    if (result != OMC_DECODE_REPLY)
        return result;
    *size = (size_t)(flags->end - bytes) + 2 + (size_t)data_len + 2;
    if (flags->len < *size)
        return OMC_DECODE_MORE;
    return finish_value(bytes, flags, kind, (size_t)data_len, reply);
}

/* A line of the classic protocol, without flags. */
static enum omc_decode read_classic(const unsigned char *bytes, size_t newline,
                                    const struct omc_expect *expect, struct omc_reply *reply,
                                    size_t *size)
{
    struct omc_line line = {bytes, bytes + newline - 1};
    struct omc_expected asked;

    if (newline == 0 || *line.end != '\r' || !expect->oldest_or_unheard(expect->context, &asked) ||
        !omc_classic_read(line, &asked, reply))
        return OMC_DECODE_BROKEN;
    *size = newline + 1;
    return OMC_DECODE_REPLY;
}

/* ME: what is known of an item, behind its key.  There is no number. */
static enum omc_decode read_debug(const unsigned char *bytes, const struct flags *flags,
                                  const struct omc_expect *expect, struct omc_reply *reply,
                                  size_t *size)
{
    struct omc_line line = {bytes + OMC_META_STATUS_SIZE + 1, flags->end}, key;
    struct omc_expected asked;

    if (*flags->end != '\r' || !expect->oldest(expect->context, &asked) ||
        omc_opcode_kind(asked.opcode) != OMC_KIND_DEBUG)
        return OMC_DECODE_BROKEN;
    key = omc_line_word(&line);
    if (omc_line_left(&key) == 0)
        return OMC_DECODE_BROKEN;
    omc_classic_answer(&asked, OMCACHE_OK, reply);
    reply->value.key = key.at;
    reply->value.key_len = omc_line_left(&key);
    reply->value.data = line.at;
    reply->value.data_len = omc_line_left(&line);
    *size = (size_t)(flags->end + OMC_CODEC_TAIL_MAX - bytes);
    return OMC_DECODE_REPLY;
}

static enum omc_decode decode_meta(unsigned char *bytes, size_t len, size_t max_body,
                                   const struct omc_expect *expect, struct omc_reply *reply,
                                   size_t *size)
{
    struct flags flags = {
        .bytes = bytes,
        .len = len,
        .problem = OMC_DECODE_BROKEN,
        .reply = reply,
    };
    enum omc_decode result;
    size_t newline = 0;

    reply->details.known = 0;
    reply->details.flags = NULL;
    if (len > 0 && (bytes[0] < 'A' || bytes[0] > 'Z'))
        return OMC_DECODE_BROKEN;
    result = omc_classic_find_end(bytes, len, 0, &newline, size);
    if (result != OMC_DECODE_REPLY)
        return result;
    if (newline <= OMC_META_STATUS_SIZE ||
        (bytes[OMC_META_STATUS_SIZE] != ' ' && bytes[OMC_META_STATUS_SIZE] != '\r'))
        return read_classic(bytes, newline, expect, reply, size);
    flags.end = bytes + newline - 1;
    reply->value = (omcache_value_t){.status = OMCACHE_OK};
    if (memcmp(bytes, "VA ", OMC_META_STATUS_SIZE + 1) == 0)
        return read_whole_value(bytes, &flags, max_body, expect, reply, size);
    if (memcmp(bytes, "ME ", OMC_META_STATUS_SIZE + 1) == 0)
        return read_debug(bytes, &flags, expect, reply, size);
    return read_status(bytes, &flags, expect, reply, size);
}

const struct omc_codec omc_meta_codec = {
    .name = "meta",
    .protocol = OMCACHE_PROTOCOL_META,
    .quiet = OMC_OPCODE_QUIET | OMC_OPCODE_GETS,
    .unheard = OMC_KIND_STORE | OMC_KIND_DELETE,
    .answers = true,
    .has_tail = true,
    .accept = omc_meta_request_accept,
    .encode = omc_meta_request_encode,
    .key_offset = omc_meta_request_key_offset,
    .decode = decode_meta,
    .usual = omc_meta_usual,
};
