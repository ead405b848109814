/*
 * The operations, by the numbers of the binary protocol, and what is common to
 * all protocols about them.
 */
#ifndef OMC_PROTO_OPCODE_H
#define OMC_PROTO_OPCODE_H

#include <stdbool.h>
#include <stdint.h>

enum omc_opcode {
    OMC_OP_GET = 0x00,
    OMC_OP_SET = 0x01,
    OMC_OP_ADD = 0x02,
    OMC_OP_REPLACE = 0x03,
    OMC_OP_DELETE = 0x04,
    OMC_OP_INCREMENT = 0x05,
    OMC_OP_DECREMENT = 0x06,
    OMC_OP_QUIT = 0x07,
    OMC_OP_FLUSH = 0x08,
    OMC_OP_GETQ = 0x09,
    OMC_OP_NOOP = 0x0a,
    OMC_OP_VERSION = 0x0b,
    OMC_OP_GETK = 0x0c,
    OMC_OP_GETKQ = 0x0d,
    OMC_OP_APPEND = 0x0e,
    OMC_OP_PREPEND = 0x0f,
    OMC_OP_STAT = 0x10,
    OMC_OP_SETQ = 0x11,
    OMC_OP_ADDQ = 0x12,
    OMC_OP_REPLACEQ = 0x13,
    OMC_OP_DELETEQ = 0x14,
    OMC_OP_INCREMENTQ = 0x15,
    OMC_OP_DECREMENTQ = 0x16,
    OMC_OP_QUITQ = 0x17,
    OMC_OP_FLUSHQ = 0x18,
    OMC_OP_APPENDQ = 0x19,
    OMC_OP_PREPENDQ = 0x1a,
    OMC_OP_VERBOSITY = 0x1b,
    OMC_OP_TOUCH = 0x1c,
    OMC_OP_GAT = 0x1d,
    OMC_OP_GATQ = 0x1e,
    OMC_OP_LOGIN = 0x21, /* SASL's */
    OMC_OP_GATK = 0x23,
    OMC_OP_GATKQ = 0x24,
    OMC_OP_RGET = 0x30,
    OMC_OP_RSET = 0x31,
    OMC_OP_RSETQ = 0x32,
    OMC_OP_RAPPEND = 0x33,
    OMC_OP_RAPPENDQ = 0x34,
    OMC_OP_RPREPEND = 0x35,
    OMC_OP_RPREPENDQ = 0x36,
    OMC_OP_RDELETE = 0x37,
    OMC_OP_RDELETEQ = 0x38,
    OMC_OP_RINCREMENT = 0x39,
    OMC_OP_RINCREMENTQ = 0x3a,
    OMC_OP_RDECREMENT = 0x3b,
    OMC_OP_RDECREMENTQ = 0x3c,

    /* The library's own: numbers that no server is known to use.  These two are for what lines have
     * and binary has not (or does not answer: 0x1b). */
    OMC_OP_LOG_LEVEL = 0x72,
    OMC_OP_MEMORY_LIMIT = 0x73,

    /* These for what only text has: they are answered with any number of lines. */
    OMC_OP_DUMP = 0x74,  /* one for each key */
    OMC_OP_WATCH = 0x75, /* one for each thing that happens; the key says which things */

    /* And for what only the meta protocol has.  Their extras are flags of that protocol, each
     * behind a blank. */
    OMC_OP_META_SETQ = 0x76,
    OMC_OP_META_DELETEQ = 0x77,
    OMC_OP_META_GET = 0x78,  /* answered with a value, */
    OMC_OP_META_LOOK = 0x79, /* or without it */
    OMC_OP_META_SET = 0x7a,
    OMC_OP_META_DELETE = 0x7b,
    OMC_OP_META_ARITHMETIC = 0x7c,
    OMC_OP_META_CHECK = 0x7d, /* a get that is answered without the value if that is known */
    OMC_OP_META_DEBUG = 0x7e, /* has no flags */
};

/* One of the library's own; and one of those of the meta protocol. */
static inline bool omc_opcode_is_own(uint8_t opcode)
{
    return (uint8_t)(opcode - OMC_OP_LOG_LEVEL) <= OMC_OP_META_DEBUG - OMC_OP_LOG_LEVEL;
}

static inline bool omc_opcode_is_meta(uint8_t opcode)
{
    return (uint8_t)(opcode - OMC_OP_META_SETQ) <= OMC_OP_META_DEBUG - OMC_OP_META_SETQ;
}

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
    OMC_KIND_CHECK = 1024,
    OMC_KIND_DEBUG = 2048,
    OMC_KIND_LISTING = 4096,
    OMC_KIND_SETTING = 8192, /* of the server, to the number that is in `expiration` */
};

enum omc_opcode_trait {
    OMC_OPCODE_QUIET = 1,  /* gets no answer unless there is something to tell */
    OMC_OPCODE_KEY = 2,    /* works on a key, which must not be empty */
    OMC_OPCODE_GETS = 4,   /* answers with a value and its flags */
    OMC_OPCODE_DELTA = 8,  /* answers with a number */
    OMC_OPCODE_KEYED = 16, /* is answered with the key */
    OMC_OPCODE_DATED = 32, /* has an expiration, and nothing else */
};

/* Sizes of extras: of flags and an expiration, of an expiration, of a counter's three numbers. */
enum {
    OMC_OPCODE_STORED_SIZE = 8,
    OMC_OPCODE_DATED_SIZE = 4,
    OMC_OPCODE_COUNTED_SIZE = 20,
};

/* What is known of each opcode; asked several times for each request. */
struct omc_opcode_form {
    uint16_t kind;  /* one of enum omc_kind; 0: only the binary protocol has it */
    uint8_t plain;  /* the opcode without "quiet" and "with key" */
    uint8_t traits; /* bits of enum omc_opcode_trait */
    uint8_t extras; /* their size in the binary protocol: one of those, or 0 */
};

extern const struct omc_opcode_form omc_opcode_forms[256];

static inline uint16_t omc_opcode_kind(uint8_t opcode)
{
    return omc_opcode_forms[opcode].kind;
}

static inline bool omc_opcode_has(uint8_t opcode, enum omc_opcode_trait trait)
{
    return (omc_opcode_forms[opcode].traits & trait) != 0;
}

static inline bool omc_opcode_is_quiet(uint8_t opcode)
{
    return omc_opcode_has(opcode, OMC_OPCODE_QUIET);
}

static inline bool omc_opcode_needs_key(uint8_t opcode)
{
    return omc_opcode_has(opcode, OMC_OPCODE_KEY);
}

static inline bool omc_opcode_is_get(uint8_t opcode)
{
    return omc_opcode_has(opcode, OMC_OPCODE_GETS);
}

static inline bool omc_opcode_is_delta(uint8_t opcode)
{
    return omc_opcode_has(opcode, OMC_OPCODE_DELTA);
}

static inline bool omc_opcode_is_keyed(uint8_t opcode)
{
    return omc_opcode_has(opcode, OMC_OPCODE_KEYED);
}

#endif
