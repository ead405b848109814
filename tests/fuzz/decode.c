/*
 * Replies from arbitrary bytes, as the answers to arbitrary requests.  An input is
 *
 *   how many requests wait, their opcodes; how long the pieces are, and their number;
 *   and the bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/decode.h"

#include "fuzz/fuzz.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"

#include <stdbool.h>

enum {
    ASKED_MAX = 15,
    PIECES_MAX = 7,
    REPLIES_MAX = 4096,
    LIMIT = 500, /* of a reply's body */
    FIRST = 0x30313233,
};

static const uint8_t opcodes[] = {
    OMC_OP_GET,
    OMC_OP_GETQ,
    OMC_OP_GETK,
    OMC_OP_GETKQ,
    OMC_OP_GAT,
    OMC_OP_GATQ,
    OMC_OP_GATK,
    OMC_OP_GATKQ,
    OMC_OP_SET,
    OMC_OP_SETQ,
    OMC_OP_ADD,
    OMC_OP_ADDQ,
    OMC_OP_REPLACE,
    OMC_OP_REPLACEQ,
    OMC_OP_APPEND,
    OMC_OP_APPENDQ,
    OMC_OP_PREPEND,
    OMC_OP_DELETE,
    OMC_OP_DELETEQ,
    OMC_OP_INCREMENT,
    OMC_OP_INCREMENTQ,
    OMC_OP_DECREMENT,
    OMC_OP_DECREMENTQ,
    OMC_OP_TOUCH,
    OMC_OP_NOOP,
    OMC_OP_VERSION,
    OMC_OP_STAT,
    OMC_OP_FLUSH,
    OMC_OP_FLUSHQ,
    OMC_OP_QUIT,
    OMC_OP_META_GET,
    OMC_OP_META_LOOK,
    OMC_OP_META_SET,
    OMC_OP_META_DELETE,
    OMC_OP_META_ARITHMETIC,
    OMC_OP_META_CHECK,
    OMC_OP_META_DEBUG,
    OMC_OP_META_SETQ,
    OMC_OP_META_DELETEQ,
};

/* The requests that wait, the oldest first, and what was made of the bytes. */
struct run {
    const struct omc_codec *codec;
    size_t count;
    struct {
        uint8_t opcode;
        bool settled;
    } asked[ASKED_MAX];

    uint64_t replies[REPLIES_MAX]; /* what each was, as a hash */
    size_t reply_count;
    enum omc_decode end;
    size_t used; /* of the bytes, by replies */
};

static bool by_opaque(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct run *run = context;
    uint32_t i = opaque - FIRST;

    if (i >= run->count || run->asked[i].settled)
        return false;
    *found = (struct omc_expected){.opaque = opaque, .opcode = run->asked[i].opcode};
    return true;
}

/* Gets that follow one another are on one line. */
static bool is_on_line(const struct run *run, size_t i)
{
    return i < run->count && run->codec->line_max > 0 && omc_opcode_is_get(run->asked[i].opcode);
}

static bool is_shared(const struct run *run, size_t i)
{
    while (is_on_line(run, i) && is_on_line(run, i + 1)) {
        if (!run->asked[++i].settled)
            return true;
    }
    return false;
}

/* Whether nobody hears of a request, which goes for each second one that can be so. */
static bool is_unheard(const struct run *run, size_t i)
{
    return i % 2 == 1 && omc_codec_is_unheard(run->codec, run->asked[i].opcode);
}

static bool find_first(const struct run *run, bool unheard_too, struct omc_expected *found)
{
    bool first = true;

    for (uint32_t i = 0; i < run->count; i++) {
        if (run->asked[i].settled)
            continue;
        if (is_unheard(run, i) ? unheard_too
                               : !omc_codec_is_quiet(run->codec, run->asked[i].opcode)) {
            *found = (struct omc_expected){
                .opaque = FIRST + i,
                .opcode = run->asked[i].opcode,
                .first = first,
                .shared = is_shared(run, i),
            };
            return true;
        }
        first = false;
    }
    return false;
}

static bool oldest(const void *context, struct omc_expected *found)
{
    return find_first(context, false, found);
}

static bool oldest_or_unheard(const void *context, struct omc_expected *found)
{
    return find_first(context, true, found);
}

/* Any key is that of each second one. */
static bool by_key(const void *context, const unsigned char *key, size_t len,
                   struct omc_expected *found)
{
    const struct run *run = context;
    size_t first;

