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

    /* The library's own, for what only the meta protocol has: numbers that no server
     * is known to use.  Their extras are flags of that protocol, each behind a blank. */
    OMC_OP_META_GET = 0x78,  /* answered with a value, */
    OMC_OP_META_LOOK = 0x79, /* or without it */
    OMC_OP_META_SET = 0x7a,
    OMC_OP_META_DELETE = 0x7b,
    OMC_OP_META_ARITHMETIC = 0x7c,
};

/* One of the library's own. */
static inline bool omc_opcode_is_meta(uint8_t opcode)
{
    return (uint8_t)(opcode - OMC_OP_META_GET) <= OMC_OP_META_ARITHMETIC - OMC_OP_META_GET;
}

enum omc_opcode_trait {
    OMC_OPCODE_QUIET = 1, /* gets no answer unless there is something to tell */
    OMC_OPCODE_KEY = 2,   /* works on a key, which must not be empty */
    OMC_OPCODE_GETS = 4,  /* answers with a value and its flags */
    OMC_OPCODE_DELTA = 8, /* answers with a number */
};

/* The traits of all opcodes; asked several times for each request. */
extern const uint8_t omc_opcode_traits[256];

static inline bool omc_opcode_is_quiet(uint8_t opcode)
{
    return (omc_opcode_traits[opcode] & OMC_OPCODE_QUIET) != 0;
}

static inline bool omc_opcode_needs_key(uint8_t opcode)
{
    return (omc_opcode_traits[opcode] & OMC_OPCODE_KEY) != 0;
}

static inline bool omc_opcode_is_get(uint8_t opcode)
{
    return (omc_opcode_traits[opcode] & OMC_OPCODE_GETS) != 0;
}

static inline bool omc_opcode_is_delta(uint8_t opcode)
{
    return (omc_opcode_traits[opcode] & OMC_OPCODE_DELTA) != 0;
}

#endif
