/*
 * The simple commands: each fills a request and runs it.
 */
#include <string.h>

#include "api/arguments.h"
#include "api/call.h"
#include "base/memory.h"
#include "client/handle.h"
#include "client/pins.h"
#include "omcache.h"
#include "proto/opcode.h"
#include "proto/request.h"

/* Whether these bytes were handed out by the call before, and are taken back in this one. */
static bool is_lent(const omcache_t *mc, const void *bytes, size_t len)
{
    return len > 0 && omc_pins_lend(&mc->fleet, bytes, omc_pins_level_of_call(mc->depth + 1));
}

/* The key or the value of a request may be what the call before handed out.  Then the request gets
 * a copy of both, *copy, for the caller to free.  False without memory. */
static bool keep_lent(const omcache_t *mc, omcache_req_t *req, unsigned char **copy)
{
    size_t key_len = omc_request_key_len(req), data_len = omc_request_data_len(req);

    *copy = NULL;
    if (!is_lent(mc, req->key, key_len) && !is_lent(mc, req->data, data_len))
        return true;
    *copy = omc_memory_new(1, key_len + data_len);
    if (*copy == NULL)
        return false;
    if (key_len > 0)
        req->key = memcpy(*copy, req->key, key_len);
    if (data_len > 0)
        req->data = memcpy(*copy + key_len, req->data, data_len);
    return true;
}

/* Runs one request; its answer, if one came, goes to *answer. */
static int run_request(omcache_t *mc, omcache_req_t *req, omcache_value_t *answer,
                       int32_t timeout_msec)
{
    const unsigned char *key = req->key, *data = req->data;
    bool named = req->server_index >= 0;
    size_t req_count = 1, value_count = 1;
    unsigned char *copy;
    int rc;

    *answer = (omcache_value_t){.status = OMCACHE_NO_MEMORY};
    if (!keep_lent(mc, req, &copy))
        return OMCACHE_NO_MEMORY;
    omc_call_begin_io(mc);
    rc = omc_call_command(mc, req, &req_count, answer, &value_count, timeout_msec);
    rc = omc_call_result(mc, rc, &value_count);
    req->key = key;
    req->data = data;
    omc_memory_free(copy);
    if (value_count == 0)
        *answer = (omcache_value_t){.status = rc};
    else
        rc = answer->status;
    return named && rc == OMCACHE_SERVER_FAILURE ? OMCACHE_NO_SERVERS : rc;
}

int omcache_command_status(omcache_t *mc, omcache_req_t *req, int32_t timeout_msec)
{
    omcache_value_t answer;

    if (!omc_call_is_allowed(mc) || req == NULL || !omc_call_check(mc, req))
        return OMCACHE_INVALID;
    return run_request(mc, req, &answer, timeout_msec);
}

/* Runs a command on a key. */
static int run_answer(omcache_t *mc, const struct omc_arguments *command, omcache_value_t *answer,
                      int32_t timeout_msec)
{
    omcache_req_t req;

    *answer = (omcache_value_t){.status = OMCACHE_INVALID};
    if (!omc_call_is_allowed(mc) || !omc_arguments_fill(mc, &req, command))
        return OMCACHE_INVALID;
    return run_request(mc, &req, answer, timeout_msec);
}

static int run_plain(omcache_t *mc, const struct omc_arguments *command, int32_t timeout_msec)
{
    omcache_value_t answer;

    return run_answer(mc, command, &answer, timeout_msec);
}

/* Runs a command that names its server. */
static int run_at(omcache_t *mc, const struct omc_arguments *command, int server_index,
                  int32_t timeout_msec)
{
    omcache_value_t answer;
    omcache_req_t req;

    if (!omc_call_is_allowed(mc) || !omc_arguments_fill(mc, &req, command))
        return OMCACHE_INVALID;
    if (server_index < 0) /* -1 would mean "by key" */
        return OMCACHE_NO_SERVERS;
    req.server_index = server_index;
    return run_request(mc, &req, &answer, timeout_msec);
}

int omcache_noop(omcache_t *mc, int server_index, int32_t timeout_msec)
{
    struct omc_arguments command = {.opcode = OMC_OP_NOOP};

    return run_at(mc, &command, server_index, timeout_msec);
}

int omcache_flush_all(omcache_t *mc, time_t expiration, int server_index, int32_t timeout_msec)
{
    uint32_t extra = omc_arguments_flush_time(expiration);
    struct omc_arguments command = {.opcode = OMC_OP_FLUSH, .extra = {&extra, sizeof(extra)}};

    return run_at(mc, &command, server_index, timeout_msec);
}

int omcache_stat(omcache_t *mc, const char *command, omcache_value_t *values, size_t *value_count,
                 int server_index, int32_t timeout_msec)
{
    struct omc_arguments stat = {
        .opcode = OMC_OP_STAT,
        .key = {command, command == NULL ? 0 : strlen(command)},
    };
    size_t req_count = 1;
    omcache_req_t req;
    int rc;

    if (!omc_call_is_allowed(mc) || !omc_arguments_fill(mc, &req, &stat))
        return OMCACHE_INVALID;
    if (server_index < 0) {
        if (value_count != NULL)
            *value_count = 0;
        return OMCACHE_NO_SERVERS;
    }
    req.server_index = server_index;
    omc_call_begin_io(mc);
    rc = omc_call_command(mc, &req, &req_count, values, value_count, timeout_msec);
    return omc_call_result(mc, rc, value_count);
}

