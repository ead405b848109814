/*
 * Writing requests of the meta protocol.
 */
#include "proto/meta_request.h"

#include <stddef.h>

#include "omcache.h"
#include "proto/base64.h"
#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/meta_token.h"
#include "proto/opcode.h"

enum {
    WORD_SIZE = 3, /* of a command's word, with the blank behind it */
};

static bool is_encoded(const struct omc_ask *ask)
{
    return (ask->bits & OMC_ASK_ENCODED) != 0;
}

/* Keys that are no word go as base64, if that is not too long. */
bool omc_meta_request_accept(struct omc_ask *ask)
{
    ask->bits &= (uint8_t)~OMC_ASK_ENCODED;
    if (omc_opcode_is_get(ask->op) && ask->value_len == 0 && (ask->bits & OMC_ASK_RAW) == 0 &&
        omc_line_is_plain(ask->key, ask->key_len))
        return true; /* what is asked most takes the least */
    if (!omc_classic_accept(ask) || omc_opcode_kind(ask->op) == OMC_KIND_LISTING)
        return false;
    if (!omc_opcode_needs_key(ask->op) || omc_line_is_plain(ask->key, ask->key_len))
        return true;
    ask->bits |= OMC_ASK_ENCODED;
    return omc_base64_size(ask->key_len) <= OMC_ASK_KEY_MAX;
}

static inline unsigned char *put_key(unsigned char *out, const struct omc_ask *ask)
{
    if (is_encoded(ask))
        return out + omc_base64_encode(out, ask->key, ask->key_len);
    return omc_bytes_put(out, ask->key, ask->key_len);
}

/* The number of a request, and what has the reply name the key, if that is wanted. */
static inline unsigned char *put_token(unsigned char *out, uint32_t number, bool keyed,
                                       uint8_t key_len)
{
    out = omc_meta_token_put_number(out, number);
    return keyed ? omc_meta_token_put_key_front(out, key_len) : out;
}

/* What each get ends with, by the traits of its opcode. */
static inline unsigned char *put_get(unsigned char *out, const struct omc_ask *ask, uint8_t traits,
                                     uint32_t number)
{
    if ((ask->bits & OMC_ASK_CASLESS) == 0)
        out = omc_line_put(out, " v f c O");
    else
        out = omc_line_put(out, " v f O");
    out = put_token(out, number, (traits & OMC_OPCODE_KEYED) != 0, ask->key_len);
    return (traits & OMC_OPCODE_QUIET) != 0 && (ask->bits & OMC_ASK_ANSWERED) == 0
               ? omc_line_put(out, " q")
               : out;
}

/* The mode of a store that is no set.  A cas makes memcached's binary protocol forget whether it
 * was to add or replace. */
static const char *store_mode(const struct omc_ask *ask)
{
    switch (omc_opcode_forms[ask->op].plain) {
    case OMC_OP_ADD:
        return ask->cas == 0 ? " ME" : "";
    case OMC_OP_REPLACE:
        return ask->cas == 0 ? " MR" : "";
    case OMC_OP_APPEND:
        return " MA";
    default: /* OMC_OP_PREPEND */
        return " MP";
    }
}

static unsigned char *put_compared(unsigned char *out, const struct omc_ask *ask)
{
    return ask->cas > 0 ? omc_line_put_flag(out, " C", ask->cas) : out;
}

static unsigned char *put_quiet(unsigned char *out, const struct omc_ask *ask)
{
    return (ask->bits & OMC_ASK_UNHEARD) != 0 ? omc_line_put(out, " q") : out;
}

static unsigned char *put_store(unsigned char *out, const struct omc_ask *ask)
{
    uint32_t expiration = omc_ask_expiration(ask, 0);

    if (ask->op != OMC_OP_SET && ask->op != OMC_OP_SETQ)
        out = omc_line_put(out, store_mode(ask));
    if (ask->flags > 0)
        out = omc_line_put_flag(out, " F", ask->flags);
    if (expiration > 0)
        out = omc_line_put_flag(out, " T", expiration);
    out = put_compared(out, ask);
    if (omc_opcode_is_quiet(ask->op))
        return put_quiet(out, ask);
    return (ask->bits & OMC_ASK_CASLESS) != 0 ? out : omc_line_put(out, " c");
}

