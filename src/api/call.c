/*
 * Calls, and the waiting loop; the only place that reads the clock while it waits.
 */
#include "api/call.h"

#include "base/clock.h"
#include "client/alone.h"
#include "client/audit.h"
#include "client/delivery.h"
#include "client/duty.h"
#include "client/handle.h"
#include "client/loop.h"
#include "client/losses.h"
#include "client/members.h"
#include "client/pins.h"
#include "client/setup.h"
#include "client/streams.h"
#include "client/submit.h"
#include "client/tell.h"

bool omc_call_is_foreign(const omcache_t *mc)
{
    return mc->shared.depth > 0 && omc_process_is_other(&mc->process);
}

bool omc_call_may_set(const omcache_t *mc)
{
    return mc != NULL && !omc_call_is_foreign(mc);
}

bool omc_call_is_allowed(const omcache_t *mc)
{
    return mc != NULL && !omc_handle_is_calling(mc) && !mc->doomed && !omc_call_is_foreign(mc);
}

int omc_call_refusal(const omcache_t *mc)
{
    if (mc != NULL && mc->doomed)
        return OMCACHE_CANCELLED;
    return omc_call_is_allowed(mc) ? OMCACHE_OK : OMCACHE_INVALID;
}

void omc_call_begin(omcache_t *mc)
{
    mc->shared.depth++;
    if (mc->shared.depth == 1 && omc_process_is_other(&mc->process))
        omc_setup_start_anew(mc);
}

void omc_call_begin_io(omcache_t *mc)
{
    omc_call_begin(mc);
    omc_pins_remove(mc, omc_inbox_level_of_call(mc->shared.depth));
    omc_pins_remove_lone(mc);
    if (mc->dropped != NULL && mc->shared.depth == 1)
        omc_members_free_dropped(mc, true);
}

int64_t omc_call_clock(omcache_t *mc)
{
    int64_t usec = omc_clock_usec();

    mc->shared.usec = (uint32_t)usec;
    return usec / 1000;
}

/* What has ended before the call returns that has accepted it is told after that, and no
 * earlier, though it be asked for from inside a callback. */
int64_t omc_call_deadline(omcache_t *mc)
{
    int64_t deadline = omc_loop_deadline(mc), soon;

    if (mc->operations.early.first == NULL)
        return deadline;
    soon = omc_call_clock(mc) + 1;
    return soon < deadline ? soon : deadline;
}

/* Tells the application's loop when it is needed earlier than it knows; whether it was. */
static bool tell_deadline(omcache_t *mc)
{
    int64_t deadline;

    if (mc->timeout_func == NULL || mc->doomed)
        return false;
    deadline = omc_call_deadline(mc);
    if (deadline >= mc->told_deadline)
        return false;
    mc->told_deadline = deadline;
    mc->timeout_func(mc, omc_clock_left(omc_call_clock(mc), deadline), mc->timeout_context);
    return true;
}

/* Tells it of everything.  What a callback changes is to be told, too. */
static void tell(omcache_t *mc)
{
    bool told;

    do {
        omc_streams_drop_ended(mc);
        omc_loop_forget_stalls(mc); /* the next call that reads takes values back first */
        omc_duty_update(mc);
        omc_tell_watches(mc);
        omc_duty_tell_drained(mc);
        omc_losses_log(mc); /* the log callback may choose another timeout */
        told = tell_deadline(mc);
    } while (!mc->doomed &&
             (told || mc->fleet.touched_count > 0 || omc_tell_has_news(mc) || mc->drained));
}

/* Whether a call leaves more to be done than to count itself out. */
static inline bool has_consequences(const omcache_t *mc)
{
    return (mc->fleet.touched_count | omc_tell_has_news(mc) | mc->drained | mc->doomed) != 0 ||
           mc->timeout_func != NULL ||
           ((uintptr_t)mc->dropped | (uintptr_t)mc->losing | omc_streams_count(mc)) != 0;
}

/* Ends a call that does. */
static bool end_with_consequences(omcache_t *mc)
{
    bool freed;

    omc_streams_close_ended(mc);
    if (mc->shared.depth == 1 && !mc->doomed) {
        tell(mc);
        omc_members_free_dropped(mc, false);
    }
    freed = mc->doomed;
    if (--mc->shared.depth == 0 && freed) {
        if (!mc->ended)
            omc_setup_end(mc);
        omc_setup_free(mc);
    } else if (mc->shared.depth == 0) {
        omc_audit(mc);
    }
    return !freed;
}

