/*
 * The binary protocol as tests need it, written apart from the library's own:
 * raw requests for omcache_command, and requests and replies for peers' scripts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "support/peer.h"

#include <omcache.h>

#define WIRE_HEADER 24

enum wire_opcode {
    WIRE_GET = 0x00,
    WIRE_SET = 0x01,
    WIRE_DELETE = 0x04,
    WIRE_INCREMENT = 0x05,
    WIRE_DECREMENT = 0x06,
    WIRE_NOOP = 0x0a,
    WIRE_VERSION = 0x0b,
    WIRE_GETK = 0x0c,
    WIRE_GETKQ = 0x0d,
    WIRE_STAT = 0x10,
    WIRE_SETQ = 0x11,
    WIRE_ADDQ = 0x12,
    WIRE_GATK = 0x23,
    WIRE_GATKQ = 0x24
};

/* Fills a request for omcache_command, header in network order.  The key is a C
 * string or NULL; server -1 means by key. */
void wire_request(omcache_req_t *req, int server, uint8_t opcode, const char *key);

/* The same with a value, flags 0 and no expiration. */
void wire_set(omcache_req_t *req, int server, uint8_t opcode, const char *key, const char *value);

/* The opcodes in what the peer recorded, as "0a 11 11 0a"; a static string. */
const char *wire_opcodes(struct peer *peer);

/* Waits until the peer has recorded just these whole requests. */
void wire_await(struct peer *peer, const char *opcodes);

/* The extras of the last request that the peer recorded, as "00 00 00 2a". */
const char *wire_last_extras(struct peer *peer);

/* The length of the last request's extras, key and value. */
size_t wire_last_body(struct peer *peer);

/*
 * For scripts.
 */

struct wire_request {
    uint8_t opcode;
    uint32_t opaque; /* as it came */
    size_t extras_len;
    size_t key_len;
    size_t value_len;
    unsigned char body[1024]; /* the beginning of it */
};

struct wire_reply {
    uint8_t opcode;
    uint16_t status;
    uint32_t opaque;
    uint64_t cas;
    const void *extras;
    size_t extras_len;
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
};

bool wire_read(struct peer *peer, struct wire_request *request);

/* Puts a reply into out and returns its length, 0 if there is no room. */
size_t wire_encode(const struct wire_reply *reply, unsigned char *out, size_t room);

bool wire_send(struct peer *peer, const struct wire_reply *reply);

/* Answers as a memcached would in which every key has the value "value of KEY",
 * except that it finds nothing for quiet gets. */
bool wire_answer(struct peer *peer, const struct wire_request *request);

/* A peer_script: a memcached as above.  context is NULL or points to the size_t
 * of the pieces to send in. */
void wire_serve(struct peer *peer, void *context);

#endif