static unsigned char *put_delta(unsigned char *out, const struct omc_ask *ask)
{
    if (omc_opcode_forms[ask->op].plain == OMC_OP_DECREMENT)
        out = omc_line_put(out, " MD");
    out = omc_line_put_flag(out, " D", ask->delta);
    if (ask->expiration != OMCACHE_DELTA_NO_ADD) {
        out = omc_line_put_flag(out, " N", omc_ask_expiration(ask, 0));
        out = omc_line_put_flag(out, " J", ask->initial);
    }
    out = put_compared(out, ask);
    return omc_opcode_is_quiet(ask->op) ? out : omc_line_put(out, " v c");
}

/* Options, which are the last in their line. */
static unsigned char *put_options(unsigned char *out, const struct omc_ask *ask, uint32_t number)
{
    out = omc_line_put(out, " O");
    out = put_token(out, number, omc_opcode_is_keyed(ask->op), ask->key_len);
    out = put_quiet(out, ask);
    return omc_bytes_put(out, ask->extra, ask->extra_len);
}

/* What stands between the key and the end of the line, if that is no store. */
static unsigned char *put_flags(unsigned char *out, const struct omc_ask *ask, uint16_t kind,
                                uint32_t number)
{
    if (is_encoded(ask))
        out = omc_line_put(out, " b");
    if (kind == OMC_KIND_DEBUG)
        return out;
    if (omc_opcode_is_meta(ask->op))
        return put_options(out, ask, number);
    if (omc_opcode_has(ask->op, OMC_OPCODE_DATED))
        out = omc_line_put_flag(out, " T", omc_ask_expiration(ask, 0));
    switch (kind) {
    case OMC_KIND_DELTA:
        out = put_delta(out, ask);
        break;
    case OMC_KIND_GET:
        return put_get(out, ask, omc_opcode_forms[ask->op].traits, number);
    case OMC_KIND_TOUCH:
        out = omc_line_put(out, " c");
        break;
    default:
        out = put_quiet(put_compared(out, ask), ask);
        break;
    }
    return omc_meta_token_put_number(omc_line_put(out, " O"), number);
}

/* The command's word; NULL if it is none of meta's, or a store. */
static const char *meta_word_of(uint16_t kind)
{
    switch (kind) {
    case OMC_KIND_GET:
    case OMC_KIND_TOUCH:
    case OMC_KIND_CHECK:
        return "mg ";
    case OMC_KIND_DEBUG:
        return "me ";
    case OMC_KIND_DELTA:
        return "ma ";
    case OMC_KIND_DELETE:
        return "md ";
    default:
        return NULL;
    }
}

/* These are not inline, so that no register is saved for them where a get is encoded. */

__attribute__((noinline)) static unsigned char *
encode_other(unsigned char *out, const struct omc_ask *ask, uint32_t number)
{
    uint16_t kind = omc_opcode_kind(ask->op);
    const char *word = meta_word_of(kind);

    if (kind == OMC_KIND_NOOP)
        return omc_line_put(out, "mn\r\n");
    if (word == NULL)
        return omc_line_put(omc_classic_encode(out, ask), "\r\n");
    memcpy(out, word, WORD_SIZE);
    return omc_line_put(put_flags(put_key(out + WORD_SIZE, ask), ask, kind, number), "\r\n");
}

__attribute__((noinline)) static unsigned char *
encode_store(unsigned char *out, const struct omc_ask *ask, uint32_t number)
{
    out = put_key(omc_line_put(out, "ms "), ask);
    out = omc_line_put_flag(out, " ", ask->value_len);
    if (is_encoded(ask))
        out = omc_line_put(out, " b");
    if (omc_opcode_is_meta(ask->op))
        out = put_options(out, ask, number);
    else
        out = omc_meta_token_put_number(omc_line_put(put_store(out, ask), " O"), number);
    return omc_line_put(out, "\r\n");
}

/* All commands with a key have words of two letters. */
size_t omc_meta_request_key_offset(const struct omc_ask *ask)
{
    (void)ask;
    return WORD_SIZE;
}

/* Gets with a key as it is, which is what there is most of, have a way of their own. */
unsigned char *omc_meta_request_encode(unsigned char *out, const struct omc_ask *ask,
                                       uint32_t number)
{
    const struct omc_opcode_form *form = &omc_opcode_forms[ask->op];

    if (form->plain == OMC_OP_GET && !is_encoded(ask)) {
        out = omc_bytes_put(omc_line_put(out, "mg "), ask->key, ask->key_len);
        return omc_line_put(put_get(out, ask, form->traits, number), "\r\n");
    }
    if (form->kind == OMC_KIND_STORE)
        return encode_store(out, ask, number);
    return encode_other(out, ask, number);
}
