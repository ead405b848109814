/*
 * A server's life: the actions behind the state table, its deadlines and its
 * turn in the loop.
 */
#include "core/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/backoff.h"
#include "core/counter.h"
#include "core/duty.h"
#include "core/enqueue.h"
#include "core/handle.h"
#include "core/names.h"
#include "core/outcome.h"
#include "core/patience.h"
#include "core/protocol.h"
#include "core/receive.h"
#include "core/recovery.h"
#include "core/shortage.h"
#include "core/work.h"
#include "net/socket.h"
#include "proto/request.h"

enum {
    /* Connections that may end in a row before one gave an answer: a proxy closes where it
     * does not know a command, and is as good as any for others. */
    WASTED_MAX = 3,
};

struct omc_server *omc_server_new(const struct omc_server_name *name, struct omc_pool *pool,
                                  uint32_t first_number)
{
    struct omc_server *server = omc_memory_new(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    if (!omc_server_list_copy_name(&server->name, name)) {
        omc_memory_free(server);
        return NULL;
    }
    omc_connection_init(&server->conn, pool, first_number);
    omc_watch_init(&server->watch, server);
    return server;
}

void omc_server_drop_second(omcache_t *mc, struct omc_server *server)
{
    if (server->second == NULL)
        return;
    omc_second_free(server->second, &mc->watches);
    server->second = NULL;
    server->conn.held = false;
}

/* Closes all of its sockets. */
static void close_sockets(omcache_t *mc, struct omc_server *server)
{
    omc_watch_close(&mc->watches, &server->watch);
    omc_race_fini(&server->race, &mc->watches);
    omc_server_drop_second(mc, server);
}

void omc_server_free(omcache_t *mc, struct omc_server *server)
{
    close_sockets(mc, server);
    omc_endpoint_forget(&server->endpoint);
    omc_connection_fini(&server->conn);
    omc_server_list_free_name(&server->name);
    omc_memory_free(server);
}

/* Where a request that was never sent may still go, or NULL. */
static struct omc_server *second_choice(omcache_t *mc, struct omc_server *first,
                                        const struct omc_pending *pending, const omcache_req_t *req)
{
    if (pending->keyed)
        return omc_fleet_pick_again(mc, req->key, omc_request_key_len(req), pending);
    return omc_state_is_up(first->state) ? first : NULL;
}

/* Gives a request of a closed connection to another one: OMCACHE_OK, or how it ends.
 * It was accepted, so the send limit does not matter any more. */
static int move_request(omcache_t *mc, struct omc_server *server,
                        const struct omc_leftovers *leftovers, const struct omc_pending *pending,
                        int64_t now)
{
    struct omc_pending moved = *pending;
    struct omc_server *target;
    struct omc_scratch scratch;
    omcache_req_t req;
    int rc;

    if (!omc_leftovers_read(leftovers, pending, &scratch, &req))
        return OMCACHE_SERVER_FAILURE;
    if (pending->counter != NULL && omc_counter_has_begun(pending))
        return OMCACHE_SERVER_FAILURE; /* else each connection might get as far as this one */
    if (pending->counter != NULL)
        req = pending->counter->delta;
    moved.counter = NULL;
    target = second_choice(mc, server, pending, &req);
    if (target == NULL)
        return OMCACHE_SERVER_FAILURE;
    omc_protocol_prepare(mc, target, now);
    rc = omc_enqueue(mc, target, &req, (struct omc_prefix){.len = 0}, &moved, SIZE_MAX);
    mc->fleet.moved = mc->fleet.moved || rc == OMCACHE_OK;
    target->counters.requests += rc == OMCACHE_OK && target != server;
    return rc;
}

/* How a request ends whose connection could not be made for want of something: nothing of
 * it was sent, unless it went out with the hello. */
static int starved(const struct omc_leftovers *leftovers, const struct omc_pending *pending,
                   int status)
{
    struct omc_scratch scratch;
    omcache_req_t req;

    return omc_leftovers_read(leftovers, pending, &scratch, &req) ? status : OMCACHE_SERVER_FAILURE;
}

/* What becomes of the requests of a connection that is closed. */
enum fate {
    END,    /* with the status */
    MOVE,   /* with the status if they were sent; else to where they belong now, if possible */
    STARVE, /* with the status if they were not sent */
};

/* Takes its requests away.  How many failed. */
static size_t end_requests(omcache_t *mc, struct omc_server *server, enum fate fate, int status,
                           int64_t now)
{
    struct omc_leftovers leftovers;
    struct omc_queue *queue = &leftovers.queue;
    size_t failed = 0;

    omc_connection_close(&server->conn, &leftovers);
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);
        int rc = status;

        if (pending == NULL || pending->fence || pending->forgotten ||
            pending->owner == OMC_OWNER_GONE)
            continue;
        if (fate == MOVE)
            rc = move_request(mc, server, &leftovers, pending, now);
        else if (fate == STARVE)
            rc = starved(&leftovers, pending, status);
        if (rc == OMCACHE_OK)
            continue;
        omc_outcome_failure(mc, server, pending, rc);
        failed++;
    }
    omc_leftovers_fini(&leftovers);
    return failed;
}

