/*
 * The operations that complete by callback.
 */
#include "api/async.h"

#include <string.h>

#include "api/arguments.h"
#include "api/call.h"
#include "base/clock.h"
#include "client/handle.h"
#include "client/operation.h"
#include "client/streams.h"
#include "client/submit.h"
#include "omcache.h"
#include "proto/ask.h"

/* Who is to be told, and by when. */
struct completion {
    int32_t timeout_msec;
    omcache_reply_callback_func *func;
    void *context;
};

/* Holds the newest operations, so that nothing is told of them before the call that makes them
 * returns: callbacks run at its end, which may make calls that wait.  No callbacks run at the end
 * of a call that a callback makes, so that its operations need not be held. */
static void hold_operations(omcache_t *mc, uint32_t count)
{
    if (mc->shared.depth == 1)
        omc_operation_hold(&mc->operations, mc->operations.next_serial - count);
}

/* Sends it to a server, or on a connection of its own. */
static inline int submit_any(omcache_t *mc, const struct omc_ask *ask, int server_index,
                             struct omc_operation *operation, int64_t now)
{
    if (server_index != -1 && omc_opcode_kind(ask->op) == OMC_KIND_LISTING)
        return omc_streams_begin(mc, mc->fleet.servers[server_index], ask, operation, now);
    return omc_submit_operation(mc, ask, server_index, operation, now);
}

/* Runs a request for an operation, or for nobody if there is no function. */
static int run_operation(omcache_t *mc, const struct omc_ask *ask, int server_index,
                         const struct completion *completion)
{
    int64_t now = omc_call_clock(mc);
    struct omc_operation *operation;
    size_t key_len = 0; /* the name of statistics goes as a key, but is none */
    int rc;

    if (completion->func == NULL)
        return omc_submit_operation(mc, ask, server_index, NULL, now);
    if (omc_opcode_needs_key(ask->op))
        key_len = ask->key_len;
    operation = omc_operation_new(&mc->operations, ask->key, key_len,
                                  omc_clock_after(now, completion->timeout_msec), completion->func,
                                  completion->context);
    if (operation == NULL)
        return OMCACHE_NO_MEMORY;
    hold_operations(mc, 1);
    rc = submit_any(mc, ask, server_index, operation, now);
    if (rc != OMCACHE_OK)
        omc_operation_free(&mc->operations, operation);
    return rc;
}

/* Ends the call that has accepted operations.  Callbacks come at the end of an outermost one; if
 * they free the handle, it is gone. */
static int end_acceptance(omcache_t *mc, int rc)
{
    bool outermost = mc->shared.depth == 1;

    if (!omc_call_end(mc) || !outermost)
        return rc;
    omc_operation_let_go(&mc->operations);
    omc_streams_let_go(mc);
    return rc;
}

/* Runs a command on a key, or on the server with that index, if it is not -1; the rest of the
 * request is there. */
static int start_operation(omcache_t *mc, struct omc_ask *ask, const void *key, size_t key_len,
                           int server_index, const struct completion *completion)
{
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    if (!omc_arguments_set_key(mc, ask, key, key_len))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    return end_acceptance(mc, run_operation(mc, ask, server_index, completion));
}

/* Runs one that names its server: -1 is none. */
static int start_at(omcache_t *mc, struct omc_ask *ask, const char *name, int server_index,
                    const struct completion *completion)
{
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    if (omc_fleet_server(&mc->fleet, server_index) == NULL)
        return mc->fleet.count == 0 ? OMCACHE_NO_SERVERS : OMCACHE_INVALID;
    return start_operation(mc, ask, name, name == NULL ? 0 : strlen(name), server_index,
                           completion);
}

static int start_on_key(omcache_t *mc, struct omc_ask *ask, const void *key, size_t key_len,
                        const struct completion *completion)
{
    return start_operation(mc, ask, key, key_len, -1, completion);
}

int omc_async_start(omcache_t *mc, struct omc_ask *ask, int32_t timeout_msec,
                    omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};

    return start_on_key(mc, ask, ask->key, ask->key_len, &completion);
}

int omc_async_start_at(omcache_t *mc, struct omc_ask *ask, const char *name, int server_index,
                       int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};

    return start_at(mc, ask, name, server_index, &completion);
}

int omcache_async_get(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_GETKQ, OMC_OP_GETK),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_gat(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_GATKQ, OMC_OP_GATK),
        .expiration = omc_arguments_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_SETQ, OMC_OP_SET),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
        .cas = cas,
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_add(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_ADDQ, OMC_OP_ADD),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_replace(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_REPLACEQ, OMC_OP_REPLACE),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .flags = flags,
        .expiration = omc_arguments_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_append(omcache_t *mc, const void *key, size_t key_len, const void *value,
                         size_t value_len, uint64_t cas, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_APPENDQ, OMC_OP_APPEND),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .cas = cas,
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_prepend(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, uint64_t cas, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_PREPENDQ, OMC_OP_PREPEND),
        .value = value,
        .value_len = omc_arguments_value_len(value_len),
        .cas = cas,
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_increment(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_INCREMENTQ, OMC_OP_INCREMENT),
        .delta = delta,
        .initial = initial,
        .expiration = omc_arguments_delta_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_decrement(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_DECREMENTQ, OMC_OP_DECREMENT),
        .delta = delta,
        .initial = initial,
        .expiration = omc_arguments_delta_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_delete(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_DELETEQ, OMC_OP_DELETE),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_touch(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                        int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_TOUCH,
        .expiration = omc_arguments_expiration(expiration),
    };

    return start_on_key(mc, &ask, key, key_len, &completion);
}

