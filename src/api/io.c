/*
 * The classic batch interface: omcache_command, omcache_io and what goes with
 * an event loop.
 */
#include "api/call.h"
#include "base/clock.h"
#include "client/delivery.h"
#include "client/handle.h"
#include "client/loop.h"
#include "omcache.h"

int omcache_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_countp, omcache_value_t *values,
                    size_t *value_count, int32_t timeout_msec)
{
    int rc;

    if (!omc_call_is_allowed(mc) || reqs == NULL || req_countp == NULL)
        return OMCACHE_INVALID;
    for (size_t i = 0; i < *req_countp; i++) {
        if (!omc_call_check(mc, &reqs[i]))
            return OMCACHE_INVALID;
    }
    omc_call_begin_io(mc);
    rc = omc_call_command(mc, reqs, req_countp, values, value_count, timeout_msec);
    return omc_call_result(mc, rc, value_count);
}

int omcache_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
               size_t *value_count, int32_t timeout_msec)
{
    int rc;

    if (!omc_call_is_allowed(mc))
        return OMCACHE_INVALID;
    omc_call_begin_io(mc);
    rc = omc_call_io(mc, reqs, req_count, values, value_count, timeout_msec);
    return omc_call_result(mc, rc, value_count);
}

struct pollfd *omcache_poll_fds(omcache_t *mc, int *nfds, int *poll_timeout)
{
    int64_t now, until;

    if (nfds == NULL)
        return NULL;
    *nfds = 0;
    if (poll_timeout == NULL || !omc_call_is_allowed(mc))
        return NULL;
    omc_call_begin(mc);
    omc_loop_show(mc);
    now = omc_call_clock(mc);
    if (mc->settings.buffering)
        omc_loop_prepare(mc, now);
    else
        omc_loop_send(mc, now);
    omc_loop_check_deadlines(mc, now);
    if (!omc_call_end(mc))
        return NULL;
    /* Only now, as the callbacks at the end may have changed everything. */
    omc_loop_choose(mc);
    now = omc_call_clock(mc);
    until = omc_clock_after(now, mc->settings.dead_timeout);
    if (omc_loop_deadline(mc) < until)
        until = omc_loop_deadline(mc);
    *poll_timeout = omc_clock_left(now, until);
    *nfds = (int)mc->watches.polled_count;
    return mc->watches.pollfds;
}

int omcache_reset_buffers(omcache_t *mc)
{
    if (!omc_call_is_allowed(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    omc_delivery_of_failures(mc);
    omc_loop_forget(mc, omc_call_clock(mc));
    omc_batch_end_all(&mc->batch);
    return omc_call_result(mc, OMCACHE_OK, NULL);
}
