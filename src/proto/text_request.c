/*
 * Writing requests of the text protocol.
 */
#include "proto/text_request.h"

#include <stddef.h>

#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/listing.h"
#include "proto/opcode.h"

/* What a cas does to a command.  It makes the binary protocol, too, forget whether it was to add
 * or replace. */
enum with_cas { REFUSED, IGNORED, COMPARED };

/* A command's word and a blank. */
struct word {
    char text[sizeof("prepend ")];
    uint8_t len;
    uint8_t with_cas;
};

/* By opcodes without "quiet" and "with key". */
static const struct word words[] = {
    [OMC_OP_GET] = {"gets ", 5, IGNORED},         [OMC_OP_GAT] = {"gats ", 5, IGNORED},
    [OMC_OP_SET] = {"set ", 4, COMPARED},         [OMC_OP_ADD] = {"add ", 4, COMPARED},
    [OMC_OP_REPLACE] = {"replace ", 8, COMPARED}, [OMC_OP_TOUCH] = {"touch ", 6, IGNORED},
    [OMC_OP_APPEND] = {"append ", 7, REFUSED},    [OMC_OP_PREPEND] = {"prepend ", 8, REFUSED},
    [OMC_OP_DELETE] = {"delete ", 7, REFUSED},    [OMC_OP_INCREMENT] = {"incr ", 5, REFUSED},
    [OMC_OP_DECREMENT] = {"decr ", 5, REFUSED},
};

/* NULL if text has no such command. */
static const struct word *word_of(const struct omc_ask *ask)
{
    static const struct word cas = {"cas ", 4, COMPARED};
    uint8_t plain = omc_opcode_forms[ask->op].plain;

    if (plain >= sizeof(words) / sizeof(words[0]) || words[plain].len == 0)
        return NULL;
    if (ask->cas == 0 || words[plain].with_cas == IGNORED)
        return &words[plain];
    return words[plain].with_cas == COMPARED ? &cas : NULL;
}

bool omc_text_request_accept(struct omc_ask *ask)
{
    ask->bits &= (uint8_t)~OMC_ASK_ENCODED;
    if (!omc_classic_accept(ask) || omc_opcode_is_meta(ask->op))
        return false;
    return !omc_opcode_needs_key(ask->op) ||
           (word_of(ask) != NULL && omc_line_is_plain(ask->key, ask->key_len));
}

/* What stands between the key and the line's end. */
static unsigned char *put_numbers(unsigned char *out, const struct omc_ask *ask)
{
    uint32_t expiration = omc_ask_expiration(ask, 0);

    switch (omc_opcode_kind(ask->op)) {
    case OMC_KIND_STORE:
        out = omc_line_put_flag(omc_line_put_flag(out, " ", ask->flags), " ", expiration);
        out = omc_line_put_flag(out, " ", ask->value_len);
        return ask->cas > 0 ? omc_line_put_flag(out, " ", ask->cas) : out;
    case OMC_KIND_DELTA:
        return omc_line_put_flag(out, " ", ask->delta);
    case OMC_KIND_TOUCH:
        return omc_line_put_flag(out, " ", expiration);
    default:
        return out;
    }
}

unsigned char *omc_text_request_encode(unsigned char *out, const struct omc_ask *ask,
                                       uint32_t number)
{
    const struct word *word = word_of(ask);

    (void)number;
    if (ask->op == OMC_OP_NOOP)
        return omc_line_put(out, "version\r\n");
    if (omc_opcode_kind(ask->op) == OMC_KIND_LISTING)
        return omc_line_put(omc_listing_encode(out, ask), "\r\n");
    if (word == NULL)
        return omc_line_put(omc_classic_encode(out, ask), "\r\n");
    memcpy(out, word->text, sizeof(word->text)); /* which is longer than most */
    out += word->len;
    if (omc_opcode_forms[ask->op].plain == OMC_OP_GAT)
        out = omc_line_put(omc_line_put_number(out, omc_ask_expiration(ask, 0)), " ");
    out = omc_bytes_put(out, ask->key, ask->key_len);
    return omc_line_put(put_numbers(out, ask), "\r\n");
}

bool omc_text_request_joins(const struct omc_ask *before, const struct omc_ask *ask)
{
    uint8_t plain = omc_opcode_forms[ask->op].plain;

    return plain == omc_opcode_forms[before->op].plain &&
           (plain == OMC_OP_GET ||
            (plain == OMC_OP_GAT && omc_ask_expiration(ask, 0) == omc_ask_expiration(before, 0)));
}

unsigned char *omc_text_request_join(unsigned char *out, const struct omc_ask *ask)
{
    return omc_line_put(omc_bytes_put(omc_line_put(out, " "), ask->key, ask->key_len), "\r\n");
}
