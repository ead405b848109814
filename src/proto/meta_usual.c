/*
 * The usual answers of the meta protocol; see meta_usual.h.  There is a line's end in the bytes
 * that are read, and no number goes beyond that.
 */
#include "proto/meta_usual.h"

#include "omcache.h"
#include "proto/classic.h"
#include "proto/meta_request.h"
#include "proto/opcode.h"

/* Whether this flag is next; there are two bytes at least. */
static inline bool is_flag(const unsigned char *at, unsigned char letter)
{
    return at[0] == ' ' && at[1] == letter;
}

/* Takes a number from behind a flag's letter; NULL if that is not there. */
static inline const unsigned char *take_flag(const unsigned char *at, unsigned char letter,
                                             uint64_t *number)
{
    return is_flag(at, letter) ? omc_line_digits(at + 2, number) : NULL;
}

/* Takes the number of a request, and finds that. */
static inline const unsigned char *take_asked(const unsigned char *at, const unsigned char *end,
                                              const struct omc_expect *expect,
                                              struct omc_expected *asked)
{
    uint32_t number;

    if (end - at < 2 + OMC_META_REQUEST_NUMBER_SIZE + 2 || !is_flag(at, 'O') ||
        !omc_meta_usual_number(at + 2, &number) ||
        !expect->by_opaque(expect->context, number, asked))
        return NULL;
    return at + 2 + OMC_META_REQUEST_NUMBER_SIZE;
}

/* Takes the key that was asked for, behind its length. */
static inline const unsigned char *take_key(const unsigned char *at, const unsigned char *end,
                                            omcache_value_t *value)
{
    size_t head = OMC_META_REQUEST_LENGTH_SIZE + 2;

    if ((at[0] & 0xf0) != 0x30 || (at[1] & 0xf0) != 0x30)
        return NULL;
    value->key_len = (size_t)((at[0] & 15) << 4 | (at[1] & 15));
    if ((size_t)(end - at) < head + value->key_len || !is_flag(at + 2, 'k'))
        return NULL;
    value->key = at + head;
    return at + head + value->key_len;
}

/* Takes the line's end, and a value of that size. */
static inline const unsigned char *take_value(const unsigned char *at, const unsigned char *end,
                                              uint64_t size)
{
    if (end - at < 4 || at[0] != '\r' || at[1] != '\n' || size > (uint64_t)(end - at - 4) ||
        at[2 + size] != '\r' || at[3 + size] != '\n')
        return NULL;
    return at + 4 + size;
}

static bool read_usual_value(const unsigned char *bytes, size_t len, size_t max_body,
                             const struct omc_expect *expect, struct omc_reply *reply, size_t *size)
{
    const unsigned char *end = bytes + len, *at;
    omcache_value_t value = {.status = OMCACHE_OK};
    struct omc_expected asked;
    uint64_t data_len, flags;

    if ((at = omc_line_digits(bytes + OMC_META_STATUS_SIZE + 1, &data_len)) == NULL ||
        (at = take_flag(at, 'f', &flags)) == NULL || flags > UINT32_MAX ||
        (at = take_flag(at, 'c', &value.cas)) == NULL ||
        (at = take_asked(at, end, expect, &asked)) == NULL ||
        omc_opcode_kind(asked.opcode) != OMC_KIND_GET || data_len > max_body ||
        max_body - data_len < OMC_CODEC_FLAGS_SIZE + OMC_ASK_KEY_MAX ||
        (omc_opcode_is_keyed(asked.opcode) && (at = take_key(at, end, &value)) == NULL) ||
        (at = take_value(at, end, data_len)) == NULL)
        return false;
    value.flags = (uint32_t)flags;
    value.data_len = (size_t)data_len;
    value.data = at - 2 - value.data_len;
    reply->value = value;
    reply->opaque = asked.opaque;
    reply->opcode = asked.opcode;
    reply->last = true;
    reply->silent = false;
    *size = (size_t)(at - bytes);
    return true;
}

/* What a store is answered with. */
static bool read_usual_store(const unsigned char *bytes, size_t len,
                             const struct omc_expect *expect, struct omc_reply *reply, size_t *size)
{
    const unsigned char *at = bytes + OMC_META_STATUS_SIZE;
    struct omc_expected asked;
    uint64_t cas = 0;

    if (is_flag(at, 'c') && (at = take_flag(at, 'c', &cas)) == NULL)
        return false;
    at = take_asked(at, bytes + len, expect, &asked);
    if (at == NULL || at[0] != '\r' || at[1] != '\n' ||
        omc_opcode_kind(asked.opcode) != OMC_KIND_STORE)
        return false;
    omc_classic_answer(&asked, OMCACHE_OK, reply);
    reply->value.cas = cas;
    *size = (size_t)(at + 2 - bytes);
    return true;
}

bool omc_meta_usual_read(const unsigned char *bytes, size_t len, size_t max_body,
                         const struct omc_expect *expect, struct omc_reply *reply, size_t *size)
{
    if (len <= OMC_META_STATUS_SIZE || bytes[OMC_META_STATUS_SIZE] != ' ' ||
        (bytes[len - 1] != '\n' && memchr(bytes, '\n', len) == NULL))
        return false;
    if (bytes[0] == 'V' && bytes[1] == 'A')
        return read_usual_value(bytes, len, max_body, expect, reply, size);
    return bytes[0] == 'H' && bytes[1] == 'D' && read_usual_store(bytes, len, expect, reply, size);
}
