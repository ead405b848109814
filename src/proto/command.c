/*
 * Requests read from, and written to, the form of the binary protocol.
 */
#include "proto/command.h"

#include <endian.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/opcode.h"

enum {
    QUIET = 1,
    KEYED = 2,
};

/* What extras an opcode has. */
enum extras {
    NONE,
    STORED,        /* flags, expiration */
    DATED,         /* expiration */
    COUNTED,       /* delta, initial value, expiration */
    PERHAPS_DATED, /* expiration or nothing */
    OPTIONS        /* flags of the meta protocol: no omc_command has those */
};

struct form {
    uint16_t kind;
    uint8_t plain;
    uint8_t extras;
    uint8_t traits;
};

static const struct form forms[] = {
    [OMC_OP_GET] = {OMC_KIND_GET, OMC_OP_GET, NONE, 0},
    [OMC_OP_GETQ] = {OMC_KIND_GET, OMC_OP_GET, NONE, QUIET},
    [OMC_OP_GETK] = {OMC_KIND_GET, OMC_OP_GET, NONE, KEYED},
    [OMC_OP_GETKQ] = {OMC_KIND_GET, OMC_OP_GET, NONE, KEYED | QUIET},
    [OMC_OP_GAT] = {OMC_KIND_GET, OMC_OP_GAT, DATED, 0},
    [OMC_OP_GATQ] = {OMC_KIND_GET, OMC_OP_GAT, DATED, QUIET},
    [OMC_OP_GATK] = {OMC_KIND_GET, OMC_OP_GAT, DATED, KEYED},
    [OMC_OP_GATKQ] = {OMC_KIND_GET, OMC_OP_GAT, DATED, KEYED | QUIET},
    [OMC_OP_SET] = {OMC_KIND_STORE, OMC_OP_SET, STORED, 0},
    [OMC_OP_SETQ] = {OMC_KIND_STORE, OMC_OP_SET, STORED, QUIET},
    [OMC_OP_ADD] = {OMC_KIND_STORE, OMC_OP_ADD, STORED, 0},
    [OMC_OP_ADDQ] = {OMC_KIND_STORE, OMC_OP_ADD, STORED, QUIET},
    [OMC_OP_REPLACE] = {OMC_KIND_STORE, OMC_OP_REPLACE, STORED, 0},
    [OMC_OP_REPLACEQ] = {OMC_KIND_STORE, OMC_OP_REPLACE, STORED, QUIET},
    [OMC_OP_APPEND] = {OMC_KIND_STORE, OMC_OP_APPEND, NONE, 0},
    [OMC_OP_APPENDQ] = {OMC_KIND_STORE, OMC_OP_APPEND, NONE, QUIET},
    [OMC_OP_PREPEND] = {OMC_KIND_STORE, OMC_OP_PREPEND, NONE, 0},
    [OMC_OP_PREPENDQ] = {OMC_KIND_STORE, OMC_OP_PREPEND, NONE, QUIET},
    [OMC_OP_DELETE] = {OMC_KIND_DELETE, OMC_OP_DELETE, NONE, 0},
    [OMC_OP_DELETEQ] = {OMC_KIND_DELETE, OMC_OP_DELETE, NONE, QUIET},
    [OMC_OP_INCREMENT] = {OMC_KIND_DELTA, OMC_OP_INCREMENT, COUNTED, 0},
    [OMC_OP_INCREMENTQ] = {OMC_KIND_DELTA, OMC_OP_INCREMENT, COUNTED, QUIET},
    [OMC_OP_DECREMENT] = {OMC_KIND_DELTA, OMC_OP_DECREMENT, COUNTED, 0},
    [OMC_OP_DECREMENTQ] = {OMC_KIND_DELTA, OMC_OP_DECREMENT, COUNTED, QUIET},
    [OMC_OP_TOUCH] = {OMC_KIND_TOUCH, OMC_OP_TOUCH, DATED, 0},
    [OMC_OP_NOOP] = {OMC_KIND_NOOP, OMC_OP_NOOP, NONE, 0},
    [OMC_OP_VERSION] = {OMC_KIND_VERSION, OMC_OP_VERSION, NONE, 0},
    [OMC_OP_STAT] = {OMC_KIND_STAT, OMC_OP_STAT, NONE, 0},
    [OMC_OP_FLUSH] = {OMC_KIND_FLUSH, OMC_OP_FLUSH, PERHAPS_DATED, 0},
    [OMC_OP_FLUSHQ] = {OMC_KIND_FLUSH, OMC_OP_FLUSH, PERHAPS_DATED, QUIET},
    [OMC_OP_QUIT] = {OMC_KIND_QUIT, OMC_OP_QUIT, NONE, 0},
    [OMC_OP_QUITQ] = {OMC_KIND_QUIT, OMC_OP_QUIT, NONE, QUIET},
    [OMC_OP_META_GET] = {OMC_KIND_GET, OMC_OP_META_GET, OPTIONS, KEYED},
    [OMC_OP_META_LOOK] = {OMC_KIND_TOUCH, OMC_OP_META_LOOK, OPTIONS, 0},
    [OMC_OP_META_SET] = {OMC_KIND_STORE, OMC_OP_META_SET, OPTIONS, 0},
    [OMC_OP_META_DELETE] = {OMC_KIND_DELETE, OMC_OP_META_DELETE, OPTIONS, 0},
    [OMC_OP_META_ARITHMETIC] = {OMC_KIND_DELTA, OMC_OP_META_ARITHMETIC, OPTIONS, 0},
};

