/*
 * What a request asks for, apart from how the binary protocol writes it down: the
 * meta and the text protocol are both written from this.
 */
#ifndef OMC_PROTO_COMMAND_H
#define OMC_PROTO_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/codec.h"

/* Kinds of operations that have the same arguments and answers; bits, for sets. */
enum omc_kind {
    OMC_KIND_GET = 1,
    OMC_KIND_STORE = 2,
    OMC_KIND_DELTA = 4,
    OMC_KIND_DELETE = 8,
    OMC_KIND_TOUCH = 16,
    OMC_KIND_NOOP = 32,
    OMC_KIND_VERSION = 64,
    OMC_KIND_STAT = 128,
    OMC_KIND_FLUSH = 256,
    OMC_KIND_QUIT = 512,
};

struct omc_command {
    uint16_t kind;
    uint8_t plain; /* the opcode without "quiet" and "with key" */
    bool quiet;
    bool keyed; /* a get that is answered with the key */
    bool dated; /* has an expiration */
    uint32_t flags;
    uint32_t expiration;
    uint64_t delta;
    uint64_t initial;
    uint64_t cas; /* 0: none */
};

enum {
    /* Values of more bytes are refused by servers, which may then take the value
     * itself for commands. */
    OMC_COMMAND_DATA_MAX = INT32_MAX - 2,
};

/* Whether it is one of the kinds that work on a key. */
static inline bool omc_command_has_key(const struct omc_command *command)
{
    return (command->kind & (OMC_KIND_GET | OMC_KIND_STORE | OMC_KIND_DELTA | OMC_KIND_DELETE |
                             OMC_KIND_TOUCH)) != 0;
}

/* Whether the answer to a request of that opcode names the key. */
bool omc_command_is_keyed(uint8_t opcode);

/* The kind of an opcode, 0 if it is none that all protocols have. */
uint16_t omc_command_kind(uint8_t opcode);

/* Reads a request that keeps omc_request_check's rules; false if its parts are not
 * those that its opcode has. */
bool omc_command_read(const omcache_req_t *req, struct omc_command *command);

/* Starts a command of that opcode, with nothing else. */
bool omc_command_start(uint8_t opcode, struct omc_command *command);

/* Writes a command's header and, into scratch, its extras; the lengths are for the
 * key and data that the caller puts in place. */
void omc_command_write(const struct omc_command *command, uint8_t opcode,
                       struct omc_scratch *scratch, size_t key_len, size_t data_len,
                       omcache_req_t *req);

/* The expiration as memcached reads it in lines, which is as a signed number: what
 * the binary protocol takes for a date that those cannot have is `never`. */
uint32_t omc_command_expiration(const struct omc_command *command, uint32_t never);

/* Whether a quiet request keeps quiet about this outcome. */
bool omc_command_is_silent(uint8_t opcode, int status);

#endif