int omcache_async_noop(omcache_t *mc, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_NOOP,
    };

    return start_at(mc, &ask, NULL, server_index, &completion);
}

int omcache_async_version(omcache_t *mc, int server_index, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_VERSION,
    };

    return start_at(mc, &ask, NULL, server_index, &completion);
}

int omcache_async_flush_all(omcache_t *mc, time_t expiration, int server_index,
                            int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = omc_arguments_opcode(func != NULL, OMC_OP_FLUSHQ, OMC_OP_FLUSH),
        .bits = OMC_ASK_DATED,
        .expiration = omc_arguments_flush_time(expiration),
    };

    return start_at(mc, &ask, NULL, server_index, &completion);
}

int omcache_async_verbosity(omcache_t *mc, uint32_t level, int server_index, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_LOG_LEVEL,
        .expiration = level,
    };

    return start_at(mc, &ask, NULL, server_index, &completion);
}

int omcache_async_cache_memlimit(omcache_t *mc, uint32_t megabytes, int server_index,
                                 int32_t timeout_msec, omcache_reply_callback_func *func,
                                 void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_MEMORY_LIMIT,
        .expiration = megabytes,
    };

    return start_at(mc, &ask, NULL, server_index, &completion);
}

int omcache_async_stat(omcache_t *mc, const char *command, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    struct omc_ask ask = {
        .op = OMC_OP_STAT,
    };

    return start_at(mc, &ask, command, server_index, &completion);
}

/* Makes the request for a key; false if it cannot be one. */
static bool fill_part(const omcache_t *mc, struct omc_ask *ask, const void *key, size_t key_len)
{
    *ask = (struct omc_ask){.op = OMC_OP_GETKQ};
    return omc_arguments_set_key(mc, ask, key, key_len);
}

/* Frees the parts of a group from here on, and the group. */
static void free_parts(omcache_t *mc, struct omc_operation *group, struct omc_operation *part)
{
    while (part != NULL) {
        struct omc_operation *next = part->next;

        omc_operation_free(&mc->operations, part);
        part = next;
    }
    omc_operation_free(&mc->operations, group);
}

/* Makes a group of operations, one for each key, linked by `next`; NULL without
 * memory. */
static struct omc_operation *make_group(omcache_t *mc, const void *const *keys,
                                        const size_t *key_lens, size_t key_count, int64_t deadline,
                                        const struct completion *completion)
{
    struct omc_operation *group = omc_operation_new(&mc->operations, NULL, 0, OMC_CLOCK_NEVER,
                                                    completion->func, completion->context);

    if (group == NULL)
        return NULL;
    for (size_t i = key_count; i-- > 0;) {
        struct omc_operation *part = omc_operation_new(
            &mc->operations, keys[i], key_lens[i], deadline, completion->func, completion->context);

        if (part == NULL) {
            free_parts(mc, group, group->next);
            return NULL;
        }
        part->group = group;
        part->next = group->next;
        group->next = part;
        group->parts++;
    }
    return group;
}

/* Queues the parts.  If none is accepted nothing is left of the group; else those
 * that are not end with the reason. */
static int queue_group(omcache_t *mc, struct omc_operation *group, int64_t now)
{
    struct omc_operation *refused = NULL, *next;
    int refusal = OMCACHE_OK;
    bool accepted = group->parts == 0;

    for (struct omc_operation *part = group->next; part != NULL; part = next) {
        struct omc_ask ask;
        int rc;

        next = part->next;
        part->next = NULL;
        fill_part(mc, &ask, part->key, part->asker.key_len);
        rc = omc_submit_operation(mc, &ask, -1, part, now);
        accepted = accepted || rc == OMCACHE_OK;
        if (rc == OMCACHE_OK)
            continue;
        part->status = rc;
        part->next = refused;
        refused = part;
        refusal = rc;
    }
    group->next = NULL;
    if (!accepted) {
        free_parts(mc, group, refused);
        return refusal;
    }
    for (; refused != NULL; refused = next) {
        next = refused->next;
        omc_operation_end(&mc->operations, refused, refused->status);
    }
    if (group->parts == 0)
        omc_operation_end(&mc->operations, group, OMCACHE_OK);
    return OMCACHE_OK;
}

static int ask_parts(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                     size_t key_count, const struct completion *completion)
{
    int64_t now = omc_call_clock(mc);
    struct omc_operation *group = make_group(
        mc, keys, key_lens, key_count, omc_clock_after(now, completion->timeout_msec), completion);

    if (group == NULL)
        return OMCACHE_NO_MEMORY;
    hold_operations(mc, (uint32_t)key_count + 1);
    return queue_group(mc, group, now);
}

int omcache_async_get_multi(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                            size_t key_count, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context)
{
    const struct completion completion = {timeout_msec, func, context};
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    if (func == NULL || (key_count > 0 && (keys == NULL || key_lens == NULL)))
        return OMCACHE_INVALID;
    for (size_t i = 0; i < key_count; i++) {
        struct omc_ask ask;

        if (!fill_part(mc, &ask, keys[i], key_lens[i]))
            return OMCACHE_INVALID;
    }
    omc_call_begin(mc);
    return end_acceptance(mc, ask_parts(mc, keys, key_lens, key_count, &completion));
}
