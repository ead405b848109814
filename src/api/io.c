/*
 * The classic batch interface: omcache_command, omcache_io and what goes with
 * an event loop.
 */
#include "api/arguments.h"
#include "api/call.h"
#include "api/raw.h"
#include "base/clock.h"
#include "client/delivery.h"
#include "client/handle.h"
#include "client/loop.h"
#include "omcache.h"

/* Reads the requests into the orders of a batch that has begun. */
static void fill_orders(omcache_t *mc, const omcache_req_t *reqs, size_t count, bool waits)
{
    for (size_t i = 0; i < count; i++) {
        struct omc_order *order = &mc->batch.orders[i];

        omc_raw_read(&reqs[i], &order->ask);
        omc_batch_order(order, &order->ask, reqs[i].server_index, waits);
    }
}

/* Puts the requests of the current batch into its order, and tells what became of them. */
static void show_ranks(omcache_t *mc, omcache_req_t *reqs, size_t count)
{
    const struct omc_batch *batch = &mc->batch;

    omc_raw_sort(reqs, batch->ranks, count);
    for (uint32_t i = 0; i < batch->count; i++) {
        omc_raw_complete(&reqs[i], batch->first + i, batch->orders[batch->ranks[i]].server_index);
    }
}

/* Runs a command of one request, which was read. */
static int run_one(omcache_t *mc, omcache_req_t *req, struct omc_ask *ask, struct omc_call *call)
{
    int rc;

    call->has_tag = true;
    rc = omc_call_run(mc, ask, req->server_index, call);
    if (call->server_index >= 0)
        omc_raw_complete(req, call->tag, call->server_index);
    return rc;
}

static int run_command(omcache_t *mc, omcache_req_t *reqs, struct omc_call *call)
{
    size_t count = call->count;
    int rc = omc_call_order(mc, count);
    bool collect;

    if (rc != OMCACHE_OK || count == 0) {
        call->count = 0;
        return rc;
    }
    fill_orders(mc, reqs, count, call->timeout_msec != 0);
    collect = omc_call_submit(mc, call, &rc);
    show_ranks(mc, reqs, count);
    return collect ? omc_call_collect(mc, call) : rc;
}

/* Whether all can be sent; *ask is what the last one asks. */
static bool are_valid(const omcache_t *mc, const omcache_req_t *reqs, size_t count,
                      struct omc_ask *ask)
{
    for (size_t i = 0; i < count; i++) {
        if (!omc_arguments_read(mc, &reqs[i], ask))
            return false;
    }
    return true;
}

int omcache_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_countp, omcache_value_t *values,
                    size_t *value_count, int32_t timeout_msec)
{
    struct omc_call call;
    struct omc_ask last;
    int rc;

    if (!omc_call_is_allowed(mc) || reqs == NULL || req_countp == NULL ||
        !are_valid(mc, reqs, *req_countp, &last))
        return OMCACHE_INVALID;
    call = omc_call_make(*req_countp, values, value_count, timeout_msec);
    omc_call_begin_io(mc);
    rc = call.count == 1 ? run_one(mc, reqs, &last, &call) : run_command(mc, reqs, &call);
    rc = omc_call_result(mc, rc, &call.stored);
    *req_countp = call.count;
    if (value_count != NULL)
        *value_count = call.stored;
    return rc;
}

/* Whether the array is the current batch. */
static bool is_current(const struct omc_batch *batch, const omcache_req_t *reqs, size_t count)
{
    return batch->count > 0 && reqs[0].header.opaque == batch->first && count == batch->count &&
           reqs[count - 1].header.opaque == batch->first + (uint32_t)(count - 1);
}

/* Finds the keys of the current batch, which another call has asked for, where they are now; false
 * if these are no requests any more.  The prefix that there is now is not theirs. */
static bool find_keys(omcache_t *mc, const omcache_req_t *reqs)
{
    const struct omc_batch *batch = &mc->batch;

    for (size_t i = 0; i < batch->count; i++) {
        struct omc_ask *ask = &batch->orders[batch->ranks[i]].ask;

        if (!omc_raw_read(&reqs[i], ask) || !omc_ask_check(ask, 0))
            return false;
    }
    omc_batch_set_waiting(&mc->batch, true);
    return true;
}

int omcache_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
               size_t *value_count, int32_t timeout_msec)
{
    bool awaited = reqs != NULL && req_count != NULL && *req_count > 0;
    struct omc_call call =
        omc_call_make(awaited ? *req_count : 0, values, value_count, timeout_msec);
    int rc = OMCACHE_INVALID;

    if (!omc_call_is_allowed(mc))
        return OMCACHE_INVALID;
    omc_call_begin_io(mc);
    if (!awaited || (is_current(&mc->batch, reqs, call.count) && find_keys(mc, reqs))) {
        rc = omc_call_io(mc, &call, awaited);
        if (value_count != NULL)
            *value_count = call.stored;
    }
    rc = omc_call_result(mc, rc, value_count);
    if (rc == OMCACHE_OK && req_count != NULL)
        *req_count = 0;
    return rc;
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
    if (mc->buffering)
        omc_loop_prepare(mc, now);
    else
        omc_loop_send(mc, now);
    omc_loop_check_deadlines(mc, false, now);
    if (!omc_call_end(mc))
        return NULL;
    /* Only now, as the callbacks at the end may have changed everything. */
    omc_loop_choose(mc);
    now = omc_call_clock(mc);
    until = omc_clock_after(now, mc->shared.settings.dead_timeout);
    if (omc_loop_deadline(mc) < until)
        until = omc_loop_deadline(mc);
    *poll_timeout = omc_clock_left(now, until);
    *nfds = (int)mc->shared.watches.polled_count;
    return mc->shared.watches.pollfds;
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
