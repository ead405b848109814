/*
 * The table behind the questions of opcode.h.
 */
#include "proto/opcode.h"

enum {
    QUIET = 1,
    KEY = 2,
    GETS = 4,
    DELTA = 8,
};

static const uint8_t traits[] = {
    [OMC_OP_GET] = KEY | GETS,
    [OMC_OP_GETQ] = KEY | GETS | QUIET,
    [OMC_OP_GETK] = KEY | GETS,
    [OMC_OP_GETKQ] = KEY | GETS | QUIET,
    [OMC_OP_GAT] = KEY | GETS,
    [OMC_OP_GATQ] = KEY | GETS | QUIET,
    [OMC_OP_GATK] = KEY | GETS,
    [OMC_OP_GATKQ] = KEY | GETS | QUIET,
    [OMC_OP_SET] = KEY,
    [OMC_OP_SETQ] = KEY | QUIET,
    [OMC_OP_ADD] = KEY,
    [OMC_OP_ADDQ] = KEY | QUIET,
    [OMC_OP_REPLACE] = KEY,
    [OMC_OP_REPLACEQ] = KEY | QUIET,
    [OMC_OP_APPEND] = KEY,
    [OMC_OP_APPENDQ] = KEY | QUIET,
    [OMC_OP_PREPEND] = KEY,
    [OMC_OP_PREPENDQ] = KEY | QUIET,
    [OMC_OP_DELETE] = KEY,
    [OMC_OP_DELETEQ] = KEY | QUIET,
    [OMC_OP_INCREMENT] = KEY | DELTA,
    [OMC_OP_INCREMENTQ] = KEY | DELTA | QUIET,
    [OMC_OP_DECREMENT] = KEY | DELTA,
    [OMC_OP_DECREMENTQ] = KEY | DELTA | QUIET,
    [OMC_OP_TOUCH] = KEY,
    [OMC_OP_QUITQ] = QUIET,
    [OMC_OP_FLUSHQ] = QUIET,
    [OMC_OP_RGET] = KEY,
    [OMC_OP_RSET] = KEY,
    [OMC_OP_RSETQ] = KEY | QUIET,
    [OMC_OP_RAPPEND] = KEY,
    [OMC_OP_RAPPENDQ] = KEY | QUIET,
    [OMC_OP_RPREPEND] = KEY,
    [OMC_OP_RPREPENDQ] = KEY | QUIET,
    [OMC_OP_RDELETE] = KEY,
    [OMC_OP_RDELETEQ] = KEY | QUIET,
    [OMC_OP_RINCREMENT] = KEY,
    [OMC_OP_RINCREMENTQ] = KEY | QUIET,
    [OMC_OP_RDECREMENT] = KEY,
    [OMC_OP_RDECREMENTQ] = KEY | QUIET,
    [OMC_OP_META_GET] = KEY | GETS,
    [OMC_OP_META_LOOK] = KEY,
    [OMC_OP_META_SET] = KEY,
    [OMC_OP_META_DELETE] = KEY,
    [OMC_OP_META_ARITHMETIC] = KEY | DELTA,
};

static bool has(uint8_t opcode, uint8_t trait)
{
    return opcode < sizeof(traits) && (traits[opcode] & trait) != 0;
}

bool omc_opcode_is_quiet(uint8_t opcode)
{
    return has(opcode, QUIET);
}

bool omc_opcode_needs_key(uint8_t opcode)
{
    return has(opcode, KEY);
}

bool omc_opcode_is_get(uint8_t opcode)
{
    return has(opcode, GETS);
}

bool omc_opcode_is_delta(uint8_t opcode)
{
    return has(opcode, DELTA);
}