static unsigned char *put32(unsigned char *out, uint32_t number)
{
    number = htobe32(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

static unsigned char *put64(unsigned char *out, uint64_t number)
{
    number = htobe64(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

uint16_t omc_command_kind(uint8_t opcode)
{
    return opcode < sizeof(forms) / sizeof(forms[0]) ? forms[opcode].kind : 0;
}

bool omc_command_is_keyed(uint8_t opcode)
{
    return omc_command_kind(opcode) != 0 && (forms[opcode].traits & KEYED) != 0;
}

bool omc_command_start(uint8_t opcode, struct omc_command *command)
{
    uint16_t kind = omc_command_kind(opcode);

    if (kind == 0)
        return false;
    *command = (struct omc_command){
        .kind = kind,
        .plain = forms[opcode].plain,
        .quiet = (forms[opcode].traits & QUIET) != 0,
        .keyed = (forms[opcode].traits & KEYED) != 0,
    };
    return true;
}

static bool read_extras(struct omc_command *command, enum extras extras, const unsigned char *bytes,
                        size_t len)
{
    static const uint16_t sizes[] = {
        [STORED] = 8, [DATED] = 4, [COUNTED] = 20, [OPTIONS] = UINT16_MAX};

    if (extras == PERHAPS_DATED)
        extras = len > 0 ? DATED : NONE;
    if (len != sizes[extras])
        return false;
    if (extras == NONE)
        return true;
    if (extras == STORED)
        command->flags = omc_bytes_get32(bytes);
    if (extras == COUNTED) {
        command->delta = omc_bytes_get64(bytes);
        command->initial = omc_bytes_get64(bytes + 8);
    }
    command->expiration = omc_bytes_get32(bytes + len - 4);
    command->dated = true;
    return true;
}

bool omc_command_read(const omcache_req_t *req, struct omc_command *command)
{
    uint8_t opcode = req->header.opcode;
    size_t data_len = omc_request_data_len(req);

    if (!omc_command_start(opcode, command) ||
        !read_extras(command, forms[opcode].extras, req->extra, req->header.extlen))
        return false;
    command->cas = be64toh(req->header.cas);
    if (!omc_command_has_key(command) && command->kind != OMC_KIND_STAT &&
        omc_request_key_len(req) > 0)
        return false;
    return data_len == 0 || (command->kind == OMC_KIND_STORE && data_len <= OMC_COMMAND_DATA_MAX);
}

static size_t write_extras(const struct omc_command *command, enum extras extras,
                           unsigned char *start)
{
    unsigned char *out = start;

    if (extras == NONE || (extras == PERHAPS_DATED && !command->dated))
        return 0;
    if (extras == STORED)
        out = put32(out, command->flags);
    if (extras == COUNTED)
        out = put64(put64(out, command->delta), command->initial);
    return (size_t)(put32(out, command->expiration) - start);
}

void omc_command_write(const struct omc_command *command, uint8_t opcode,
                       struct omc_scratch *scratch, size_t key_len, size_t data_len,
                       omcache_req_t *req)
{
    size_t extra_len = write_extras(command, forms[opcode].extras, scratch->extra);

    req->header = (struct omcache_req_header_s){
        .magic = OMC_REQUEST_MAGIC,
        .opcode = opcode,
        .keylen = htobe16((uint16_t)key_len),
        .extlen = (uint8_t)extra_len,
        .bodylen = htobe32((uint32_t)(extra_len + key_len + data_len)),
        .cas = htobe64(command->cas),
    };
    req->extra = scratch->extra;
}

uint32_t omc_command_expiration(const struct omc_command *command, uint32_t never)
{
    return command->expiration > INT32_MAX ? never : command->expiration;
}

bool omc_command_is_silent(uint8_t opcode, int status)
{
    return omc_opcode_is_quiet(opcode) &&
           status == (omc_opcode_is_get(opcode) ? OMCACHE_NOT_FOUND : OMCACHE_OK);
}
