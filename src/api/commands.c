/*
 * The simple commands: each fills a request and runs it.
 */
#include "api/arguments.h"
#include "api/call.h"
#include "api/raw.h"
#include "base/memory.h"
#include "client/handle.h"
#include "omcache.h"
#include "proto/opcode.h"

/* Runs one request; its answer, if one came, goes to *call->values. */
static int run_request(omcache_t *mc, struct omc_ask *ask, int server_index, struct omc_call *call)
{
    unsigned char *copy;
    int rc;

    if (!omc_arguments_keep_lent(mc, ask, &copy)) {
        *call->values = (omcache_value_t){.status = OMCACHE_NO_MEMORY};
        return OMCACHE_NO_MEMORY;
    }
    omc_call_begin_io(mc);
    rc = omc_call_result(mc, omc_call_run(mc, ask, server_index, call), &call->stored);
    if (copy != NULL)
        omc_memory_free(copy);
    if (call->stored == 0)
        *call->values = (omcache_value_t){.status = rc};
    else
        rc = call->values->status;
    return server_index >= 0 && rc == OMCACHE_SERVER_FAILURE ? OMCACHE_NO_SERVERS : rc;
}

int omcache_command_status(omcache_t *mc, omcache_req_t *req, int32_t timeout_msec)
{
    omcache_value_t answer;
    struct omc_call call = {
        .count = 1,
        .values = &answer,
        .room = 1,
        .timeout_msec = timeout_msec,
        .has_tag = true,
        .server_index = -1,
    };
    struct omc_ask ask;
    int rc;

    if (!omc_call_is_allowed(mc) || req == NULL || !omc_arguments_read(mc, req, &ask))
        return OMCACHE_INVALID;
    rc = run_request(mc, &ask, req->server_index, &call);
    if (call.server_index >= 0)
        omc_raw_complete(req, call.tag, call.server_index);
    return rc;
}

/* What is not run has no answer. */
static int run_nothing(omcache_value_t *answer)
{
    *answer = (omcache_value_t){.status = OMCACHE_INVALID};
    return OMCACHE_INVALID;
}

/* Runs a command on a key; the rest of the request is there. */
static int run_answer(omcache_t *mc, struct omc_ask *ask, const unsigned char *key, size_t key_len,
                      omcache_value_t *answer, int32_t timeout_msec)
{
    struct omc_call call = {.count = 1, .values = answer, .room = 1, .timeout_msec = timeout_msec};

    if (!omc_call_is_allowed(mc) || !omc_arguments_set_key(mc, ask, key, key_len))
        return run_nothing(answer);
    return run_request(mc, ask, -1, &call);
}

static int run_plain(omcache_t *mc, struct omc_ask *ask, const unsigned char *key, size_t key_len,
                     int32_t timeout_msec)
{
    omcache_value_t answer;

    return run_answer(mc, ask, key, key_len, &answer, timeout_msec);
}

/* Runs a command that names its server: -1 would mean "by key". */
static int run_at(omcache_t *mc, struct omc_ask *ask, int server_index, int32_t timeout_msec)
{
    omcache_value_t answer;
    struct omc_call call = {
        .count = 1, .values = &answer, .room = 1, .timeout_msec = timeout_msec, .server_index = -1};

    if (!omc_call_is_allowed(mc))
        return OMCACHE_INVALID;
    if (server_index < 0)
        return OMCACHE_NO_SERVERS;
    return run_request(mc, ask, server_index, &call);
}

int omcache_noop(omcache_t *mc, int server_index, int32_t timeout_msec)
{
    struct omc_ask ask = {.op = OMC_OP_NOOP};

    return run_at(mc, &ask, server_index, timeout_msec);
}

int omcache_flush_all(omcache_t *mc, time_t expiration, int server_index, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = OMC_OP_FLUSH,
        .bits = OMC_ASK_DATED,
        .expiration = omc_arguments_flush_time(expiration),
    };

    return run_at(mc, &ask, server_index, timeout_msec);
}

int omcache_verbosity(omcache_t *mc, uint32_t level, int server_index, int32_t timeout_msec)
{
    struct omc_ask ask = {.op = OMC_OP_LOG_LEVEL, .expiration = level};

    return run_at(mc, &ask, server_index, timeout_msec);
}

int omcache_cache_memlimit(omcache_t *mc, uint32_t megabytes, int server_index,
                           int32_t timeout_msec)
{
    struct omc_ask ask = {.op = OMC_OP_MEMORY_LIMIT, .expiration = megabytes};

    return run_at(mc, &ask, server_index, timeout_msec);
}

