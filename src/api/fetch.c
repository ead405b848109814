/*
 * Fetches, and storing what was to be made, by callback and by calls that wait.
 */
#include <string.h>

#include "api/arguments.h"
#include "api/call.h"
#include "api/meta.h"
#include "api/wait.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/fetching.h"
#include "client/handle.h"
#include "client/loop.h"
#include "omcache.h"

/* How many milliseconds are left of all of it. */
static int32_t time_left(const struct omc_fetching *fetching, int64_t now)
{
    return omc_clock_left(now, fetching->deadline);
}

/* OMCACHE_OK, or what to return. */
static int begin_fetch(omcache_t *mc, struct omc_fetching *fetching, const void *key,
                       size_t key_len, const omcache_fetch_policy_t *policy, int32_t timeout_msec)
{
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    if (key == NULL || key_len == 0 || timeout_msec == 0 || !omc_fetching_check(policy))
        return OMCACHE_INVALID;
    omc_fetching_begin(fetching, policy, key, key_len, timeout_msec, omc_call_clock(mc));
    return OMCACHE_OK;
}

/* Nobody hears of it. */
static void remove_lock(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    unsigned char lock[OMC_ASK_KEY_MAX];
    size_t len = omc_fetching_lock(lock, key, key_len);

    if (len > 0)
        omcache_async_delete(mc, lock, len, -1, NULL, NULL);
}

/* The same from a call that waits for other things: what was handed out stays.  False if the handle
 * is gone. */
static bool remove_lock_now(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    omc_call_begin(mc);
    remove_lock(mc, key, key_len);
    omc_loop_send(mc, omc_call_clock(mc));
    return omc_call_end(mc);
}

/*
 * By callback.
 */

struct async_fetch {
    struct omc_fetching fetching;
    omcache_reply_callback_func *func;
    void *context;
    unsigned char key[];
};

static void end_step(omcache_t *mc, const omcache_reply_t *reply, void *context);

/* Where the protocol is another one, or the key cannot be, which is found out then. */
static int start_look(omcache_t *mc, struct async_fetch *fetch, int32_t left)
{
    struct omc_fetching *fetching = &fetch->fetching;
    omcache_meta_t meta;
    int rc = OMCACHE_INVALID;

    omc_fetching_options_look(&meta.options, fetching, omc_clock_date());
    if (!fetching->by_lock)
        rc = omcache_async_meta_get(mc, fetching->key, fetching->key_len, &meta, left, end_step,
                                    fetch);
    if (rc != OMCACHE_INVALID)
        return rc;
    fetching->by_lock = true;
    return omcache_async_get(mc, fetching->key, fetching->key_len, left, end_step, fetch);
}

static int start_lock(omcache_t *mc, struct async_fetch *fetch, int32_t left)
{
    const struct omc_fetching *fetching = &fetch->fetching;
    unsigned char lock[OMC_ASK_KEY_MAX];
    size_t len = omc_fetching_lock(lock, fetching->key, fetching->key_len);

    return omcache_async_add(mc, lock, len, "", 0,
                             omc_fetching_expiration_making(&fetching->policy, omc_clock_date()), 0,
                             left, end_step, fetch);
}

static int start_sleep(omcache_t *mc, struct async_fetch *fetch, int64_t now)
{
    int64_t until = omc_fetching_wake_time(&fetch->fetching, now);

    if (mc->doomed) /* nobody would wake it */
        return OMCACHE_CANCELLED;
    return omc_operation_sleep(&mc->operations, until, end_step, fetch) == NULL ? OMCACHE_NO_MEMORY
                                                                                : OMCACHE_OK;
}

static int start_step(omcache_t *mc, struct async_fetch *fetch)
{
    int64_t now = omc_call_clock(mc);

    switch (fetch->fetching.step) {
    case OMC_FETCHING_LOOK:
        return start_look(mc, fetch, time_left(&fetch->fetching, now));
    case OMC_FETCHING_LOCK:
        return start_lock(mc, fetch, time_left(&fetch->fetching, now));
    default:
        return start_sleep(mc, fetch, now);
    }
}

static void tell_outcome(omcache_t *mc, struct async_fetch *fetch, const omcache_reply_t *last)
{
    const omcache_reply_t reply = omc_fetching_reply(&fetch->fetching, last);

    if (omc_fetching_is_locked_in_vain(&fetch->fetching))
        remove_lock(mc, fetch->key, fetch->fetching.key_len);
    fetch->func(mc, &reply, fetch->context);
    omc_memory_free(fetch);
}

