/*
 * The faulty peer over the binary protocol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/faulty_codec.h"
#include "support/wire.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

#define REQUEST_MAGIC 0x80
#define KEYED 1
#define QUIET 2
#define STATUS_TOO_LARGE 3
#define VERSION_TEXT "1.6.18"

static const struct {
    enum little_verb verb;
    int traits;
} opcodes[] = {
    [0x00] = {LITTLE_GET, 0},
    [0x01] = {LITTLE_SET, 0},
    [0x02] = {LITTLE_ADD, 0},
    [0x03] = {LITTLE_REPLACE, 0},
    [0x04] = {LITTLE_DELETE, 0},
    [0x05] = {LITTLE_INCREMENT, 0},
    [0x06] = {LITTLE_DECREMENT, 0},
    [0x07] = {LITTLE_UNKNOWN, 0},
    [0x08] = {LITTLE_UNKNOWN, 0},
    [0x09] = {LITTLE_GET, QUIET},
    [0x0a] = {LITTLE_NOOP, 0},
    [0x0b] = {LITTLE_VERSION, 0},
    [0x0c] = {LITTLE_GET, KEYED},
    [0x0d] = {LITTLE_GET, KEYED | QUIET},
    [0x0e] = {LITTLE_APPEND, 0},
    [0x0f] = {LITTLE_PREPEND, 0},
    [0x10] = {LITTLE_UNKNOWN, 0},
    [0x11] = {LITTLE_SET, QUIET},
    [0x12] = {LITTLE_ADD, QUIET},
    [0x13] = {LITTLE_REPLACE, QUIET},
    [0x14] = {LITTLE_DELETE, QUIET},
    [0x15] = {LITTLE_INCREMENT, QUIET},
    [0x16] = {LITTLE_DECREMENT, QUIET},
    [0x17] = {LITTLE_UNKNOWN, 0},
    [0x18] = {LITTLE_UNKNOWN, 0},
    [0x19] = {LITTLE_APPEND, QUIET},
    [0x1a] = {LITTLE_PREPEND, QUIET},
    [0x1b] = {LITTLE_UNKNOWN, 0},
    [0x1c] = {LITTLE_TOUCH, 0},
    [0x1d] = {LITTLE_GET, 0},
    [0x1e] = {LITTLE_GET, QUIET},
    [0x1f] = {LITTLE_UNKNOWN, 0},
    [0x20] = {LITTLE_UNKNOWN, 0},
    [0x21] = {LITTLE_UNKNOWN, 0},
    [0x22] = {LITTLE_UNKNOWN, 0},
    [0x23] = {LITTLE_GET, KEYED},
    [0x24] = {LITTLE_GET, KEYED | QUIET},
};

#define OPCODES (sizeof(opcodes) / sizeof(opcodes[0]))

static uint64_t get64(const unsigned char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof(number));
    return be64toh(number);
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof(number));
    return ntohl(number);
}

static void read_extras(struct little_ask *ask, const unsigned char *extras, size_t len)
{
    if (len == 8) {
        ask->flags = get32(extras);
    } else if (len == 20) {
        ask->delta = get64(extras);
        ask->initial = get64(extras + 8);
        ask->creates = get32(extras + 16) != UINT32_MAX;
    }
}

/* Says so at once; false if that is all that it does. */
static bool refuse(struct peer *peer, const struct faulty_request *request)
{
    struct wire_reply reply = {
        .opcode = request->opcode, .opaque = request->opaque, .status = STATUS_TOO_LARGE};
    if (request->forsakes) {
        peer_forsake(peer);
    }
    return wire_send(peer, &reply) && !request->forsakes;
}

bool faulty_read_binary(struct peer *peer, struct faulty_request *request, unsigned char *room)
{
    unsigned char header[WIRE_HEADER];
    struct little_ask *ask = &request->ask;
    size_t key_len, body;
    if (!peer_read(peer, header, sizeof(header)) || header[0] != REQUEST_MAGIC) {
        return false;
    }
    key_len = (size_t)(header[2] << 8 | header[3]);
    body = get32(header + 8);
    if (key_len > LITTLE_KEY_MAX || body > FAULTY_DATA_MAX || body < key_len + header[4]) {
        return false;
    }
    request->opcode = header[1];
    memcpy(&request->opaque, header + 12, sizeof(request->opaque));
    request->refused = request->refuses && body > FAULTY_LARGE;
    if ((request->refused && !refuse(peer, request)) || !peer_read(peer, room, body)) {
        return false;
    }
    request->binary = true;
    request->numbered = true;
    ask->verb = header[1] < OPCODES ? opcodes[header[1]].verb : LITTLE_UNKNOWN;
    request->quiet = header[1] < OPCODES && (opcodes[header[1]].traits & QUIET) != 0;
    ask->cas = get64(header + 16);
    read_extras(ask, room, header[4]);
    memcpy(ask->key, room + header[4], key_len);
    ask->key[key_len] = 0;
    ask->data = room + header[4] + key_len;
    ask->data_len = body - header[4] - key_len;
    return true;
}

