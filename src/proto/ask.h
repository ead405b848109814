/*
 * A request, in host order: the one form that it has inside the library.
 */
#ifndef OMC_PROTO_ASK_H
#define OMC_PROTO_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/opcode.h"

enum {
    OMC_ASK_MAGIC = 0x80,     /* how each begins in the binary protocol, */
    OMC_ASK_HEADER_SIZE = 24, /* with a header of so many bytes */
    OMC_ASK_KEY_MAX = 250,
    OMC_ASK_FRAME_MAX = 1024, /* so many bytes besides the value none has */
    /* Values of more bytes are refused by servers, which may then take the value
     * itself for commands. */
    OMC_ASK_VALUE_MAX = INT32_MAX - 2,
};

enum omc_ask_bit {
    OMC_ASK_RAW = 1,       /* it has not the parts that its opcode has: only the binary protocol
                            * carries it, with `extra` as it is */
    OMC_ASK_DATED = 2,     /* of a flush: it has an expiration */
    OMC_ASK_ENCODED = 4,   /* its key goes as base64, as the codec has found that accepted it */
    OMC_ASK_UNHEARD = 8,   /* it is sent without asking for an answer if all is well, see codec.h */
    OMC_ASK_CASLESS = 16,  /* of a get or a store: nobody wants to be told the item's cas */
    OMC_ASK_ANSWERED = 32, /* of a quiet get: no more follow it, so it had better be answered */
};

struct omc_ask {
    const unsigned char *key; /* as it is sent; these three are whoever's who has made it */
    const unsigned char *value;
    const unsigned char *extra; /* of a raw one; of meta's own opcodes: flags of that protocol */
    uint64_t cas;               /* 0: none */
    uint64_t delta;
    uint64_t initial;
    uint32_t value_len;
    uint32_t flags;
    uint32_t expiration; /* of OMC_KIND_SETTING: the number */
    uint8_t op;          /* one of enum omc_opcode, or what only the binary protocol knows */
    uint8_t key_len;
    uint8_t extra_len;
    uint8_t bits; /* of enum omc_ask_bit */
};

/* Whether its parts are there, and its key is one that the operation can have behind a prefix of
 * that length. */
static inline bool omc_ask_check(const struct omc_ask *ask, size_t prefix_len)
{
    if ((ask->key_len > 0 && ask->key == NULL) || (ask->value_len > 0 && ask->value == NULL))
        return false;
    return !omc_opcode_needs_key(ask->op) ||
           (ask->key_len > 0 && ask->key_len <= OMC_ASK_KEY_MAX - prefix_len);
}

/* Whether it changes nothing, so that asking twice does no harm. */
static inline bool omc_ask_is_repeatable(const struct omc_ask *ask)
{
    return omc_opcode_forms[ask->op].plain == OMC_OP_GET;
}

/* How many bytes of extras it has in the binary protocol. */
static inline size_t omc_ask_extra_size(const struct omc_ask *ask)
{
    if ((ask->bits & (OMC_ASK_RAW | OMC_ASK_DATED)) == 0)
        return (size_t)omc_opcode_forms[ask->op].extras + ask->extra_len;
    return (ask->bits & OMC_ASK_RAW) != 0 ? ask->extra_len : OMC_OPCODE_DATED_SIZE;
}

/* Its size in the binary protocol, which counts whatever protocol it is sent in. */
static inline size_t omc_ask_size(const struct omc_ask *ask)
{
    return OMC_ASK_HEADER_SIZE + omc_ask_extra_size(ask) + ask->key_len + ask->value_len;
}

/* The expiration as memcached reads it in lines, which is as a signed number: what
 * the binary protocol takes for a date that those cannot have is `never`. */
static inline uint32_t omc_ask_expiration(const struct omc_ask *ask, uint32_t never)
{
    return ask->expiration > INT32_MAX ? never : ask->expiration;
}

#endif