    if (!oldest(run, found))
        return false;
    first = found->opaque - FIRST;
    for (size_t i = first; i == first || is_on_line(run, i); i++) {
        bool fits = !is_shared(run, first) || len == 0 || key[len - 1] % 2 == i % 2;

        if (run->asked[i].settled || !fits)
            continue;
        if (i != first)
            *found = (struct omc_expected){
                .opaque = FIRST + (uint32_t)i, .opcode = run->asked[i].opcode, .shared = true};
        return true;
    }
    return false;
}

static void mix(uint64_t *hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ at[i]) * 0x100000001b3;
}

static void mix_number(uint64_t *hash, uint64_t number)
{
    mix(hash, &number, sizeof(number));
}

/* Whether a part of a reply lies in its bytes. */
static bool lies_in(const unsigned char *part, size_t len, const unsigned char *bytes, size_t size)
{
    return len == 0 || (part >= bytes && len <= size && part <= bytes + (size - len));
}

/* All that a reply says, as one number. */
static uint64_t sum_up(const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;
    const struct omc_details *details = &reply->details;
    uint64_t hash = 0xcbf29ce484222325;

    mix_number(&hash, (uint64_t)value->status);
    mix_number(&hash, value->key_len);
    mix(&hash, value->key, value->key_len);
    mix_number(&hash, value->data_len);
    mix(&hash, value->data, value->data_len);
    mix_number(&hash, value->flags);
    mix_number(&hash, value->cas);
    mix_number(&hash, value->delta_value);
    mix_number(&hash, reply->opaque);
    mix_number(&hash, reply->opcode);
    mix_number(&hash, reply->last);
    mix_number(&hash, reply->silent);
    if (!omc_opcode_is_meta(reply->opcode))
        return hash;
    mix_number(&hash, details->known);
    for (size_t i = 0; i < omc_meta_options_detail_count; i++) {
        const struct omc_meta_detail *row = &omc_meta_options_details[i];
        const char *field = (const char *)details + row->offset;

        if ((details->known & row->bit) == 0 || row->kind == OMC_META_NOTHING)
            continue;
        if (row->kind == OMC_META_YES_NO)
            mix(&hash, field, sizeof(bool));
        else
            mix(&hash, field, sizeof(int64_t));
    }
    return hash;
}

/* Flags that can be found by their letters lie in the bytes of the reply, too. */
static void check_flags(const struct omc_details *details, const unsigned char *bytes, size_t size)
{
    const unsigned char *token;
    size_t len;

    if (details->flags == NULL)
        return;
    FUZZ_CHECK(lies_in(details->flags, details->flags_len, bytes, size));
    FUZZ_CHECK(details->key_at + details->key_len <= details->flags_len);
    for (int letter = 0; letter < 256; letter++) {
        if (omc_meta_options_find(details, letter, &token, &len))
            FUZZ_CHECK(lies_in(token, len, details->flags, details->flags_len));
    }
}

static void note_reply(struct run *run, const struct omc_reply *reply, const unsigned char *bytes,
                       size_t size)
{
    uint32_t i = reply->opaque - FIRST;

    FUZZ_CHECK(lies_in(reply->value.key, reply->value.key_len, bytes, size));
    FUZZ_CHECK(lies_in(reply->value.data, reply->value.data_len, bytes, size));
    FUZZ_CHECK(reply->value.key_len + reply->value.data_len <= size);
    if (run->codec->protocol == OMCACHE_PROTOCOL_META && omc_opcode_is_meta(reply->opcode))
        check_flags(&reply->details, bytes, size);
    FUZZ_CHECK(!reply->silent || (reply->last && omc_opcode_is_quiet(reply->opcode)));
    FUZZ_CHECK(run->reply_count < REPLIES_MAX);
    run->replies[run->reply_count++] = sum_up(reply);
    if (i < run->count && run->asked[i].opcode == reply->opcode && reply->last)
        run->asked[i].settled = true;
}

/* The oldest request, which is all that the usual answer is told by; false if there is none. */
static bool find_front(const struct run *run, struct omc_asked *front)
{
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->asked[i].settled)
            continue;
        *front = (struct omc_asked){
            .data_max = LIMIT - UINT8_MAX - OMC_CODEC_FLAGS_SIZE,
            .number = FIRST + i,
            .op = run->asked[i].opcode,
            .quiet = omc_codec_is_quiet(run->codec, run->asked[i].opcode),
            .shared = is_shared(run, i),
        };
        return true;
    }
    return false;
}