int omcache_stat(omcache_t *mc, const char *command, omcache_value_t *values, size_t *value_count,
                 int server_index, int32_t timeout_msec)
{
    struct omc_ask ask = {.op = OMC_OP_STAT};
    struct omc_call call = omc_call_make(1, values, value_count, timeout_msec);
    unsigned char *copy;
    int rc;

    if (!omc_call_is_allowed(mc) ||
        !omc_arguments_set_key(mc, &ask, command, command == NULL ? 0 : strlen(command)))
        return OMCACHE_INVALID;
    if (value_count != NULL)
        *value_count = 0;
    if (server_index < 0)
        return OMCACHE_NO_SERVERS;
    if (!omc_arguments_keep_lent(mc, &ask, &copy))
        return OMCACHE_NO_MEMORY;
    omc_call_begin_io(mc);
    rc = omc_call_result(mc, omc_call_run(mc, &ask, server_index, &call), &call.stored);
    omc_memory_free(copy);
    if (value_count != NULL)
        *value_count = call.stored;
    return rc;
}

/* Bits of a request that say whether its answer is to have the item's cas: the caller wants it
 * there (NULL: nowhere), or a response callback may, which may be set until the answer comes if the
 * call does not wait for that. */
static inline uint8_t cas_bits(const omcache_t *mc, const uint64_t *cas, int32_t timeout_msec)
{
    return cas == NULL && timeout_msec != 0 && mc != NULL && mc->response_func == NULL
               ? OMC_ASK_CASLESS
               : 0;
}

int omcache_set(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_SETQ, OMC_OP_SET),
        .bits = cas_bits(mc, NULL, timeout_msec),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
        .cas = cas,
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

int omcache_add(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_ADDQ, OMC_OP_ADD),
        .bits = cas_bits(mc, NULL, timeout_msec),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

int omcache_replace(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, time_t expiration, uint32_t flags,
                    int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_REPLACEQ, OMC_OP_REPLACE),
        .bits = cas_bits(mc, NULL, timeout_msec),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

int omcache_append(omcache_t *mc, const unsigned char *key, size_t key_len,
                   const unsigned char *value, size_t value_len, uint64_t cas, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_APPENDQ, OMC_OP_APPEND),
        .bits = cas_bits(mc, NULL, timeout_msec),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .cas = cas,
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

int omcache_prepend(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, uint64_t cas,
                    int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_PREPENDQ, OMC_OP_PREPEND),
        .bits = cas_bits(mc, NULL, timeout_msec),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .cas = cas,
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

/* Runs a command on a counter; *number becomes what it counts. */
static int count(omcache_t *mc, struct omc_ask *ask, const unsigned char *key, size_t key_len,
                 uint64_t *number, int32_t timeout_msec)
{
    omcache_value_t answer;
    int rc = run_answer(mc, ask, key, key_len, &answer, timeout_msec);

    if (number != NULL)
        *number = answer.delta_value;
    return rc;
}

int omcache_increment(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_INCREMENTQ, OMC_OP_INCREMENT),
        .delta = delta,
        .initial = initial,
        .expiration = omc_arguments_delta_expiration(expiration),
    };

    return count(mc, &ask, key, key_len, value, timeout_msec);
}

int omcache_decrement(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_DECREMENTQ, OMC_OP_DECREMENT),
        .delta = delta,
        .initial = initial,
        .expiration = omc_arguments_delta_expiration(expiration),
    };

    return count(mc, &ask, key, key_len, value, timeout_msec);
}

int omcache_delete(omcache_t *mc, const unsigned char *key, size_t key_len, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_DELETEQ, OMC_OP_DELETE),
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

int omcache_touch(omcache_t *mc, const unsigned char *key, size_t key_len, time_t expiration,
                  int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = OMC_OP_TOUCH,
        .expiration = omc_arguments_expiration(expiration),
    };

    return run_plain(mc, &ask, key, key_len, timeout_msec);
}

/* Hands out an answer's parts to whoever wants them. */
static void take_apart(const omcache_value_t *answer, const unsigned char **value,
                       size_t *value_len, uint32_t *flags, uint64_t *cas)
{
    static const omcache_value_t nothing;

    if (answer->status != OMCACHE_OK && answer->status != OMCACHE_FAIL)
        answer = &nothing;
    if (value != NULL)
        *value = answer->data;
    if (value_len != NULL)
        *value_len = answer->data_len;
    if (flags != NULL)
        *flags = answer->flags;
    if (cas != NULL)
        *cas = answer->cas;
}

int omcache_get(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, uint32_t *flags, uint64_t *cas,
                int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_GETKQ, OMC_OP_GETK),
        .bits = cas_bits(mc, cas, timeout_msec),
    };
    omcache_value_t answer;
    int rc = run_answer(mc, &ask, key, key_len, &answer, timeout_msec);

    take_apart(&answer, value, value_len, flags, cas);
    return rc;
}

int omcache_gat(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, time_t expiration, uint32_t *flags,
                uint64_t *cas, int32_t timeout_msec)
{
    struct omc_ask ask = {
        .op = omc_arguments_opcode(timeout_msec != 0, OMC_OP_GATKQ, OMC_OP_GATK),
        .bits = cas_bits(mc, cas, timeout_msec),
        .expiration = omc_arguments_expiration(expiration),
    };
    omcache_value_t answer;
    int rc = run_answer(mc, &ask, key, key_len, &answer, timeout_msec);

    take_apart(&answer, value, value_len, flags, cas);
    return rc;
}
