/*
 * What an application's event loop calls, and is called by.
 */
#include "client/loop.h"
#include "api/call.h"
#include "base/clock.h"
#include "client/completion.h"
#include "client/delivery.h"
#include "client/handle.h"
#include "client/tell.h"
#include "omcache.h"

int omcache_set_watch_callback(omcache_t *mc, omcache_watch_callback_func *func, void *context)
{
    /* The last completions, made by omcache_free, may still take it back. */
    if (!omc_call_may_set(mc) || (mc->doomed && func != NULL))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    omc_loop_show(mc);
    omc_tell_set_watch_callback(mc, func, context);
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_timeout_callback(omcache_t *mc, omcache_timeout_callback_func *func, void *context)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    mc->timeout_func = func;
    mc->timeout_context = context;
    mc->told_deadline = OMC_CLOCK_NEVER;
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_drain_callback(omcache_t *mc, omcache_drain_callback_func *func, void *context)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    mc->drain_func = func;
    mc->drain_context = context;
    return OMCACHE_OK;
}

int omcache_next_timeout(omcache_t *mc)
{
    if (!omc_call_is_allowed(mc))
        return -1;
    if (mc->shared.depth == 0 && omc_process_is_other(&mc->process)) {
        omc_call_begin(mc);
        if (!omc_call_end(mc))
            return -1;
    }
    mc->told_deadline = omc_call_deadline(mc);
    return omc_clock_left(omc_call_clock(mc), mc->told_deadline);
}

/* Sends what is new; from inside a callback there may be answers, too.  What time it is then. */
static int64_t begin_processing(omcache_t *mc)
{
    int64_t now = omc_call_clock(mc);

    omc_loop_send(mc, now);
    if (mc->shared.depth == 1)
        return now;
    omc_loop_take_rests(mc, now);
    return omc_call_clock(mc);
}

/* Completes what has ended, and sends what that has asked for, by the time that it is then:
 * callbacks may have taken long. */
static int finish_processing(omcache_t *mc, int rc)
{
    if (!mc->doomed)
        omc_delivery_of_failures(mc); /* nobody else does, where there are no classic calls */
    if (!mc->doomed)
        omc_completion_tell(mc);
    if (!mc->doomed)
        omc_loop_send(mc, omc_call_clock(mc));
    return omc_call_end(mc) ? rc : OMCACHE_CANCELLED;
}

int omcache_process_fd(omcache_t *mc, int fd, short revents)
{
    int rc = omc_call_refusal(mc);
    int64_t now;

    if (rc != OMCACHE_OK)
        return rc;
    omc_call_begin_io(mc);
    now = begin_processing(mc);
    if (!omc_loop_process_fd(mc, fd, revents, now))
        rc = OMCACHE_NOT_FOUND;
    return finish_processing(mc, rc);
}

int omcache_process_timeouts(omcache_t *mc)
{
    int rc = omc_call_refusal(mc);
    int64_t now;

    if (rc != OMCACHE_OK)
        return rc;
    omc_call_begin_io(mc);
    now = begin_processing(mc);
    /* A loop's timer is over then.  From inside a callback it is as it was. */
    if (mc->shared.depth == 1 || mc->told_deadline <= now)
        mc->told_deadline = OMC_CLOCK_NEVER;
    omc_loop_check_deadlines(mc, true, now);
    return finish_processing(mc, rc);
}
