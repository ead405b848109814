/*
 * Writing requests of the text protocol, and reading them back.
 */
#include "proto/text_request.h"

#include "proto/classic.h"
#include "proto/command.h"
#include "proto/line.h"
#include "proto/opcode.h"

enum {
    /* More than any head has besides the key: the longest command, flags, expiration,
     * length, cas, blanks and the line's end. */
    NUMBERS_MAX = 80,
};

size_t omc_text_request_head_size(const omcache_req_t *req, size_t prefix_len)
{
    return NUMBERS_MAX + prefix_len + omc_request_key_len(req);
}

/* The command's word and a blank; a cas makes the binary protocol, too, forget whether
 * it was to add or replace.  NULL if text has no such command. */
static const char *word_of(const struct omc_command *command)
{
    bool cas = command->cas > 0;

    switch (command->plain) {
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

/* What stands between the key and the line's end. */
static unsigned char *put_numbers(unsigned char *out, const struct omc_command *command,
                                  size_t data_len)
{
    uint32_t expiration = omc_command_expiration(command, 0);

    switch (command->kind) {
    case OMC_KIND_STORE:
        out = omc_line_put_flag(omc_line_put_flag(out, " ", command->flags), " ", expiration);
        out = omc_line_put_flag(out, " ", data_len);
        return command->cas > 0 ? omc_line_put_flag(out, " ", command->cas) : out;
    case OMC_KIND_DELTA:
        return omc_line_put_flag(out, " ", command->delta);
    case OMC_KIND_TOUCH:
        return omc_line_put_flag(out, " ", expiration);
    default:
        return out;
    }
}

size_t omc_text_request_encode_head(unsigned char *out, const omcache_req_t *req,
                                    struct omc_prefix prefix, uint32_t opaque)
{
    size_t key_len = omc_request_key_len(req);
    unsigned char *start = out;
    struct omc_command command;
    const char *word;

    (void)opaque;
    if (!omc_command_read(req, &command))
        return 0;
    if (command.kind == OMC_KIND_NOOP)
        return (size_t)(omc_line_put(out, "version\r\n") - start);
    if (!omc_command_has_key(&command))
        return omc_classic_encode(out, req, &command);
    word = word_of(&command);
    if (word == NULL || !omc_line_is_plain(req->key, key_len) ||
        (prefix.len > 0 && !omc_line_is_plain(prefix.bytes, prefix.len)))
        return 0;
    out = omc_line_put(out, word);
    if (command.plain == OMC_OP_GAT) {
        out = omc_line_put_number(out, omc_command_expiration(&command, 0));
        out = omc_line_put(out, " ");
    }
    out = omc_line_put_bytes(out, prefix.bytes, prefix.len);
    out = omc_line_put_bytes(out, req->key, key_len);
    out = put_numbers(out, &command, omc_request_data_len(req));
    return (size_t)(omc_line_put(out, "\r\n") - start);
}

/* Takes the next of the line's numbers. */
static uint64_t take_number(struct omc_line *line)
{
    struct omc_line word = omc_line_word(line);
    uint64_t number = 0;

    omc_line_number(&word, UINT64_MAX, &number);
    return number;
}

size_t omc_text_request_decode(const unsigned char *bytes, uint8_t opcode,
                               struct omc_scratch *scratch, omcache_req_t *req)
{
    const unsigned char *newline = omc_line_find_end(bytes);
    struct omc_line line = {bytes, newline - 1}, key;
    struct omc_command command;
    size_t data_len = 0;

    omc_command_start(opcode, &command);
    if (!omc_command_has_key(&command)) {
        omc_classic_decode_request(line, opcode, scratch, req);
        return (size_t)(newline + 1 - bytes);
    }
    omc_line_word(&line);
    if (command.plain == OMC_OP_GAT)
        command.expiration = (uint32_t)take_number(&line);
    key = omc_line_word(&line);
    if (command.kind == OMC_KIND_STORE) {
        command.flags = (uint32_t)take_number(&line);
        command.expiration = (uint32_t)take_number(&line);
        data_len = (size_t)take_number(&line);
        command.cas = take_number(&line);
    } else if (command.kind == OMC_KIND_DELTA) {
        command.delta = take_number(&line);
        command.expiration = OMCACHE_DELTA_NO_ADD;
    } else if (command.kind == OMC_KIND_TOUCH) {
        command.expiration = (uint32_t)take_number(&line);
    }
    omc_command_write(&command, opcode, scratch, omc_line_left(&key), data_len, req);
    req->key = key.at;
    req->data = newline + 1;
    return (size_t)(newline + 1 - bytes) + data_len + omc_classic_tail_size(opcode);
}