/* Closes the connection, or ends the attempt at one.  How many requests failed. */
static size_t close_connection(omcache_t *mc, struct omc_server *server, enum fate fate, int status,
                               int64_t now)
{
    close_sockets(mc, server);
    server->greeting = OMC_GREETING_NONE; /* what the next one speaks is not known */
    if (server->endpoint.lookup != NULL && !omc_lookup_is_done(server->endpoint.lookup))
        omc_endpoint_forget(&server->endpoint);
    return end_requests(mc, server, fate, status, now);
}

static void set_state(omcache_t *mc, struct omc_server *server, enum omc_state state)
{
    server->state = state;
    if (!server->dropped)
        omc_recovery_note(&mc->fleet, server);
}

size_t omc_server_abort(omcache_t *mc, struct omc_server *server, int status)
{
    size_t failed;

    set_state(mc, server, OMC_STATE_IDLE);
    omc_deadlines_remove(&mc->deadlines, &server->deadline);
    failed = close_connection(mc, server, END, status, 0);
    omc_duty_touch(&mc->fleet, server);
    return failed;
}

static void flush(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (!omc_connection_flush(&server->conn, now))
        omc_protocol_error(mc, server, errno, now);
    else
        omc_duty_touch(&mc->fleet, server);
}

/* Learns its addresses, at once or later. */
static void resolve(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const char *problem;

    switch (omc_endpoint_find(mc, server, now, &problem)) {
    case OMC_ENDPOINT_FOUND:
        omc_server_event(mc, server, OMC_EVENT_RESOLVED, NULL, now);
        break;
    case OMC_ENDPOINT_WAIT:
        break;
    case OMC_ENDPOINT_FAILED:
        omc_server_event(mc, server, OMC_EVENT_FAILED, problem, now);
        break;
    case OMC_ENDPOINT_STARVED:
        omc_shortage_note(mc, server, server->endpoint.shortage, now);
        break;
    }
}

void omc_server_found(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (omc_state_is_resolving(server->state))
        resolve(mc, server, now);
}

static void greet(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_socket_set_keepalive(server->watch.fd, mc->settings.keepalive);
    omc_protocol_greet(mc, server, now);
}

/* Goes on with the socket that connected first. */
static void accept_winner(omcache_t *mc, struct omc_server *server, struct omc_attempt *winner,
                          int64_t now)
{
    server->address = winner->address;
    omc_watch_move(&mc->watches, &server->watch, &winner->watch);
    omc_race_fini(&server->race, &mc->watches);
    mc->shortage = 0;
    omc_server_event(mc, server, OMC_EVENT_CONNECTED, NULL, now);
    if (omc_state_is_connected(server->state))
        flush(mc, server, now);
}

