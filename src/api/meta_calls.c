/*
 * The operations that only the meta protocol has, waiting or not.
 */
#include "api/arguments.h"
#include "api/async.h"
#include "api/call.h"
#include "api/meta.h"
#include "api/wait.h"
#include "base/memory.h"
#include "client/handle.h"
#include "omcache.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"

/* Which other protocol it is to be is known before a server is. */
static bool may_be_meta(const omcache_t *mc)
{
    return mc->shared.settings.protocol == OMCACHE_PROTOCOL_AUTO ||
           mc->shared.settings.protocol == OMCACHE_PROTOCOL_META;
}

/* An operation: its opcode, key and value, its client flags or delta, and its options. */
struct operation {
    uint8_t op;
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
    uint64_t number;
    const omcache_meta_t *meta;
};

/* Where the flags of one are written. */
typedef unsigned char flag_room[OMC_META_OPTIONS_MAX];

/* Makes a request of one, but for its key: OMCACHE_OK, or what to return. */
static int make_request(const omcache_t *mc, const struct operation *operation, struct omc_ask *ask,
                        flag_room extra)
{
    struct omc_meta_options options;
    int rc = omc_call_refusal(mc);

    omc_meta_options_init(&options);
    if (operation->meta != NULL) {
        options = operation->meta->options;
        if (!omc_meta_options_fit(&options, operation->op))
            return OMCACHE_INVALID;
    }
    if (rc != OMCACHE_OK)
        return rc;
    if (!may_be_meta(mc))
        return OMCACHE_INVALID;
    *ask = (struct omc_ask){
        .op = operation->op,
        .extra = extra,
        .value = operation->value,
        .value_len = omc_arguments_value_len(operation->value_len),
    };
    ask->extra_len =
        (uint8_t)omc_meta_options_write(&options, operation->op, operation->number, extra);
    return OMCACHE_OK;
}

static int start(omcache_t *mc, const struct operation *operation, int32_t timeout_msec,
                 omcache_reply_callback_func *func, void *context)
{
    flag_room extra;
    struct omc_ask ask;
    int rc = make_request(mc, operation, &ask, extra);

    if (rc != OMCACHE_OK)
        return rc;
    if (!omc_arguments_set_key(mc, &ask, operation->key, operation->key_len))
        return OMCACHE_INVALID;
    return omc_async_start(mc, &ask, timeout_msec, func, context);
}

/* Waits for one; its reply is kept until the handle's next call, if that is still there. */
static int wait(omcache_t *mc, const struct operation *operation, const omcache_reply_t **reply,
                int32_t timeout_msec)
{
    flag_room extra;
    struct omc_ask ask;
    struct omc_awaited awaited;
    unsigned char *copy;
    int rc = make_request(mc, operation, &ask, extra);

    if (reply != NULL)
        *reply = NULL;
    if (rc != OMCACHE_OK)
        return rc;
    if (timeout_msec == 0 || !omc_arguments_set_key(mc, &ask, operation->key, operation->key_len))
        return OMCACHE_INVALID;
    if (!omc_arguments_keep_lent(mc, &ask, &copy))
        return OMCACHE_NO_MEMORY;
    omc_call_begin_io(mc);
    omc_wait_for(mc, &ask, 1, timeout_msec, &awaited);
    if (!omc_call_end(mc)) {
        omc_memory_free(copy);
        return OMCACHE_FAIL;
    }
    omc_wait_hand_out(mc, &awaited.reply, copy, reply);
    return awaited.reply.status;
}

/* Whether the value is not wanted. */
static bool is_look(const omcache_meta_t *meta)
{
    return meta != NULL && meta->options.want != OMC_META_OPTIONS_NONE &&
           (meta->options.want & OMCACHE_META_WANT_VALUE) == 0;
}

/* Which of the gets it is.  One that could tell whether a value has changed, and does not want it,
 * is none. */
static uint8_t get_opcode(const omcache_meta_t *meta)
{
    if (is_look(meta))
        return OMC_OP_META_LOOK;
    return meta != NULL && meta->options.cas != 0 ? OMC_OP_META_CHECK : OMC_OP_META_GET;
}

static struct operation get_of(const void *key, size_t key_len, const omcache_meta_t *meta)
{
    return (struct operation){
        .op = get_opcode(meta),
        .key = key,
        .key_len = key_len,
        .meta = meta,
    };
}

static struct operation set_of(const void *key, size_t key_len, const void *value, size_t value_len,
                               uint32_t flags, const omcache_meta_t *meta)
{
    return (struct operation){
        .op = OMC_OP_META_SET,
        .key = key,
        .key_len = key_len,
        .value = value,
        .value_len = value_len,
        .number = flags,
        .meta = meta,
    };
}

static struct operation delete_of(const void *key, size_t key_len, const omcache_meta_t *meta)
{
    return (struct operation){
        .op = OMC_OP_META_DELETE,
        .key = key,
        .key_len = key_len,
        .meta = meta,
    };
}

static struct operation arithmetic_of(const void *key, size_t key_len, uint64_t delta,
                                      const omcache_meta_t *meta)
{
    return (struct operation){
        .op = OMC_OP_META_ARITHMETIC,
        .key = key,
        .key_len = key_len,
        .number = delta,
        .meta = meta,
    };
}

