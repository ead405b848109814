/*
 * The binary protocol as tests need it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/wire.h"

#include "support/clock.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAGIC 0x80
#define REPLY_MAGIC 0x81

/*
 * Requests for omcache_command.
 */

void wire_request(omcache_req_t *req, int server, uint8_t opcode, const char *key)
{
    size_t key_len = key ? strlen(key) : 0;
    memset(req, 0, sizeof(*req));
    req->server_index = server;
    req->header.opcode = opcode;
    req->header.keylen = htons((uint16_t)key_len);
    req->header.bodylen = htonl((uint32_t)key_len);
    req->key = (const unsigned char *)key;
}

void wire_set(omcache_req_t *req, int server, uint8_t opcode, const char *key, const char *value)
{
    static const unsigned char no_flags_no_expiration[8];
    wire_request(req, server, opcode, key);
    req->header.extlen = sizeof(no_flags_no_expiration);
    req->header.bodylen = htonl((uint32_t)(strlen(key) + strlen(value) + 8));
    req->extra = no_flags_no_expiration;
    req->data = (const unsigned char *)value;
}

/*
 * Looking at what a peer recorded.
 */

static size_t get16(const unsigned char *at)
{
    return (size_t)(at[0] << 8 | at[1]);
}

static size_t get32(const unsigned char *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static unsigned char *recorded(struct peer *peer, size_t *len)
{
    static unsigned char bytes[256 * 1024];
    *len = peer_received(peer, bytes, sizeof(bytes));
    return bytes;
}

static size_t next_request(const unsigned char *bytes, size_t at, size_t len)
{
    ck_assert_msg(at + WIRE_HEADER <= len, "the record ends inside a request's header");
    ck_assert_msg(bytes[at] == REQUEST_MAGIC, "magic %#x in a request", bytes[at]);
    size_t next = at + WIRE_HEADER + get32(bytes + at + 8);
    ck_assert_msg(next <= len, "the record ends inside a request's body");
    return next;
}

static const char *as_hex(char *text, size_t room, const unsigned char *bytes, size_t len)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < len && used + 4 < room; i++) {
        used += (size_t)snprintf(text + used, room - used, i ? " %02x" : "%02x", bytes[i]);
    }
    return text;
}

static const char *opcodes_in(const unsigned char *bytes, size_t len)
{
    static char text[1024];
    unsigned char opcodes[sizeof(text) / 3];
    size_t count = 0;
    for (size_t at = 0; at < len; at = next_request(bytes, at, len)) {
        next_request(bytes, at, len);
        ck_assert_uint_lt(count, sizeof(opcodes));
        opcodes[count++] = bytes[at + 1];
    }
    return as_hex(text, sizeof(text), opcodes, count);
}

const char *wire_opcodes(struct peer *peer)
{
    size_t len;
    const unsigned char *bytes = recorded(peer, &len);
    return opcodes_in(bytes, len);
}

/* Whether the last request is not still coming. */
static bool is_whole(const unsigned char *bytes, size_t len)
{
    size_t at = 0;
    while (at + WIRE_HEADER <= len) {
        at += WIRE_HEADER + get32(bytes + at + 8);
    }
    return at == len;
}

void wire_await(struct peer *peer, const char *opcodes)
{
    const char *sent = "half a request";
    for (int64_t deadline = clock_ms() + 2000; clock_ms() < deadline; clock_sleep(1)) {
        size_t len;
        const unsigned char *bytes = recorded(peer, &len);
        if (is_whole(bytes, len) && strcmp(sent = opcodes_in(bytes, len), opcodes) == 0) {
            return;
        }
    }
    ck_abort_msg("sent '%s', expected '%s'", sent, opcodes);
}

static const unsigned char *last_request(struct peer *peer)
{
    size_t last = 0;
    size_t len;
    const unsigned char *bytes = recorded(peer, &len);
    ck_assert_msg(len > 0, "the peer received nothing");
    for (size_t at = 0; at < len; at = next_request(bytes, at, len)) {
        last = at;
    }
    return bytes + last;
}

const char *wire_last_extras(struct peer *peer)
{
    static char text[800];
    const unsigned char *request = last_request(peer);
    return as_hex(text, sizeof(text), request + WIRE_HEADER, request[4]);
}

size_t wire_last_body(struct peer *peer)
{
    return get32(last_request(peer) + 8);
}

/*
 * A peer's side.
 */