/* How many bytes the usual answer to a request has; 0 if it is another one. */
static size_t read_usual(const struct run *run, const unsigned char *bytes, size_t len,
                         struct omc_asked front, omcache_value_t *value)
{
    const unsigned char *end = run->codec->usual(bytes, bytes + len, &front, value);

    return end == NULL ? 0 : (size_t)(end - bytes);
}

/* What was read as the usual answer is what any answer is decoded to. */
static void check_usual(const struct run *run, const struct omc_reply *reply, size_t size,
                        const struct omc_asked *front, const omcache_value_t *usual)
{
    struct omc_reply same = *reply;

    FUZZ_CHECK(run->end == OMC_DECODE_REPLY);
    FUZZ_CHECK(reply->opaque == front->number && reply->opcode == front->op && reply->last);
    FUZZ_CHECK(reply->value.key_len + reply->value.data_len <= size);
    same.value = *usual;
    FUZZ_CHECK(sum_up(&same) == sum_up(reply));
}

/* Decodes the replies in these bytes, the first of which needs `needed` at least, as was
 * said before; how many bytes the next one needs. */
static size_t decode_all(struct run *run, const unsigned char *bytes, size_t len, size_t needed)
{
    const struct omc_expect expect = {
        .context = run,
        .by_opaque = by_opaque,
        .oldest = oldest,
        .oldest_or_unheard = oldest_or_unheard,
        .by_key = by_key,
    };
    unsigned char *copy = fuzz_copy(bytes, len);
    size_t at = 0, size = 0;

    for (;;) {
        struct omc_reply reply;
        struct omc_asked front;
        bool has_front = find_front(run, &front);
        omcache_value_t usual;
        size_t usual_size = has_front ? read_usual(run, copy + at, len - at, front, &usual) : 0;

        memset(&reply, 0xff, sizeof(reply));
        size = 0;
        run->end = run->codec->decode(copy + at, len - at, LIMIT, &expect, &reply, &size);
        FUZZ_CHECK(usual_size == 0 || usual_size == size);
        if (usual_size > 0)
            check_usual(run, &reply, size, &front, &usual);
        if (run->end != OMC_DECODE_REPLY)
            break;
        /* Some say the same of several requests, one after the other. */
        FUZZ_CHECK(size > 0 || (reply.last && run->codec->line_max > 0));
        FUZZ_CHECK(size <= len - at && len - at >= needed);
        needed = 0;
        note_reply(run, &reply, copy + at, size > 0 ? size : len - at);
        at += size;
    }
    FUZZ_CHECK(run->end != OMC_DECODE_MORE || size > len - at);
    run->used += at;
    free(copy);
    return size;
}

void decode_try(const struct omc_codec *codec, const uint8_t *bytes, size_t size)
{
    static struct run whole, pieces;
    struct fuzz_input in = fuzz_input(bytes, size);
    uint8_t lengths[PIECES_MAX];
    size_t count, there = 0, needed = 0;

    whole.codec = codec;
    whole.reply_count = 0;
    whole.used = 0;
    whole.count = fuzz_byte(&in) % (ASKED_MAX + 1);
    for (size_t i = 0; i < whole.count; i++) {
        whole.asked[i].opcode = opcodes[fuzz_byte(&in) % sizeof(opcodes)];
        whole.asked[i].settled = false;
    }
    count = fuzz_byte(&in) % (PIECES_MAX + 1);
    for (size_t i = 0; i < count; i++)
        lengths[i] = fuzz_byte(&in);
    pieces = whole;

    decode_all(&whole, in.at, fuzz_left(&in), 0);
    for (size_t i = 0; i <= count; i++) {
        size_t left = fuzz_left(&in) - there;

        there += i < count && lengths[i] < left ? lengths[i] : left;
        if (i > 0 && pieces.end != OMC_DECODE_MORE)
            break;
        needed = decode_all(&pieces, in.at + pieces.used, there - pieces.used, needed);
    }
    FUZZ_CHECK(pieces.end == whole.end);
    FUZZ_CHECK(pieces.used == whole.used);
    FUZZ_CHECK(pieces.reply_count == whole.reply_count);
    FUZZ_CHECK(
        memcmp(pieces.replies, whole.replies, whole.reply_count * sizeof(whole.replies[0])) == 0);
}
