/*
 * The usual answers of the meta protocol; see meta_usual.h.
 */
#include "proto/meta_usual.h"

#include "omcache.h"
#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/meta_request.h"
#include "proto/opcode.h"

enum {
    FLAG_SIZE = 2, /* a blank and a letter */
    ASKED_SIZE = FLAG_SIZE + OMC_META_REQUEST_NUMBER_SIZE,
    END_SIZE = 2, /* of a line, and of data */
    KEY_FRONT = OMC_META_REQUEST_LENGTH_SIZE + FLAG_SIZE,

    /* Where three numbers end that have so few digits that none is too large. */
    NUMBERS_END = OMC_META_STATUS_SIZE + 1 + FLAG_SIZE + FLAG_SIZE + OMC_LINE_DIGITS + 2,
};

/* Whether this is next; there are as many bytes at least. */
static inline bool is_next(const unsigned char *at, const char *text)
{
    return memcmp(at, text, strlen(text)) == 0;
}

/* Takes a number from behind what says which it is; NULL if that is not there. */
static inline const unsigned char *take_number(const unsigned char *at, const char *front,
                                               uint64_t *number)
{
    return is_next(at, front) ? omc_line_sum(at + strlen(front), number) : NULL;
}

/* Takes the key that was asked for, behind its length, if one was; NULL if that is more than
 * `spare` bytes.  KEY_FRONT bytes are there in any case. */
static inline const unsigned char *take_key(const unsigned char *at, uint64_t spare,
                                            omcache_value_t *value)
{
    unsigned digits = omc_bytes_get16(at) ^ 0x3030;

    if ((digits & 0xf0f0) != 0) {
        value->key = NULL;
        value->key_len = 0;
        return at;
    }
    value->key = at + KEY_FRONT;
    value->key_len = (digits >> 4 | digits) & 0xff;
    return is_next(at + OMC_META_REQUEST_LENGTH_SIZE, " k") && spare >= KEY_FRONT + value->key_len
               ? value->key + value->key_len
               : NULL;
}

/* Finds the request whose number is here, if it is of that kind. */
static inline bool find_asked(const unsigned char *at, const struct omc_expect *expect,
                              uint16_t kind, struct omc_reply *reply)
{
    struct omc_expected asked;
    uint32_t number;

    if (!is_next(at, " O") || !omc_meta_usual_number(at + FLAG_SIZE, &number) ||
        !omc_expect_find(expect, number, &asked) || omc_opcode_kind(asked.opcode) != kind)
        return false;
    reply->opaque = asked.opaque;
    reply->opcode = asked.opcode;
    reply->last = true;
    reply->silent = kind == OMC_KIND_STORE && omc_opcode_is_quiet(asked.opcode);
    return true;
}

static inline bool read_usual_value(const unsigned char *bytes, size_t len, size_t max_body,
                                    const struct omc_expect *expect, struct omc_reply *reply,
                                    size_t *size)
{
    omcache_value_t *value = &reply->value;
    const unsigned char *asked, *at;
    uint64_t data_len, flags, left, need;

    if ((at = take_number(bytes, "VA ", &data_len)) == NULL ||
        (at = take_number(at, " f", &flags)) == NULL || flags > UINT32_MAX ||
        (asked = take_number(at, " c", &value->cas)) == NULL || asked - bytes > NUMBERS_END)
        return false;
    left = (uint64_t)(bytes + len - asked);
    need = ASKED_SIZE + END_SIZE + data_len + END_SIZE;
    if (left < need || max_body < OMC_CODEC_FLAGS_SIZE + UINT8_MAX + data_len)
        return false;
    at = take_key(asked + ASKED_SIZE, left - need, value);
    if (at == NULL || !is_next(at, OMC_CODEC_TAIL) ||
        !is_next(at + END_SIZE + data_len, OMC_CODEC_TAIL))
        return false;
    value->status = OMCACHE_OK;
    value->data = at + END_SIZE;
    value->data_len = (size_t)data_len;
    value->flags = (uint32_t)flags;
    value->delta_value = 0;
    *size = (size_t)(value->data - bytes) + value->data_len + END_SIZE;
    return find_asked(asked, expect, OMC_KIND_GET, reply);
}

/* What a store is answered with. */
static inline bool read_usual_store(const unsigned char *bytes, size_t len,
                                    const struct omc_expect *expect, struct omc_reply *reply,
                                    size_t *size)
{
    const unsigned char *at = bytes + OMC_META_STATUS_SIZE;
    uint64_t cas = 0;

    if (!is_next(bytes, "HD"))
        return false;
    if (is_next(at, " c") && (at = omc_line_digits(at + FLAG_SIZE, &cas)) == NULL)
        return false;
    if (bytes + len - at < ASKED_SIZE + END_SIZE || !is_next(at + ASKED_SIZE, OMC_CODEC_TAIL))
        return false;
    reply->value = (omcache_value_t){.status = OMCACHE_OK, .cas = cas};
    *size = (size_t)(at - bytes) + ASKED_SIZE + END_SIZE;
    return find_asked(at, expect, OMC_KIND_STORE, reply);
}

/* What a get is answered with if there is nothing, and a no-op: without a number. */
static inline bool read_usual_word(const unsigned char *bytes, const struct omc_expect *expect,
                                   struct omc_reply *reply, size_t *size)
{
    bool is_miss = is_next(bytes, "EN\r\n");
    struct omc_expected asked;

    if ((!is_miss && !is_next(bytes, "MN\r\n")) || !expect->oldest(expect->context, &asked) ||
        omc_opcode_kind(asked.opcode) != (is_miss ? OMC_KIND_GET : OMC_KIND_NOOP))
        return false;
    omc_classic_answer(&asked, is_miss ? OMCACHE_NOT_FOUND : OMCACHE_OK, reply);
    *size = OMC_META_STATUS_SIZE + END_SIZE;
    return true;
}

/* There is a line's end in the bytes, so that each number ends with something else, which has a
 * byte behind it. */
bool omc_meta_usual_read(const unsigned char *bytes, size_t len, size_t max_body,
                         const struct omc_expect *expect, struct omc_reply *reply, size_t *size)
{
    if (len < OMC_META_STATUS_SIZE + END_SIZE ||
        (!is_next(bytes + len - END_SIZE, OMC_CODEC_TAIL) && memchr(bytes, '\n', len - 1) == NULL))
        return false;
    return read_usual_value(bytes, len, max_body, expect, reply, size) ||
           read_usual_store(bytes, len, expect, reply, size) ||
           read_usual_word(bytes, expect, reply, size);
}
