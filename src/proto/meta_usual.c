/*
 * The usual answers of the meta protocol; see meta_usual.h.
 */
#include "proto/meta_usual.h"

#include <stddef.h>

#include "base/copy.h"
#include "proto/bytes.h"
#include "proto/line.h"
#include "proto/meta_token.h"
#include "proto/opcode.h"

enum {
    FLAG_SIZE = 2, /* a blank and a letter */
    NUMBER_SIZE = FLAG_SIZE + OMC_META_TOKEN_NUMBER_SIZE,
    END_SIZE = 2, /* of a line, and of data */
};

/* Whether this is next; there are as many bytes at least. */
static inline bool is_next(const unsigned char *at, const char *text)
{
    return memcmp(at, text, strlen(text)) == 0;
}

/* Takes a number with not too many digits from behind what says which it is; NULL if that is not
 * there. */
static inline const unsigned char *take_number(const unsigned char *at, const char *front,
                                               uint64_t *number)
{
    const unsigned char *digits = at + strlen(front), *end;

    if (!is_next(at, front) || (end = omc_line_sum(digits, number)) == NULL ||
        end - digits > OMC_LINE_DIGITS)
        return NULL;
    return end;
}

/* Whether the answer is to the request that was expected; else notes to which. */
static inline bool has_number(const unsigned char *at, struct omc_asked *asked)
{
    uint32_t number;

    if (!is_next(at, " O") || !omc_meta_token_number(at + FLAG_SIZE, &number))
        return false;
    if (number == asked->number)
        return true;
    asked->number = number;
    return false;
}

/* Takes the key, in front of which its length stands; NULL if that is more than `spare` bytes, or
 * not the key that was asked for.  OMC_META_TOKEN_KEY_FRONT bytes are there in any case. */
static inline const unsigned char *take_key(const unsigned char *at, size_t spare,
                                            const struct omc_asked *asked, omcache_value_t *value)
{
    const unsigned char *key = at + OMC_META_TOKEN_KEY_FRONT;
    size_t len = asked->key_len;

    if (asked->key == NULL && !omc_meta_token_length(at, &len))
        return NULL;
    value->key = key;
    value->key_len = len;
    if (!omc_meta_token_is_key_front(at, len) || spare < OMC_META_TOKEN_KEY_FRONT + len ||
        (asked->key != NULL && !omc_copy_equals(key, asked->key, len)))
        return NULL;
    return key + len;
}

/* What a get is answered with if there is something. */
static inline const unsigned char *read_usual_value(const unsigned char *bytes,
                                                    const unsigned char *end,
                                                    struct omc_asked *asked, omcache_value_t *value)
{
    const unsigned char *number, *at;
    uint64_t data_len, flags;
    size_t left, need;

    value->cas = 0;
    if ((at = take_number(bytes, "VA ", &data_len)) == NULL ||
        (number = take_number(at, " f", &flags)) == NULL || flags > UINT32_MAX ||
        (is_next(number, " c") && (number = take_number(number, " c", &value->cas)) == NULL))
        return NULL;
    left = (size_t)(end - number);
    need = NUMBER_SIZE + END_SIZE + (size_t)data_len + END_SIZE;
    if (data_len > asked->data_max || left < need || !has_number(number, asked))
        return NULL;
    at = number + NUMBER_SIZE;
    value->key = NULL;
    value->key_len = 0;
    if (omc_opcode_is_keyed(asked->op) && (at = take_key(at, left - need, asked, value)) == NULL)
        return NULL;
    if (!is_next(at, OMC_CODEC_TAIL) || !is_next(at + END_SIZE + data_len, OMC_CODEC_TAIL))
        return NULL;
    value->status = OMCACHE_OK;
    value->data = at + END_SIZE;
    value->data_len = (size_t)data_len;
    value->flags = (uint32_t)flags;
    value->delta_value = 0;
    return value->data + data_len + END_SIZE;
}

/* What a store is answered with. */
static inline const unsigned char *read_usual_store(const unsigned char *bytes,
                                                    const unsigned char *end,
                                                    struct omc_asked *asked, omcache_value_t *value)
{
    const unsigned char *at = bytes + OMC_META_STATUS_SIZE;
    uint64_t cas = 0;

    if (!is_next(bytes, "HD") ||
        (is_next(at, " c") && (at = take_number(at, " c", &cas)) == NULL) ||
        end - at < NUMBER_SIZE + END_SIZE || !is_next(at + NUMBER_SIZE, OMC_CODEC_TAIL) ||
        !has_number(at, asked))
        return NULL;
    *value = (omcache_value_t){.status = OMCACHE_OK, .cas = cas};
    return at + NUMBER_SIZE + END_SIZE;
}

/* What has no number: the oldest request is answered by it. */
static inline const unsigned char *read_usual_word(const unsigned char *bytes, const char *word,
                                                   int status, omcache_value_t *value)
{
    if (!is_next(bytes, word))
        return NULL;
    *value = (omcache_value_t){.status = status};
    return bytes + OMC_META_STATUS_SIZE + END_SIZE;
}

const unsigned char *omc_meta_usual(const unsigned char *bytes, const unsigned char *end,
                                    struct omc_asked *asked, omcache_value_t *value)
{
    const unsigned char *behind;

    if (!omc_line_is_in(bytes, end))
        return NULL;
    switch (omc_opcode_kind(asked->op)) {
    case OMC_KIND_GET:
        behind = read_usual_value(bytes, end, asked, value);
        if (behind != NULL || asked->quiet)
            return behind;
        return read_usual_word(bytes, "EN" OMC_CODEC_TAIL, OMCACHE_NOT_FOUND, value);
    case OMC_KIND_STORE:
        return read_usual_store(bytes, end, asked, value);
    case OMC_KIND_NOOP:
        return read_usual_word(bytes, "MN" OMC_CODEC_TAIL, OMCACHE_OK, value);
    default:
        return NULL;
    }
}