static void step_race(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_attempt *winner;

    switch (omc_race_step(&server->race, &mc->watches, now, &winner)) {
    case OMC_RACE_ON:
        break;
    case OMC_RACE_WON:
        accept_winner(mc, server, winner, now);
        break;
    case OMC_RACE_LOST:
        omc_server_event(mc, server, OMC_EVENT_FAILED, strerror(server->race.error), now);
        break;
    case OMC_RACE_STARVED:
        omc_shortage_note(mc, server, server->race.shortage, now);
        break;
    }
}

static void start_race(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_address *addresses[OMC_ADDRESSES_MAX];
    size_t count = omc_endpoint_list(&server->endpoint, addresses);

    if (omc_race_init(&server->race, server, addresses, count))
        step_race(mc, server, now);
    else
        omc_shortage_note(mc, server, ENOMEM, now);
}

/* What a failure tells of the address, and that its name may have a new one. */
static void doubt_address(struct omc_server *server, enum omc_state before)
{
    if (omc_state_is_handshake(before))
        omc_endpoint_disprove(&server->endpoint, &server->address);
    omc_endpoint_forget(&server->endpoint);
}

/* What failed, told by what it was doing. */
static int32_t failure_in(enum omc_state state)
{
    if (omc_state_is_resolving(state))
        return OMCACHE_FAILURE_NAME;
    if (omc_state_is_connecting(state))
        return OMCACHE_FAILURE_CONNECT;
    return omc_state_is_handshake(state) ? OMCACHE_FAILURE_HANDSHAKE : OMCACHE_FAILURE_CONNECTION;
}

/* Goes on with the second connection in place of the first.  How many requests failed. */
static size_t replace_connection(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_second *second = server->second;
    size_t failed;

    server->second = NULL;
    failed = close_connection(mc, server, MOVE, OMCACHE_SERVER_FAILURE, now);
    omc_watch_move(&mc->watches, &server->watch, &second->watch);
    omc_second_free(second, &mc->watches);
    greet(mc, server, now);
    if (omc_state_is_connected(server->state))
        flush(mc, server, now);
    return failed;
}

/* A server that fails again and again is news only once. */
static enum omc_log_level level_of_failure(enum omc_state before)
{
    return omc_state_is_up(before) ? OMC_LOG_WARNING : OMC_LOG_DEBUG;
}

static void run_action(omcache_t *mc, struct omc_server *server, enum omc_action action,
                       enum omc_state before, const char *reason, int64_t now)
{
    const struct omc_server_name *name = &server->name;
    enum omc_log_level level = level_of_failure(before);
    uint32_t pause;
    size_t failed;

    /* The log lines come last: what they call back may look at the server. */
    switch (action) {
    case OMC_ACTION_NONE:
        break;
    case OMC_ACTION_RESOLVE:
        server->conn.since = now;
        resolve(mc, server, now);
        break;
    case OMC_ACTION_CONNECT:
        start_race(mc, server, now);
        break;
    case OMC_ACTION_REOPEN:
        close_sockets(mc, server);
        omc_connection_leave(&server->conn);
        server->conn.since = now;
        resolve(mc, server, now);
        break;
    case OMC_ACTION_GREET:
        greet(mc, server, now);
        break;
    case OMC_ACTION_WELCOME:
        server->counters.connects++;
        omc_endpoint_prove(&server->endpoint, &server->address);
        omc_log(&mc->log, OMC_LOG_INFO, "%s:%s: connected", name->host, name->port);
        break;
    case OMC_ACTION_CLOSE:
        failed = close_connection(mc, server, MOVE, OMCACHE_SERVER_FAILURE, now);
        omc_log(&mc->log, failed > 0 ? OMC_LOG_WARNING : OMC_LOG_DEBUG,
                "%s:%s: connection closed: %s; %zu requests failed", name->host, name->port, reason,
                failed);
        break;
    case OMC_ACTION_REPLACE:
        failed = replace_connection(mc, server, now);
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: silent on a connection, not on a second one, which replaces it; "
                "%zu requests failed",
                name->host, name->port, failed);
        break;
    case OMC_ACTION_LEAVE:
        failed = end_requests(mc, server, MOVE, OMCACHE_SERVER_FAILURE, now);
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: no connection after %lld ms, down until there is one; %zu requests failed",
                name->host, name->port, (long long)(now - server->conn.since), failed);
        break;
    case OMC_ACTION_STARVE:
        pause = omc_backoff_pause(server->failures, mc->settings.reconnect_timeout, &mc->random);
        server->retry_at = omc_clock_after(now, pause);
        close_connection(mc, server, STARVE, omc_shortage_status(mc->shortage), now);
        break;
    case OMC_ACTION_DISABLE:
        server->failures++;
        pause = omc_backoff_pause(server->failures, mc->settings.reconnect_timeout, &mc->random);
        server->retry_at = omc_clock_after(now, pause);
        doubt_address(server, before);
        failed = close_connection(mc, server, MOVE, OMCACHE_SERVER_FAILURE, now);
        omc_log(&mc->log, level, "%s:%s: down: %s; %zu requests failed, to be retried in %u ms",
                name->host, name->port, reason, failed, (unsigned)pause);
        break;
    }
}