bool wire_read(struct peer *peer, struct wire_request *request)
{
    unsigned char header[WIRE_HEADER];
    if (!peer_read(peer, header, sizeof(header))) {
        return false;
    }
    size_t body = get32(header + 8);
    request->opcode = header[1];
    memcpy(&request->opaque, header + 12, sizeof(request->opaque));
    request->key_len = get16(header + 2);
    request->extras_len = header[4];
    request->value_len = body - request->key_len - request->extras_len;

    size_t kept = body < sizeof(request->body) ? body : sizeof(request->body);
    if (!peer_read(peer, request->body, kept)) {
        return false;
    }
    for (size_t left = body - kept; left > 0;) {
        unsigned char rest[4096];
        size_t piece = left < sizeof(rest) ? left : sizeof(rest);
        if (!peer_read(peer, rest, piece)) {
            return false;
        }
        left -= piece;
    }
    return true;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return at + len;
}

size_t wire_encode(const struct wire_reply *reply, unsigned char *out, size_t room)
{
    size_t body = reply->extras_len + reply->key_len + reply->value_len;
    if (room < WIRE_HEADER + body) {
        return 0;
    }
    uint16_t key_len = htons((uint16_t)reply->key_len);
    uint16_t status = htons(reply->status);
    uint32_t body_len = htonl((uint32_t)body);
    memset(out, 0, WIRE_HEADER);
    out[0] = REPLY_MAGIC;
    out[1] = reply->opcode;
    memcpy(out + 2, &key_len, 2);
    out[4] = (unsigned char)reply->extras_len;
    memcpy(out + 6, &status, 2);
    memcpy(out + 8, &body_len, 4);
    memcpy(out + 12, &reply->opaque, 4);
    for (size_t i = 0; i < 8; i++) {
        out[16 + i] = (unsigned char)(reply->cas >> (56 - 8 * i));
    }
    unsigned char *at = put(out + WIRE_HEADER, reply->extras, reply->extras_len);
    at = put(at, reply->key, reply->key_len);
    put(at, reply->value, reply->value_len);
    return WIRE_HEADER + body;
}

bool wire_send(struct peer *peer, const struct wire_reply *reply)
{
    unsigned char bytes[8192];
    size_t len = wire_encode(reply, bytes, sizeof(bytes));
    return len > 0 && peer_send(peer, bytes, len);
}

static bool answer_get(struct peer *peer, const struct wire_request *request,
                       struct wire_reply reply)
{
    static const unsigned char flags[4] = {0, 0, 0, 42};
    const unsigned char *key = request->body + request->extras_len;
    char value[512];
    int len =
        snprintf(value, sizeof(value), "value of %.*s", (int)request->key_len, (const char *)key);
    reply.extras = flags;
    reply.extras_len = sizeof(flags);
    reply.key = key;
    reply.key_len = request->key_len;
    reply.value = value;
    reply.value_len = (size_t)len;
    return wire_send(peer, &reply);
}

static bool answer_stat(struct peer *peer, struct wire_reply *reply)
{
    struct wire_reply row = *reply;
    row.key = "pid";
    row.key_len = 3;
    row.value = "1";
    row.value_len = 1;
    return wire_send(peer, &row) && wire_send(peer, reply);
}

static bool is_quiet(uint8_t opcode)
{
    return (opcode >= WIRE_SETQ && opcode <= 0x1a) || opcode == 0x09 || opcode == WIRE_GETKQ ||
           opcode == 0x1e || opcode == WIRE_GATKQ;
}

bool wire_answer(struct peer *peer, const struct wire_request *request)
{
    static const unsigned char number[8] = {0, 0, 0, 0, 0, 0, 0, 7};
    struct wire_reply reply = {.opcode = request->opcode, .opaque = request->opaque, .cas = 99};
    if (is_quiet(request->opcode)) {
        return true;
    }
    switch (request->opcode) {
    case WIRE_GET:
    case WIRE_GETK:
    case WIRE_GATK:
        return answer_get(peer, request, reply);
    case WIRE_STAT:
        return answer_stat(peer, &reply);
    case WIRE_INCREMENT:
    case WIRE_DECREMENT:
        reply.value = number;
        reply.value_len = sizeof(number);
        return wire_send(peer, &reply);
    default:
        return wire_send(peer, &reply);
    }
}

void wire_serve(struct peer *peer, void *context)
{
    struct wire_request request;
    if (context) {
        peer_send_in_pieces(peer, *(size_t *)context);
    }
    while (wire_read(peer, &request) && wire_answer(peer, &request)) {
    }
}