static struct operation debug_of(const void *key, size_t key_len)
{
    return (struct operation){
        .op = OMC_OP_META_DEBUG,
        .key = key,
        .key_len = key_len,
    };
}

int omcache_async_meta_get(omcache_t *mc, const void *key, size_t key_len,
                           const omcache_meta_t *options, int32_t timeout_msec,
                           omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = get_of(key, key_len, options);

    return start(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                           size_t value_len, uint32_t flags, const omcache_meta_t *options,
                           int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    struct operation operation = set_of(key, key_len, value, value_len, flags, options);

    operation.op = omc_arguments_opcode(func != NULL, OMC_OP_META_SETQ, OMC_OP_META_SET);
    return start(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                              const omcache_meta_t *options, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context)
{
    struct operation operation = delete_of(key, key_len, options);

    operation.op = omc_arguments_opcode(func != NULL, OMC_OP_META_DELETEQ, OMC_OP_META_DELETE);
    return start(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                                  const omcache_meta_t *options, int32_t timeout_msec,
                                  omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = arithmetic_of(key, key_len, delta, options);

    return start(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_debug(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                             omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = debug_of(key, key_len);

    return start(mc, &operation, timeout_msec, func, context);
}

int omcache_meta_get(omcache_t *mc, const void *key, size_t key_len, const omcache_meta_t *options,
                     const omcache_reply_t **reply, int32_t timeout_msec)
{
    const struct operation operation = get_of(key, key_len, options);

    return wait(mc, &operation, reply, timeout_msec);
}

int omcache_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                     size_t value_len, uint32_t flags, const omcache_meta_t *options,
                     const omcache_reply_t **reply, int32_t timeout_msec)
{
    const struct operation operation = set_of(key, key_len, value, value_len, flags, options);

    return wait(mc, &operation, reply, timeout_msec);
}

int omcache_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                        const omcache_meta_t *options, const omcache_reply_t **reply,
                        int32_t timeout_msec)
{
    const struct operation operation = delete_of(key, key_len, options);

    return wait(mc, &operation, reply, timeout_msec);
}

int omcache_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            const omcache_meta_t *options, const omcache_reply_t **reply,
                            int32_t timeout_msec)
{
    const struct operation operation = arithmetic_of(key, key_len, delta, options);

    return wait(mc, &operation, reply, timeout_msec);
}

int omcache_meta_debug(omcache_t *mc, const void *key, size_t key_len,
                       const omcache_reply_t **reply, int32_t timeout_msec)
{
    const struct operation operation = debug_of(key, key_len);

    return wait(mc, &operation, reply, timeout_msec);
}

/* What is asked about many keys, and what came of it, in the order of the keys. */
struct questions {
    size_t count;
    struct omc_ask *asks;
    struct omc_awaited *awaited;
};

static void free_questions(struct questions *questions)
{
    omc_memory_free(questions->asks);
    omc_memory_free(questions->awaited);
}

/* Asks the same about each: OMCACHE_OK, or what to return. */
static int make_questions(const omcache_t *mc, struct questions *questions,
                          const struct omc_ask *ask, const void *const *keys,
                          const size_t *key_lens)
{
    size_t count = questions->count;

    questions->asks = omc_memory_new(count, sizeof(*questions->asks));
    questions->awaited = omc_memory_new(count, sizeof(*questions->awaited));
    if (questions->asks == NULL || questions->awaited == NULL)
        return OMCACHE_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        questions->asks[i] = *ask;
        if (!omc_arguments_set_key(mc, &questions->asks[i], keys[i], key_lens[i]))
            return OMCACHE_INVALID;
    }
    return OMCACHE_OK;
}

/* Waits for all; the replies are kept until the handle's next call.  The status of the first key
 * for which there is none, or OMCACHE_OK. */
static int wait_for_all(omcache_t *mc, struct questions *questions, const omcache_reply_t **replies,
                        int32_t timeout_msec)
{
    int rc = OMCACHE_OK;

    omc_call_begin_io(mc);
    omc_wait_for(mc, questions->asks, questions->count, timeout_msec, questions->awaited);
    if (!omc_call_end(mc))
        return OMCACHE_FAIL;
    omc_memory_free(mc->replies);
    mc->replies = questions->awaited;
    questions->awaited = NULL;
    for (size_t i = 0; i < questions->count; i++) {
        int status = mc->replies[i].reply.status;

        replies[i] = &mc->replies[i].reply;
        if (rc == OMCACHE_OK && status != OMCACHE_NOT_FOUND)
            rc = status;
    }
    return rc;
}

int omcache_meta_get_multi(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                           size_t key_count, const omcache_meta_t *options,
                           const omcache_reply_t **replies, int32_t timeout_msec)
{
    const struct operation operation = get_of(NULL, 0, options);
    struct questions questions = {.count = key_count};
    flag_room extra;
    struct omc_ask ask;
    int rc = make_request(mc, &operation, &ask, extra);

    for (size_t i = 0; replies != NULL && i < key_count; i++)
        replies[i] = NULL;
    if (rc != OMCACHE_OK || key_count == 0)
        return rc;
    if (keys == NULL || key_lens == NULL || replies == NULL || timeout_msec == 0)
        return OMCACHE_INVALID;
    rc = make_questions(mc, &questions, &ask, keys, key_lens);
    if (rc == OMCACHE_OK)
        rc = wait_for_all(mc, &questions, replies, timeout_msec);
    free_questions(&questions);
    return rc;
}