/* Whether a connection ends that was of no use, as too many before it. */
static bool is_useless(struct omc_server *server)
{
    return server->state == OMC_STATE_READY && !server->conn.answered &&
           ++server->wasted > WASTED_MAX;
}

void omc_server_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                      const char *reason, int64_t now)
{
    enum omc_state before = server->state;
    bool useless = event == OMC_EVENT_FAILED && is_useless(server);
    struct omc_transition transition = omc_state_next(before, useless ? OMC_EVENT_USELESS : event);

    set_state(mc, server, transition.next);
    if ((event == OMC_EVENT_FAILED || event == OMC_EVENT_REJECTED || event == OMC_EVENT_REPLACED) &&
        transition.action != OMC_ACTION_NONE) {
        server->counters.failures++;
        server->counters.last_failure = failure_in(before);
    }
    run_action(mc, server, transition.action, before, reason, now);
    omc_duty_touch(&mc->fleet, server);
}

void omc_server_prepare(omcache_t *mc, struct omc_server *server, int64_t now)
{
    bool fenced = omc_connection_fence(&server->conn);

    if (server->state == OMC_STATE_IDLE && omc_connection_is_busy(&server->conn))
        omc_server_event(mc, server, OMC_EVENT_START, NULL, now);
    if (!fenced) /* nobody would know when quiet requests are over */
        omc_shortage_note(mc, server, ENOMEM, now);
}

void omc_server_write(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_connection *conn = &server->conn;

    if (omc_state_is_connected(server->state) && omc_connection_wants_write(conn) && !conn->blocked)
        flush(mc, server, now);
}

void omc_server_ready(omcache_t *mc, struct omc_server *server, int64_t now)
{
    short ready = server->watch.ready;

    if (omc_state_is_connecting(server->state))
        step_race(mc, server, now);
    if (ready == 0)
        return;
    server->watch.ready = 0;
    if ((ready & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0)
        omc_receive(mc, server, now);
    if ((ready & POLLOUT) != 0 && omc_state_is_connected(server->state) &&
        omc_connection_wants_write(&server->conn))
        flush(mc, server, now);
    omc_duty_touch(&mc->fleet, server);
}

void omc_server_choose(omcache_t *mc, struct omc_server *server)
{
    if (omc_state_is_connecting(server->state))
        omc_race_choose(&server->race, &mc->watches);
    if (!omc_state_is_connected(server->state))
        return;
    omc_watch_want(&mc->watches, &server->watch, omc_work_events(server));
    omc_watch_choose(&mc->watches, &server->watch);
    if (server->second != NULL)
        omc_watch_choose(&mc->watches, &server->second->watch);
}