/* Ends a call; false if the handle is gone, or about to go. */
static inline bool end(omcache_t *mc)
{
    if (has_consequences(mc))
        return end_with_consequences(mc);
    if (--mc->shared.depth == 0)
        omc_audit(mc);
    return true;
}

bool omc_call_end(omcache_t *mc)
{
    return end(mc);
}

int omc_call_result(omcache_t *mc, int rc, size_t *value_count)
{
    if (end(mc))
        return rc;
    if (value_count != NULL)
        *value_count = 0;
    return OMCACHE_FAIL;
}

/* Whether the call has what it waits for: operations, the batch that it collects, or all. */
static bool is_finished(omcache_t *mc, const struct omc_frame *frame)
{
    if (frame != NULL)
        return frame->left == 0;
    return mc->batch.awaited ? mc->batch.left == 0 : omc_loop_is_idle(mc);
}

/* Waits a little for the answer of a server that alone has something to do, and acts on it; false
 * if nothing came. */
static bool await_one(omcache_t *mc, struct omc_server *server)
{
    if (!omc_alone_await(server))
        return false;
    omc_alone_take(mc, server, omc_call_clock(mc));
    return true;
}

/* Waits, until the deadline at most, and acts on what has come; what time it is then. */
static int64_t take_turn(omcache_t *mc, int64_t now, int64_t deadline, bool *may_await)
{
    struct omc_server *server = *may_await ? omc_alone_find(mc, now, deadline) : NULL;
    int64_t until;

    if (server != NULL) {
        *may_await = await_one(mc, server);
        return omc_call_clock(mc);
    }
    until = omc_loop_deadline(mc);
    omc_loop_wait(mc, omc_clock_left(now, deadline < until ? deadline : until));
    omc_loop_dispatch(mc, omc_call_clock(mc));
    *may_await = true;
    return omc_call_clock(mc);
}

/* One turn at least, even if all is finished: a server that is coming back may
 * wait for it. */
int omc_call_turn(omcache_t *mc, const struct omc_frame *frame, int64_t now, int64_t deadline)
{
    bool may_await = true;

    if (mc->shared.depth > 1) {
        omc_loop_take_rests(mc, now);
        now = omc_call_clock(mc); /* callbacks may have taken long; and so below */
    }
    for (bool first = true;; first = false) {
        bool finished;

        omc_loop_send(mc, now);
        omc_streams_close_ended(mc);
        if (omc_batch_is_lost(&mc->batch))
            return OMCACHE_CANCELLED;
        omc_delivery_of_failures(mc);
        finished = is_finished(mc, frame);
        if (mc->doomed || (finished && (!first || !omc_loop_is_active(mc))))
            return OMCACHE_OK;
        if (!first && (now >= deadline || omc_loop_is_stalled(mc)))
            return OMCACHE_AGAIN;
        now = take_turn(mc, now, finished ? now : deadline, &may_await);
    }
}

struct omc_call omc_call_make(size_t count, omcache_value_t *values, const size_t *value_count,
                              int32_t timeout_msec)
{
    return (struct omc_call){
        .count = count,
        .values = values,
        .room = values == NULL || value_count == NULL ? 0 : *value_count,
        .timeout_msec = timeout_msec,
        .server_index = -1,
    };
}

/* Begins to collect what comes: of the current batch, or all. */
static void begin_collecting(omcache_t *mc, const struct omc_call *call, bool awaited)
{
    omc_batch_collect(&mc->batch, awaited, call->values, call->room, mc->shared.depth);
}

/* Goes on with it, now, until all has come, or the time since call->now is over. */
static int collect(omcache_t *mc, struct omc_call *call, int64_t now)
{
    int64_t deadline = omc_clock_after(call->now, call->timeout_msec);
    int rc = omc_call_turn(mc, NULL, now, deadline);

    if (rc == OMCACHE_AGAIN && call->timeout_msec > 0 && (now = omc_call_clock(mc)) >= deadline)
        omc_loop_doubt(mc, now);
    call->stored = omc_batch_collect_end(&mc->batch);
    omc_loop_forget_stalls(mc);
    if (rc == OMCACHE_OK)
        call->count = 0;
    return rc;
}

int omc_call_io(omcache_t *mc, struct omc_call *call, bool awaited)
{
    if (!awaited) {
        omc_delivery_of_failures(mc);
        omc_batch_end(&mc->batch);
    }
    call->now = omc_call_clock(mc);
    begin_collecting(mc, call, awaited);
    return collect(mc, call, call->now);
}