static void end_step(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct async_fetch *fetch = context;
    omcache_reply_t failed = {.server_index = -1};

    if (!omc_fetching_next(&fetch->fetching, reply, omc_call_clock(mc))) {
        tell_outcome(mc, fetch, reply);
        return;
    }
    failed.status = start_step(mc, fetch);
    if (failed.status != OMCACHE_OK)
        tell_outcome(mc, fetch, &failed);
}

int omcache_async_fetch(omcache_t *mc, const void *key, size_t key_len,
                        const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                        omcache_reply_callback_func *func, void *context)
{
    struct omc_fetching fetching;
    int rc = begin_fetch(mc, &fetching, key, key_len, policy, timeout_msec);
    struct async_fetch *fetch;

    if (rc != OMCACHE_OK)
        return rc;
    if (func == NULL || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    fetch = omc_memory_new(1, sizeof(*fetch) + key_len);
    if (fetch == NULL)
        return OMCACHE_NO_MEMORY;
    fetch->fetching = fetching;
    fetch->fetching.key = memcpy(fetch->key, key, key_len);
    fetch->func = func;
    fetch->context = context;
    rc = start_step(mc, fetch);
    if (rc != OMCACHE_OK)
        omc_memory_free(fetch);
    return rc;
}

/* An operation on a key, behind which there is something else to do. */
struct async_step {
    omcache_reply_callback_func *func; /* NULL: nobody hears of it */
    void *context;
    size_t key_len;
    unsigned char key[];
};

static struct async_step *make_step(const void *key, size_t key_len,
                                    omcache_reply_callback_func *func, void *context)
{
    struct async_step *step = omc_memory_new(1, sizeof(*step) + key_len);

    if (step == NULL)
        return NULL;
    step->func = func;
    step->context = context;
    step->key_len = key_len;
    memcpy(step->key, key, key_len);
    return step;
}

static void tell_step(omcache_t *mc, struct async_step *step, const omcache_reply_t *reply)
{
    if (step->func != NULL)
        step->func(mc, reply, step->context);
    omc_memory_free(step);
}

/* The value is there, or will not come: now, and not before, others may look for themselves. */
static void end_locked_store(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct async_step *step = context;

    remove_lock(mc, step->key, step->key_len);
    tell_step(mc, step, reply);
}

int omcache_async_fetch_store(omcache_t *mc, const void *key, size_t key_len, const void *value,
                              size_t value_len, uint32_t flags, uint64_t token,
                              const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context)
{
    struct async_step *step;
    omcache_meta_t meta;
    int rc;

    if (!omc_fetching_check(policy) || key == NULL || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    if (token != 0) {
        omc_fetching_options_store(&meta.options, token, policy, omc_clock_date());
        return omcache_async_meta_set(mc, key, key_len, value, value_len, flags, &meta,
                                      timeout_msec, func, context);
    }
    step = make_step(key, key_len, func, context);
    if (step == NULL)
        return OMCACHE_NO_MEMORY;
    rc = omcache_async_set(mc, key, key_len, value, value_len,
                           omc_fetching_expiration_plain(policy, omc_clock_date()), flags, 0,
                           timeout_msec, end_locked_store, step);
    if (rc != OMCACHE_OK)
        omc_memory_free(step);
    return rc;
}

/* Other protocols than meta can only delete. */
static void end_invalidation(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct async_step *step = context;
    omcache_reply_t failed = {.server_index = -1};

    if (omcache_reply_status(reply) != OMCACHE_INVALID) {
        tell_step(mc, step, reply);
        return;
    }
    failed.status =
        omcache_async_delete(mc, step->key, step->key_len, -1, step->func, step->context);
    if (failed.status == OMCACHE_OK)
        omc_memory_free(step);
    else
        tell_step(mc, step, &failed);
}

int omcache_async_fetch_invalidate(omcache_t *mc, const void *key, size_t key_len,
                                   const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                                   omcache_reply_callback_func *func, void *context)
{
    struct async_step *step;
    omcache_meta_t meta;
    int rc;

    if (!omc_fetching_check(policy) || key == NULL || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    omc_fetching_options_invalidate(&meta.options, policy, omc_clock_date());
    step = make_step(key, key_len, func, context);
    if (step == NULL)
        return OMCACHE_NO_MEMORY;
    rc = omcache_async_meta_delete(mc, key, key_len, &meta, timeout_msec, end_invalidation, step);
    if (rc == OMCACHE_OK)
        return rc;
    omc_memory_free(step);
    return rc == OMCACHE_INVALID
               ? omcache_async_delete(mc, key, key_len, timeout_msec, func, context)
               : rc;
}

int omcache_async_fetch_abandon(omcache_t *mc, const void *key, size_t key_len, uint64_t token,
                                int32_t timeout_msec, omcache_reply_callback_func *func,
                                void *context)
{
    unsigned char lock[OMC_ASK_KEY_MAX];
    omcache_meta_t meta;
    size_t len;

    if (token != 0) {
        omc_fetching_options_abandon(&meta.options, token);
        return omcache_async_meta_delete(mc, key, key_len, &meta, timeout_msec, func, context);
    }
    len = omc_fetching_lock(lock, key, key_len);
    return omcache_async_delete(mc, lock, len, timeout_msec, func, context);
}

/*
 * By calls that wait.
 */

/* Waits for a request; false if the handle is gone.  One that cannot be has the status. */
static bool wait_for_ask(omcache_t *mc, struct omc_ask *ask, const unsigned char *key,
                         size_t key_len, int32_t left, omcache_reply_t *reply)
{
    struct omc_awaited awaited;

    *reply = (omcache_reply_t){.status = OMCACHE_INVALID, .server_index = -1};
    if (!omc_arguments_set_key(mc, ask, key, key_len))
        return true;
    omc_call_begin_io(mc);
    omc_wait_for(mc, ask, 1, left, &awaited);
    *reply = awaited.reply;
    return omc_call_end(mc);
}

/* The same over meta, unless the protocol is known to be another one. */
static bool wait_for_meta(omcache_t *mc, const struct omc_fetching *fetching, int32_t left,
                          omcache_reply_t *reply)
{
    const omcache_reply_t *found;
    omcache_meta_t meta;
    int rc;

    omc_fetching_options_look(&meta.options, fetching, omc_clock_date());
    rc = omcache_meta_get(mc, fetching->key, fetching->key_len, &meta, &found, left);
    if (found != NULL)
        *reply = *found;
    else
        *reply = (omcache_reply_t){.status = OMCACHE_INVALID, .server_index = -1};
    return found != NULL || rc == OMCACHE_INVALID;
}

static bool wait_for_look(omcache_t *mc, const struct omc_fetching *fetching, int32_t left,
                          omcache_reply_t *reply)
{
    struct omc_ask ask = {.op = OMC_OP_GETK};

    return fetching->by_lock ? wait_for_ask(mc, &ask, fetching->key, fetching->key_len, left, reply)
                             : wait_for_meta(mc, fetching, left, reply);
}

static bool wait_for_lock(omcache_t *mc, const struct omc_fetching *fetching, int32_t left,
                          omcache_reply_t *reply)
{
    struct omc_ask ask = {
        .op = OMC_OP_ADD,
        .expiration = omc_arguments_expiration(
            omc_fetching_expiration_making(&fetching->policy, omc_clock_date())),
    };
    unsigned char lock[OMC_ASK_KEY_MAX];
    size_t len = omc_fetching_lock(lock, fetching->key, fetching->key_len);

    return wait_for_ask(mc, &ask, lock, len, left, reply);
}

static bool wait_for_sleep(omcache_t *mc, struct omc_fetching *fetching, int64_t now,
                           omcache_reply_t *reply)
{
    *reply = (omcache_reply_t){.server_index = -1};
    omc_call_begin_io(mc);
    reply->status = omc_wait_until(mc, omc_fetching_wake_time(fetching, now));
    return omc_call_end(mc);
}

/* Waits for the end of a step; false if the handle is gone. */
static bool wait_for_step(omcache_t *mc, struct omc_fetching *fetching, omcache_reply_t *reply)
{
    int64_t now = omc_call_clock(mc);
    int32_t left = time_left(fetching, now);

    if (left == 0)
        left = 1; /* a call with no time at all would be refused */
    switch (fetching->step) {
    case OMC_FETCHING_LOOK:
        return wait_for_look(mc, fetching, left, reply);
    case OMC_FETCHING_LOCK:
        return wait_for_lock(mc, fetching, left, reply);
    default:
        return wait_for_sleep(mc, fetching, now, reply);
    }
}

/* Takes all steps; false if the handle is gone. */
static bool wait_for_fetch(omcache_t *mc, struct omc_fetching *fetching, omcache_reply_t *reply)
{
    omcache_reply_t last;

    do {
        if (!wait_for_step(mc, fetching, &last))
            return false;
    } while (omc_fetching_next(fetching, &last, omc_call_clock(mc)));
    *reply = omc_fetching_reply(fetching, &last);
    return !omc_fetching_is_locked_in_vain(fetching) ||
           remove_lock_now(mc, fetching->key, fetching->key_len);
}

int omcache_fetch(omcache_t *mc, const void *key, size_t key_len,
                  const omcache_fetch_policy_t *policy, const omcache_reply_t **reply,
                  int32_t timeout_msec)
{
    struct omc_fetching fetching;
    struct omc_ask ask = {.key = key, .key_len = (uint8_t)key_len};
    unsigned char *copy;
    omcache_reply_t told;
    int rc = begin_fetch(mc, &fetching, key, key_len, policy, timeout_msec);

    if (reply != NULL)
        *reply = NULL;
    if (rc != OMCACHE_OK)
        return rc;
    if (reply == NULL || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    if (!omc_arguments_keep_lent(mc, &ask, &copy))
        return OMCACHE_NO_MEMORY;
    fetching.key = ask.key;
    if (!wait_for_fetch(mc, &fetching, &told)) {
        omc_memory_free(copy);
        return OMCACHE_FAIL;
    }
    omc_wait_hand_out(mc, &told, copy, reply);
    return told.status;
}

int omcache_fetch_store(omcache_t *mc, const void *key, size_t key_len, const void *value,
                        size_t value_len, uint32_t flags, uint64_t token,
                        const omcache_fetch_policy_t *policy, int32_t timeout_msec)
{
    struct omc_ask ask = {.key = key, .key_len = (uint8_t)key_len};
    unsigned char *copy;
    omcache_meta_t meta;
    int rc;

    if (!omc_fetching_check(policy) || timeout_msec == 0 || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    if (token != 0) {
        omc_fetching_options_store(&meta.options, token, policy, omc_clock_date());
        return omcache_meta_set(mc, key, key_len, value, value_len, flags, &meta, NULL,
                                timeout_msec);
    }
    rc = omc_call_refusal(mc);
    if (rc != OMCACHE_OK)
        return rc;
    if (!omc_arguments_keep_lent(mc, &ask, &copy))
        return OMCACHE_NO_MEMORY;
    omc_call_begin(mc); /* no callback may free the handle before the lock is removed */
    rc = omcache_set(mc, ask.key, key_len, value, value_len,
                     omc_fetching_expiration_plain(policy, omc_clock_date()), flags, 0,
                     timeout_msec);
    if (rc != OMCACHE_INVALID && !mc->doomed)
        remove_lock_now(mc, ask.key, key_len);
    omc_memory_free(copy);
    return omc_call_result(mc, rc, NULL);
}

int omcache_fetch_invalidate(omcache_t *mc, const void *key, size_t key_len,
                             const omcache_fetch_policy_t *policy, int32_t timeout_msec)
{
    struct omc_ask ask = {.key = key, .key_len = (uint8_t)key_len};
    unsigned char *copy;
    omcache_meta_t meta;
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    if (!omc_fetching_check(policy) || timeout_msec == 0 || key_len > OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    if (!omc_arguments_keep_lent(mc, &ask, &copy))
        return OMCACHE_NO_MEMORY;
    omc_fetching_options_invalidate(&meta.options, policy, omc_clock_date());
    rc = omcache_meta_delete(mc, ask.key, key_len, &meta, NULL, timeout_msec);
    if (rc == OMCACHE_INVALID)
        rc = omcache_delete(mc, ask.key, key_len, timeout_msec);
    omc_memory_free(copy);
    return rc;
}

int omcache_fetch_abandon(omcache_t *mc, const void *key, size_t key_len, uint64_t token,
                          int32_t timeout_msec)
{
    unsigned char lock[OMC_ASK_KEY_MAX];
    omcache_meta_t meta;
    size_t len;

    if (token != 0) {
        omc_fetching_options_abandon(&meta.options, token);
        return omcache_meta_delete(mc, key, key_len, &meta, NULL, timeout_msec);
    }
    len = omc_fetching_lock(lock, key, key_len);
    return omcache_delete(mc, lock, len, timeout_msec);
}