int omcache_set(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                int32_t timeout_msec)
{
    struct omc_arguments_store extra = omc_arguments_store(flags, expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_SETQ, OMC_OP_SET),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
        .data = {value, value_len},
        .cas = cas,
    };

    return run_plain(mc, &command, timeout_msec);
}

int omcache_add(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec)
{
    struct omc_arguments_store extra = omc_arguments_store(flags, expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_ADDQ, OMC_OP_ADD),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
        .data = {value, value_len},
    };

    return run_plain(mc, &command, timeout_msec);
}

int omcache_replace(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, time_t expiration, uint32_t flags,
                    int32_t timeout_msec)
{
    struct omc_arguments_store extra = omc_arguments_store(flags, expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_REPLACEQ, OMC_OP_REPLACE),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
        .data = {value, value_len},
    };

    return run_plain(mc, &command, timeout_msec);
}

int omcache_append(omcache_t *mc, const unsigned char *key, size_t key_len,
                   const unsigned char *value, size_t value_len, uint64_t cas, int32_t timeout_msec)
{
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_APPENDQ, OMC_OP_APPEND),
        .key = {key, key_len},
        .data = {value, value_len},
        .cas = cas,
    };

    return run_plain(mc, &command, timeout_msec);
}

int omcache_prepend(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, uint64_t cas,
                    int32_t timeout_msec)
{
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_PREPENDQ, OMC_OP_PREPEND),
        .key = {key, key_len},
        .data = {value, value_len},
        .cas = cas,
    };

    return run_plain(mc, &command, timeout_msec);
}

/* Runs a command on a counter; *number becomes what it counts. */
static int count(omcache_t *mc, const struct omc_arguments *command, uint64_t *number,
                 int32_t timeout_msec)
{
    omcache_value_t answer;
    int rc = run_answer(mc, command, &answer, timeout_msec);

    if (number != NULL)
        *number = answer.delta_value;
    return rc;
}

int omcache_increment(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec)
{
    struct omc_arguments_delta extra = omc_arguments_delta(delta, initial, expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_INCREMENTQ, OMC_OP_INCREMENT),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
    };

    return count(mc, &command, value, timeout_msec);
}

int omcache_decrement(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec)
{
    struct omc_arguments_delta extra = omc_arguments_delta(delta, initial, expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_DECREMENTQ, OMC_OP_DECREMENT),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
    };

    return count(mc, &command, value, timeout_msec);
}

int omcache_delete(omcache_t *mc, const unsigned char *key, size_t key_len, int32_t timeout_msec)
{
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_DELETEQ, OMC_OP_DELETE),
        .key = {key, key_len},
    };

    return run_plain(mc, &command, timeout_msec);
}

int omcache_touch(omcache_t *mc, const unsigned char *key, size_t key_len, time_t expiration,
                  int32_t timeout_msec)
{
    uint32_t extra = omc_arguments_expiration(expiration);
    struct omc_arguments command = {
        .opcode = OMC_OP_TOUCH,
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
    };

    return run_plain(mc, &command, timeout_msec);
}

/* Hands out an answer's parts to whoever wants them. */
static void take_apart(const omcache_value_t *answer, const unsigned char **value,
                       size_t *value_len, uint32_t *flags, uint64_t *cas)
{
    bool empty = answer->status != OMCACHE_OK && answer->status != OMCACHE_FAIL;

    if (value != NULL)
        *value = empty ? NULL : answer->data;
    if (value_len != NULL)
        *value_len = empty ? 0 : answer->data_len;
    if (flags != NULL)
        *flags = answer->flags;
    if (cas != NULL)
        *cas = empty ? 0 : answer->cas;
}

int omcache_get(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, uint32_t *flags, uint64_t *cas,
                int32_t timeout_msec)
{
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_GETKQ, OMC_OP_GETK),
        .key = {key, key_len},
    };
    omcache_value_t answer;
    int rc = run_answer(mc, &command, &answer, timeout_msec);

    take_apart(&answer, value, value_len, flags, cas);
    return rc;
}

int omcache_gat(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, time_t expiration, uint32_t *flags,
                uint64_t *cas, int32_t timeout_msec)
{
    uint32_t extra = omc_arguments_expiration(expiration);
    struct omc_arguments command = {
        .opcode = omc_arguments_opcode(timeout_msec != 0, OMC_OP_GATKQ, OMC_OP_GATK),
        .key = {key, key_len},
        .extra = {&extra, sizeof(extra)},
    };
    omcache_value_t answer;
    int rc = run_answer(mc, &command, &answer, timeout_msec);

    take_apart(&answer, value, value_len, flags, cas);
    return rc;
}
