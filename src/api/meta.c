/*
 * The operations that only the meta protocol has, and their options.
 */
#include "api/arguments.h"
#include "api/async.h"
#include "api/call.h"
#include "base/memory.h"
#include "client/handle.h"
#include "omcache.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"

struct omcache_meta_s {
    struct omc_meta_options options;
};

omcache_meta_t *omcache_meta_new(void)
{
    omcache_meta_t *meta = omc_memory_new(1, sizeof(*meta));

    if (meta != NULL)
        omc_meta_options_init(&meta->options);
    return meta;
}

int omcache_meta_free(omcache_meta_t *meta)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    omc_memory_free(meta);
    return OMCACHE_OK;
}

/* Whether it is -1 or what memcached reads as a time in its lines. */
static bool is_time(int64_t seconds)
{
    return seconds >= OMC_META_OPTIONS_NONE && seconds <= INT32_MAX;
}

static bool is_switch(int on)
{
    return on == 0 || on == 1;
}

int omcache_meta_set_ttl(omcache_meta_t *meta, time_t expiration)
{
    if (meta == NULL || !is_time(expiration))
        return OMCACHE_INVALID;
    meta->options.ttl = expiration;
    return OMCACHE_OK;
}

int omcache_meta_set_recache(omcache_meta_t *meta, int64_t seconds)
{
    if (meta == NULL || !is_time(seconds))
        return OMCACHE_INVALID;
    meta->options.recache = seconds;
    return OMCACHE_OK;
}

int omcache_meta_set_vivify(omcache_meta_t *meta, time_t expiration)
{
    if (meta == NULL || !is_time(expiration))
        return OMCACHE_INVALID;
    meta->options.vivify = expiration;
    return OMCACHE_OK;
}

int omcache_meta_set_initial(omcache_meta_t *meta, uint64_t initial)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.initial = initial;
    return OMCACHE_OK;
}

int omcache_meta_set_no_lru_bump(omcache_meta_t *meta, int on)
{
    if (meta == NULL || !is_switch(on))
        return OMCACHE_INVALID;
    meta->options.no_lru_bump = on == 1;
    return OMCACHE_OK;
}

int omcache_meta_set_invalidate(omcache_meta_t *meta, int on)
{
    if (meta == NULL || !is_switch(on))
        return OMCACHE_INVALID;
    meta->options.invalidate = on == 1;
    return OMCACHE_OK;
}

int omcache_meta_set_cas(omcache_meta_t *meta, uint64_t cas)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.cas = cas;
    return OMCACHE_OK;
}

int omcache_meta_set_new_cas(omcache_meta_t *meta, uint64_t cas)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.new_cas = cas;
    return OMCACHE_OK;
}

int omcache_meta_set_mode(omcache_meta_t *meta, int mode)
{
    if (meta == NULL || !omc_meta_options_is_mode(mode))
        return OMCACHE_INVALID;
    meta->options.mode = mode;
    return OMCACHE_OK;
}

int omcache_meta_set_want(omcache_meta_t *meta, int want)
{
    if (meta == NULL || !omc_meta_options_can_want(want))
        return OMCACHE_INVALID;
    meta->options.want = want;
    return OMCACHE_OK;
}

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

static int start_meta(omcache_t *mc, const struct operation *operation, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context)
{
    struct omc_meta_options options;
    unsigned char extra[OMC_META_OPTIONS_MAX];
    struct omc_ask ask = {
        .op = operation->op,
        .extra = extra,
        .value = operation->value,
        .value_len = omc_arguments_value_len(operation->value_len),
    };
    int rc = omc_call_refusal(mc);

    omc_meta_options_init(&options);
    if (operation->meta != NULL)
        options = operation->meta->options;
    if (!omc_meta_options_fit(&options, operation->op))
        return OMCACHE_INVALID;
    if (rc != OMCACHE_OK)
        return rc;
    if (!may_be_meta(mc) || !omc_arguments_set_key(mc, &ask, operation->key, operation->key_len))
        return OMCACHE_INVALID;
    ask.extra_len =
        (uint8_t)omc_meta_options_write(&options, operation->op, operation->number, extra);
    return omc_async_start(mc, &ask, timeout_msec, func, context);
}

/* Whether the value is not wanted. */
static bool is_look(const omcache_meta_t *meta)
{
    return meta != NULL && meta->options.want != OMC_META_OPTIONS_NONE &&
           (meta->options.want & OMCACHE_META_WANT_VALUE) == 0;
}

int omcache_async_meta_get(omcache_t *mc, const void *key, size_t key_len,
                           const omcache_meta_t *options, int32_t timeout_msec,
                           omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = {
        .op = is_look(options) ? OMC_OP_META_LOOK : OMC_OP_META_GET,
        .key = key,
        .key_len = key_len,
        .meta = options,
    };

    return start_meta(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                           size_t value_len, uint32_t flags, const omcache_meta_t *options,
                           int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = {
        .op = OMC_OP_META_SET,
        .key = key,
        .key_len = key_len,
        .value = value,
        .value_len = value_len,
        .number = flags,
        .meta = options,
    };

    return start_meta(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                              const omcache_meta_t *options, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = {
        .op = OMC_OP_META_DELETE,
        .key = key,
        .key_len = key_len,
        .meta = options,
    };

    return start_meta(mc, &operation, timeout_msec, func, context);
}

int omcache_async_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                                  const omcache_meta_t *options, int32_t timeout_msec,
                                  omcache_reply_callback_func *func, void *context)
{
    const struct operation operation = {
        .op = OMC_OP_META_ARITHMETIC,
        .key = key,
        .key_len = key_len,
        .number = delta,
        .meta = options,
    };

    return start_meta(mc, &operation, timeout_msec, func, context);
}