static enum omc_submit_write when_to_write(const omcache_t *mc, int32_t timeout_msec)
{
    if (timeout_msec != 0)
        return OMC_SUBMIT_SOON;
    return mc->buffering ? OMC_SUBMIT_COLLECT : OMC_SUBMIT_NOW;
}

/* Begins a batch of so many orders: OMCACHE_OK, or what to return. */
static inline int order(omcache_t *mc, size_t count)
{
    if (mc->fleet.count == 0)
        return OMCACHE_NO_SERVERS;
    if (mc->batch.failures_count > 0) /* of the last command: nobody has collected them */
        omc_delivery_of_failures(mc);
    return omc_batch_begin(&mc->batch, count) ? OMCACHE_OK : OMCACHE_NO_MEMORY;
}

int omc_call_order(omcache_t *mc, size_t count)
{
    if (count == 0) /* the batch before goes on */
        return mc->fleet.count == 0 ? OMCACHE_NO_SERVERS : OMCACHE_OK;
    return count > UINT32_MAX ? OMCACHE_NO_MEMORY : order(mc, count);
}

bool omc_call_submit(omcache_t *mc, struct omc_call *call, int *rc)
{
    call->now = omc_call_clock(mc);
    call->refusal = omc_submit(mc, &call->count, when_to_write(mc, call->timeout_msec), call->now);
    *rc = call->count == 0 ? call->refusal : OMCACHE_BUFFERED; /* the count tells of others */
    return call->count > 0 && call->timeout_msec != 0;
}

int omc_call_collect(omcache_t *mc, struct omc_call *call)
{
    int rc;

    begin_collecting(mc, call, true);
    rc = collect(mc, call, call->now);
    return rc == OMCACHE_OK ? call->refusal : rc;
}

/* Asks a server and takes its answer without a look at others, if that can be: false if not.  Where
 * that is not the end of it the request is queued then, and *goes_on becomes true. */
static bool ask_alone(omcache_t *mc, struct omc_server *server, struct omc_ask *ask,
                      int server_index, struct omc_call *call, bool *goes_on)
{
    struct omc_alone alone;
    omcache_value_t *value = call->values, nobodys;

    if (!omc_alone_ask(mc, server, ask, call->timeout_msec, call->now, &alone))
        return false;
    call->server_index = (int)server->index;
    if (call->room == 0)
        value = &nobodys;
    if (omc_alone_answer(mc, server, ask, &alone, omc_call_clock(mc), value)) {
        call->stored = call->room > 0;
        return true;
    }
    *goes_on = true;
    call->count = 1;
    omc_batch_order(&mc->batch.orders[0], ask, server_index, true);
    omc_submit_asked(mc, server, ask, alone.asked);
    begin_collecting(mc, call, true);
    omc_alone_go_on(mc, server, &alone, omc_call_clock(mc));
    return true;
}

/* Collects the answer to the only request, if it is not there yet. */
static int collect_one(omcache_t *mc, struct omc_server *server, struct omc_call *call)
{
    if (mc->batch.left > 0) {
        omc_submit_note_one(mc, server, OMC_SUBMIT_SOON, call->now);
        return collect(mc, call, omc_call_clock(mc)); /* it may have waited already */
    }
    call->stored = omc_batch_collect_end(&mc->batch);
    call->count = 0;
    return OMCACHE_OK;
}

int omc_call_run(omcache_t *mc, struct omc_ask *ask, int server_index, struct omc_call *call)
{
    enum omc_submit_write when = when_to_write(mc, call->timeout_msec);
    bool waits = when == OMC_SUBMIT_SOON, goes_on = false;
    struct omc_server *server;
    int rc = order(mc, 1);

    call->count = 0;
    if (rc != OMCACHE_OK)
        return rc;
    call->now = omc_call_clock(mc);
    call->tag = mc->batch.first;
    server = omc_submit_find(mc, ask, server_index, when, call->now);
    if (waits && server != NULL && ask_alone(mc, server, ask, server_index, call, &goes_on))
        return goes_on ? collect_one(mc, server, call) : OMCACHE_OK;
    omc_batch_order(&mc->batch.orders[0], ask, server_index, waits);
    server = omc_submit_one(mc, server, ask, waits || call->has_tag || mc->response_func != NULL,
                            when, call->now, &rc);
    if (server == NULL)
        return rc;
    call->count = 1;
    call->server_index = (int)server->index;
    omc_submit_note_one(mc, server, when, call->now);
    if (!waits)
        return OMCACHE_BUFFERED;
    begin_collecting(mc, call, true);
    return collect(mc, call, call->now);
}
