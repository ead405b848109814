/*
 * Writing requests of the text protocol.
 */
#include "proto/text_request.h"

#include <stddef.h>

#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"
#include "proto/opcode.h"

/* The command's word and a blank; a cas makes the binary protocol, too, forget whether
 * it was to add or replace.  NULL if text has no such command. */
static const char *word_of(const struct omc_ask *ask)
{
    bool cas = ask->cas > 0;

    switch (omc_opcode_forms[ask->op].plain) {
    case OMC_OP_GET:
        return "gets ";
    case OMC_OP_GAT:
        return "gats ";
    case OMC_OP_SET:
        return cas ? "cas " : "set ";
    case OMC_OP_ADD:
        return cas ? "cas " : "add ";
    case OMC_OP_REPLACE:
        return cas ? "cas " : "replace ";
    case OMC_OP_TOUCH:
        return "touch ";
    case OMC_OP_APPEND:
        return cas ? NULL : "append ";
    case OMC_OP_PREPEND:
        return cas ? NULL : "prepend ";
    case OMC_OP_DELETE:
        return cas ? NULL : "delete ";
    case OMC_OP_INCREMENT:
        return cas ? NULL : "incr ";
    case OMC_OP_DECREMENT:
        return cas ? NULL : "decr ";
    default:
        return NULL;
    }
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
    (void)number;
    if (ask->op == OMC_OP_NOOP)
        return omc_line_put(out, "version\r\n");
    if (!omc_opcode_needs_key(ask->op))
        return omc_line_put(omc_classic_encode(out, ask), "\r\n");
    out = omc_line_put(out, word_of(ask));
    if (omc_opcode_forms[ask->op].plain == OMC_OP_GAT)
        out = omc_line_put(omc_line_put_number(out, omc_ask_expiration(ask, 0)), " ");
    out = omc_bytes_put(out, ask->key, ask->key_len);
    return omc_line_put(put_numbers(out, ask), "\r\n");
}
