/*
 * The loop over active servers.  It always runs from the last one to the first,
 * because a server that becomes inactive is replaced by the last one.
 */
#include "client/loop.h"

#include "client/completion.h"
#include "client/duty.h"
#include "client/expiry.h"
#include "client/handle.h"
#include "client/lookups.h"
#include "client/losses.h"
#include "client/recovery.h"
#include "client/streams.h"
#include "client/touch.h"
#include "client/turn.h"
#include "link/doubt.h"
#include "link/life.h"

/* One that fails on the way may leave its requests to others, which are then behind
 * it in the list. */
void omc_loop_prepare(omcache_t *mc, int64_t now)
{
    for (size_t i = 0; i < mc->fleet.unsent_count; i++)
        omc_turn_prepare(mc, mc->fleet.unsent[i], now);
    mc->fleet.moved = false;
}

void omc_loop_send(omcache_t *mc, int64_t now)
{
    struct omc_server *server;

    while ((server = omc_touch_take_unsent(&mc->fleet)) != NULL) {
        omc_turn_prepare(mc, server, now);
        omc_turn_write(mc, server, now);
        omc_turn_keep(mc, server, now);
    }
    mc->fleet.moved = false;
}

void omc_loop_check_deadlines(omcache_t *mc, bool reads, int64_t now)
{
    omc_lookups_check_deadline(mc, now);
    omc_duty_check_deadlines(mc, reads, now);
    omc_expiry_check(mc, now);
}

void omc_loop_show(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.all && !mc->shared.shown; i++)
        omc_connection_show(&mc->fleet.servers[i]->link.conn);
    mc->shared.shown = true;
}

static void choose_active(omcache_t *mc)
{
    struct omc_fleet *fleet = &mc->fleet;

    omc_duty_update(mc);
    omc_watch_choose_none(&mc->shared.watches);
    for (size_t i = 0; i < fleet->active_count; i++)
        omc_life_choose(&fleet->active[i]->link);
    omc_names_choose(&mc->shared.names);
}

void omc_loop_choose(omcache_t *mc)
{
    choose_active(mc);
    omc_recovery_choose_all(mc);
}

int64_t omc_loop_deadline(omcache_t *mc)
{
    int64_t deadline = omc_duty_deadline(mc);
    int64_t others = omc_operation_deadline(&mc->operations);

    if (mc->fleet.moved)
        return 0;
    if (others < deadline)
        deadline = others;
    return mc->shared.names.deadline < deadline ? mc->shared.names.deadline : deadline;
}

void omc_loop_wait(omcache_t *mc, int msec)
{
    choose_active(mc);
    omc_recovery_choose(mc);
    omc_watch_wait(&mc->shared.watches, msec);
}

/* Whether that was nothing, and nothing else is under way, as far as can be told at a glance. */
static inline bool has_nothing(const struct omc_link *link)
{
    if (link->muted)
        return true;
    return link->phase == OMC_PHASE_READY && link->second == NULL && omc_life_is_through(link) &&
           !link->conn.stream.pending;
}

/* Acts on what the wait has found about a server. */
static void go_on(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (has_nothing(&server->link))
        return;
    omc_turn_ready(mc, server, now);
    omc_doubt_step(&server->link, now);
    omc_turn_take(mc, server, now);
}

/* Callbacks may shorten the list. */
void omc_loop_dispatch(omcache_t *mc, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;

    for (size_t i = fleet->active_count; i-- > 0;) {
        if (i < fleet->active_count)
            go_on(mc, fleet->active[i], now);
    }
    omc_recovery_dispatch(mc, now);
    omc_lookups_dispatch(mc, now);
    omc_loop_check_deadlines(mc, true, now);
    omc_completion_tell(mc);
}

bool omc_loop_process_fd(omcache_t *mc, int fd, short ready, int64_t now)
{
    struct omc_watch *watch = omc_watch_find(&mc->shared.watches, fd);

    if (watch == NULL)
        return false;
    watch->ready = ready;
    if (watch->link != NULL)
        go_on(mc, omc_server_of(watch->link), now);
    else
        omc_lookups_dispatch(mc, now);
    return true;
}