static bool is_silent(const struct faulty_request *request, enum little_status status)
{
    return request->quiet &&
           status == (request->ask.verb == LITTLE_GET ? LITTLE_NOT_FOUND : LITTLE_OK);
}

/* Makes a length lie in one of the ways that show; a close that is to follow makes the
 * last one show.  False if this answer has not that length. */
static bool lie(unsigned char *bytes, size_t way, bool has_key)
{
    uint16_t key_len = (uint16_t)(bytes[2] << 8 | bytes[3]);
    switch (way) {
    case 0: /* more key than there is body */
        bytes[2] = 0xff;
        return true;
    case 1: /* more extras than there is body */
        bytes[4] = 0xff;
        return get32(bytes + 8) < 0xff;
    case 2:
        memset(bytes + 8, 0xff, 4);
        return true;
    case 3:
        bytes[4] = 3;
        return has_key;
    case 4:
        bytes[4] = 5;
        return has_key;
    case 5:
        key_len++;
        break;
    case 6:
        key_len--;
        break;
    default:
        key_len = 0;
        break;
    }
    bytes[2] = (unsigned char)(key_len >> 8);
    bytes[3] = (unsigned char)key_len;
    return has_key;
}

static bool twist(unsigned char *bytes, const struct faulty_answer *answer, bool has_key)
{
    switch (answer->fault) {
    case FAULT_OTHER_OPAQUE:
        bytes[12] ^= 0x5a; /* connections have not so many requests */
        return true;
    case FAULT_OTHER_OPCODE:
        bytes[1] = bytes[1] == WIRE_VERSION ? WIRE_STAT : WIRE_VERSION;
        return true;
    case FAULT_LENGTH:
        return lie(bytes, answer->at % FAULT_LENGTHS, has_key);
    default:
        return true;
    }
}

/* What of a value that was found goes into the answer. */
static void put_value(struct wire_reply *reply, const struct little_item *item, bool keyed,
                      uint32_t *flags)
{
    *flags = htonl(item->flags);
    reply->cas = item->cas;
    reply->extras = flags;
    reply->extras_len = sizeof(*flags);
    reply->key = item->key;
    reply->key_len = keyed ? strlen(item->key) : 0;
    reply->value = item->value;
    reply->value_len = item->len;
}

size_t faulty_write_binary(const struct faulty_request *request, const struct faulty_answer *answer,
                           unsigned char *out, size_t room)
{
    const struct little_result *result = &answer->result;
    enum little_verb verb = request->ask.verb;
    struct wire_reply reply = {.opcode = request->opcode,
                               .opaque = request->opaque,
                               .status = (uint16_t)result->status,
                               .cas = result->item ? result->item->cas : 0};
    bool found = verb == LITTLE_GET && result->status == LITTLE_OK;
    bool keyed = found && (opcodes[request->opcode].traits & KEYED) != 0;
    uint64_t number = htobe64(result->number);
    uint32_t flags;
    if (is_silent(request, result->status) ||
        (answer->fault == FAULT_OTHER_KEY && (!keyed || !answer->other))) {
        return 0;
    }
    if (found && result->item) {
        put_value(&reply, answer->fault == FAULT_OTHER_KEY ? answer->other : result->item, keyed,
                  &flags);
    } else if (result->status == LITTLE_OK &&
               (verb == LITTLE_INCREMENT || verb == LITTLE_DECREMENT)) {
        reply.value = &number;
        reply.value_len = sizeof(number);
    } else if (verb == LITTLE_VERSION) {
        reply.value = VERSION_TEXT;
        reply.value_len = strlen(VERSION_TEXT);
    }
    size_t len = wire_encode(&reply, out, room);
    return len > 0 && twist(out, answer, keyed) ? len : 0;
}