bool omc_loop_is_active(omcache_t *mc)
{
    omc_duty_update(mc);
    return mc->fleet.active_count > 0 || mc->fleet.down_count > 0;
}

bool omc_loop_is_idle(omcache_t *mc)
{
    const struct omc_fleet *fleet = &mc->fleet;
    size_t deadlines = mc->operations.deadlines.count;

    omc_duty_update(mc);
    for (size_t i = 0; i < fleet->active_count; i++) {
        const struct omc_server *server = fleet->active[i];

        if (server->link.muted) /* by the callback of its stream, which waits */
            deadlines -= omc_streams_has_deadline(server);
        else if (omc_connection_is_busy(&server->link.conn))
            return false;
    }
    /* Those with a deadline that are in no queue sleep. */
    return mc->operations.ended.first == NULL && deadlines == 0;
}

/* Who has no room is waited for, and so is active. */
bool omc_loop_is_stalled(const omcache_t *mc)
{
    const struct omc_fleet *fleet = &mc->fleet;

    for (size_t i = 0; fleet->stalled && i < fleet->active_count; i++) {
        if (fleet->active[i]->link.conn.stalled)
            return true;
    }
    return false;
}

void omc_loop_forget_stalls(omcache_t *mc)
{
    struct omc_fleet *fleet = &mc->fleet;

    for (size_t i = 0; fleet->stalled && i < fleet->active_count; i++)
        omc_touch_end_stall(fleet, fleet->active[i]);
    fleet->stalled = false;
}

void omc_loop_take_rests(omcache_t *mc, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;

    for (size_t i = fleet->active_count; i-- > 0;) {
        if (i < fleet->active_count)
            omc_turn_receive(mc, fleet->active[i], now);
    }
}

void omc_loop_doubt(omcache_t *mc, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;

    omc_duty_update(mc);
    for (size_t i = fleet->active_count; i-- > 0;) {
        struct omc_server *server = fleet->active[i];

        if (server->link.conn.queue.open > 0)
            omc_recovery_doubt(mc, server, now);
        omc_doubt_call(&server->link, now);
        omc_turn_take(mc, server, now);
    }
}

/* Whether nobody will be told that a request is dropped.  Calls that wait for one are told, and
 * so are operations. */
static bool is_unheard(const struct omc_pending *pending)
{
    const struct omc_asker *asker = pending->claim.asker;

    return !omc_queue_is_idle(pending) && (asker == NULL || !asker->waits);
}

/* Ends the operations.  Of the other requests those are lost that were not sent; and with
 * them, if it was cut off, the last of those that were. */
static size_t cancel_requests(omcache_t *mc, struct omc_server *server, bool *last_counts)
{
    const struct omc_connection *conn = &server->link.conn;
    size_t lost = 0;

    *last_counts = false;
    for (uint32_t i = 0; i < conn->queue.count; i++) {
        uint32_t number = conn->queue.first + i;
        const struct omc_pending *pending = omc_queue_find(&conn->queue, number);

        if (omc_connection_was_sent(conn, number))
            *last_counts = false; /* unless it is to be missed, below */
        if (pending == NULL || omc_queue_is_forgotten(pending))
            continue;
        if (pending->claim.owner == OMC_OWNER_OPERATION)
            omc_operation_end(&mc->operations, omc_operation_of(pending->claim.asker),
                              OMCACHE_CANCELLED);
        if (omc_connection_was_sent(conn, number))
            *last_counts = is_unheard(pending);
        else
            lost += is_unheard(pending);
    }
    return lost;
}

void omc_loop_forget(omcache_t *mc, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;

    omc_duty_update(mc);
    for (size_t i = fleet->active_count; i-- > 0;) {
        struct omc_server *server = fleet->active[i];
        bool last_counts;
        size_t lost = cancel_requests(mc, server, &last_counts);

        if (!omc_connection_forget(&server->link.conn)) {
            lost += last_counts;
            omc_turn_event(mc, server, OMC_EVENT_DISCARD, "reset with a request half sent", now);
        }
        omc_losses_note(mc, server, OMCACHE_CANCELLED, lost);
        omc_touch_server(fleet, server);
    }
    omc_operation_wake_all(&mc->operations, OMCACHE_CANCELLED);
}
