/*
 * A server's life: the actions behind the state table, and its turn in the loop.
 */
#include "client/lifecycle.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client/ending.h"
#include "client/enqueue.h"
#include "client/finding.h"
#include "client/handle.h"
#include "client/protocol.h"
#include "client/receive.h"
#include "client/shortage.h"
#include "client/touch.h"
#include "client/work.h"
#include "link/backoff.h"
#include "link/send.h"
#include "net/socket.h"

static const struct omc_news no_news;

enum {
    /* Connections that may end in a row before one gave an answer: a proxy closes where it
     * does not know a command, and is as good as any for others. */
    WASTED_MAX = 3,
};

struct omc_server *omc_lifecycle_new(const struct omc_server_name *name, struct omc_pool *pool,
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

void omc_lifecycle_drop_second(omcache_t *mc, struct omc_server *server)
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
    omc_stream_close(&server->conn.stream); /* while it has its descriptor */
    omc_watch_close(&mc->watches, &server->watch);
    omc_race_fini(&server->race, &mc->watches);
    omc_lifecycle_drop_second(mc, server);
}

void omc_lifecycle_free(omcache_t *mc, struct omc_server *server)
{
    close_sockets(mc, server);
    omc_endpoint_forget(&server->endpoint);
    omc_connection_fini(&server->conn);
    omc_server_list_free_name(&server->name);
    omc_memory_free(server);
}

/* Closes the connection, or ends the attempt at one.  How many requests failed. */
static size_t close_connection(omcache_t *mc, struct omc_server *server, enum omc_fate fate,
                               int status)
{
    close_sockets(mc, server);
    server->greeting = OMC_GREETING_NONE; /* what the next one speaks is not known */
    if (server->endpoint.lookup != NULL && !omc_lookup_is_done(server->endpoint.lookup))
        omc_endpoint_forget(&server->endpoint);
    return omc_ending_of(mc, server, fate, status);
}

static void set_state(omcache_t *mc, struct omc_server *server, enum omc_state state)
{
    server->state = state;
    if (!server->dropped)
        omc_fleet_note_state(&mc->fleet, server);
}

size_t omc_lifecycle_abort(omcache_t *mc, struct omc_server *server, int status)
{
    size_t failed;

    set_state(mc, server, OMC_STATE_IDLE);
    omc_deadlines_remove(&mc->deadlines, &server->deadline);
    failed = close_connection(mc, server, OMC_FATE_END, status);
    omc_touch_server(&mc->fleet, server);
    return failed;
}

static struct omc_news flush(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (!omc_send(&server->conn, now))
        return omc_protocol_error(mc, server, errno);
    omc_touch_server(&mc->fleet, server);
    return no_news;
}

/* Learns its addresses, at once or later. */
static struct omc_news resolve(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const char *problem;

    switch (omc_finding_of(&mc->names, server, now, &problem)) {
    case OMC_FINDING_FOUND:
        return (struct omc_news){.event = OMC_EVENT_RESOLVED};
    case OMC_FINDING_FAILED:
        return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
    case OMC_FINDING_STARVED:
        return omc_shortage_news(server, server->endpoint.shortage);
    case OMC_FINDING_WAIT:
        break;
    }
    return no_news;
}

/* Goes on with the socket that connected first. */
static struct omc_news accept_winner(omcache_t *mc, struct omc_server *server,
                                     struct omc_attempt *winner)
{
    server->address = winner->address;
    omc_watch_move(&mc->watches, &server->watch, &winner->watch);
    omc_stream_open_plain(&server->conn.stream, server->watch.fd);
    omc_race_fini(&server->race, &mc->watches);
    mc->shortage = 0;
    return (struct omc_news){.event = OMC_EVENT_CONNECTED};
}

static struct omc_news step_race(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_attempt *winner;

    switch (omc_race_step(&server->race, &mc->watches, now, &winner)) {
    case OMC_RACE_WON:
        return accept_winner(mc, server, winner);
    case OMC_RACE_LOST:
        return (struct omc_news){OMC_EVENT_FAILED, strerror(server->race.error), 0};
    case OMC_RACE_STARVED:
        return omc_shortage_news(server, server->race.shortage);
    case OMC_RACE_ON:
        break;
    }
    return no_news;
}

static struct omc_news start_race(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_address *addresses[OMC_ADDRESSES_MAX];
    size_t count = omc_endpoint_list(&server->endpoint, addresses);

    if (!omc_race_init(&server->race, server, addresses, count))
        return omc_shortage_news(server, ENOMEM);
    return step_race(mc, server, now);
}

/* Says hello, with what can go along with it. */
static struct omc_news greet(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_news news;

    omc_socket_set_keepalive(server->watch.fd, mc->settings.keepalive);
    news = omc_protocol_greet(mc, server, now);
    return news.event != OMC_EVENT_NONE ? news : flush(mc, server, now);
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

/* Takes the second connection in place of the first.  How many requests failed. */
static size_t replace_connection(omcache_t *mc, struct omc_server *server)
{
    struct omc_second *second = server->second;
    size_t failed;

    server->second = NULL;
    failed = close_connection(mc, server, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
    omc_watch_move(&mc->watches, &server->watch, &second->watch);
    omc_stream_move(&server->conn.stream, &second->stream);
    omc_second_free(second, &mc->watches);
    return failed;
}

/* Chooses when it is tried again; in how many milliseconds. */
static unsigned put_off(omcache_t *mc, struct omc_server *server, int64_t now)
{
    uint32_t pause =
        omc_backoff_pause(server->failures, mc->settings.reconnect_timeout, &mc->random);

    server->retry_at = omc_clock_after(now, pause);
    return pause;
}

/* For want of something of ours; the log tells once of each kind. */
static void starve_server(omcache_t *mc, struct omc_server *server, int error, int64_t now)
{
    bool is_new = mc->shortage != error;

    mc->shortage = error;
    put_off(mc, server, now);
    close_connection(mc, server, OMC_FATE_STARVE, omc_shortage_status(error));
    omc_log(&mc->log, is_new ? OMC_LOG_ERROR : OMC_LOG_DEBUG,
            "%s:%s: no connection: %s; this program or machine lacks it, the server is not down",
            server->name.host, server->name.port, strerror(error));
}

/* A server that fails again and again is news only once. */
static void disable(omcache_t *mc, struct omc_server *server, enum omc_state before,
                    const char *reason, int64_t now)
{
    enum omc_log_level level = omc_state_is_up(before) ? OMC_LOG_WARNING : OMC_LOG_DEBUG;
    unsigned pause;
    size_t failed;

    server->failures++;
    pause = put_off(mc, server, now);
    doubt_address(server, before);
    failed = close_connection(mc, server, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
    omc_log(&mc->log, level, "%s:%s: down: %s; %zu requests failed, to be retried in %u ms",
            server->name.host, server->name.port, reason, failed, pause);
}

/* Does what is to be done on the way from a state; what happens by that. */
static struct omc_news run_action(omcache_t *mc, struct omc_server *server, enum omc_action action,
                                  enum omc_state before, struct omc_news news, int64_t now)
{
    const struct omc_server_name *name = &server->name;
    size_t failed;

    /* The log lines come last: what they call back may look at the server. */
    switch (action) {
    case OMC_ACTION_NONE:
        break;
    case OMC_ACTION_REOPEN:
        close_sockets(mc, server);
        omc_connection_leave(&server->conn);
        server->conn.since = now;
        return resolve(mc, server, now);
    case OMC_ACTION_RESOLVE:
        server->conn.since = now;
        return resolve(mc, server, now);
    case OMC_ACTION_CONNECT:
        return start_race(mc, server, now);
    case OMC_ACTION_GREET:
        return greet(mc, server, now);
    case OMC_ACTION_WELCOME:
        server->counters.connects++;
        omc_endpoint_prove(&server->endpoint, &server->address);
        omc_log(&mc->log, OMC_LOG_INFO, "%s:%s: connected", name->host, name->port);
        break;
    case OMC_ACTION_CLOSE:
        failed = close_connection(mc, server, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
        omc_log(&mc->log, failed > 0 ? OMC_LOG_WARNING : OMC_LOG_DEBUG,
                "%s:%s: connection closed: %s; %zu requests failed", name->host, name->port,
                news.reason, failed);
        break;
    case OMC_ACTION_REPLACE:
        failed = replace_connection(mc, server);
        news = greet(mc, server, now);
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: silent on a connection, not on a second one, which replaces it; "
                "%zu requests failed",
                name->host, name->port, failed);
        return news;
    case OMC_ACTION_LEAVE:
        failed = omc_ending_of(mc, server, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: no connection after %lld ms, down until there is one; %zu requests failed",
                name->host, name->port, (long long)(now - server->conn.since), failed);
        break;
    case OMC_ACTION_STARVE:
        starve_server(mc, server, news.error, now);
        break;
    case OMC_ACTION_DISABLE:
        disable(mc, server, before, news.reason, now);
        break;
    }
    return no_news;
}

/* Whether a connection ends that was of no use, as too many before it. */
static bool is_useless(struct omc_server *server)
{
    return server->state == OMC_STATE_READY && !server->conn.answered &&
           ++server->wasted > WASTED_MAX;
}

/* One step on its way; what happens by that. */
static struct omc_news take_step(omcache_t *mc, struct omc_server *server, struct omc_news news,
                                 int64_t now)
{
    enum omc_state before = server->state;
    bool useless = news.event == OMC_EVENT_FAILED && is_useless(server);
    struct omc_transition transition =
        omc_state_next(before, useless ? OMC_EVENT_USELESS : news.event);

    set_state(mc, server, transition.next);
    if ((news.event == OMC_EVENT_FAILED || news.event == OMC_EVENT_REJECTED ||
         news.event == OMC_EVENT_REPLACED) &&
        transition.action != OMC_ACTION_NONE) {
        server->counters.failures++;
        server->counters.last_failure = failure_in(before);
    }
    return run_action(mc, server, transition.action, before, news, now);
}

/* Goes on with a server until nothing happens any more. */
static void take_steps(omcache_t *mc, struct omc_server *server, struct omc_news news, int64_t now)
{
    while (news.event != OMC_EVENT_NONE)
        news = take_step(mc, server, news, now);
    omc_touch_server(&mc->fleet, server);
}

void omc_lifecycle_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                         const char *reason, int64_t now)
{
    take_steps(mc, server, (struct omc_news){event, reason, 0}, now);
}

void omc_lifecycle_broken(omcache_t *mc, struct omc_server *server, int error, int64_t now)
{
    take_steps(mc, server, omc_protocol_error(mc, server, error), now);
}

void omc_lifecycle_found(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (omc_state_is_resolving(server->state))
        take_steps(mc, server, resolve(mc, server, now), now);
}

void omc_lifecycle_prepare(omcache_t *mc, struct omc_server *server, int64_t now)
{
    bool fenced = omc_connection_fence(&server->conn);

    if (server->state == OMC_STATE_IDLE && omc_connection_is_busy(&server->conn))
        omc_lifecycle_event(mc, server, OMC_EVENT_START, NULL, now);
    if (!fenced) /* nobody would know when quiet requests are over */
        take_steps(mc, server, omc_shortage_news(server, ENOMEM), now);
}

void omc_lifecycle_write(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_connection *conn = &server->conn;

    if (omc_state_is_connected(server->state) && omc_connection_wants_write(conn) && !conn->blocked)
        take_steps(mc, server, flush(mc, server, now), now);
}

void omc_lifecycle_keep(omcache_t *mc, struct omc_server *server, int64_t now)
{
    /* Half a request is on its way, and the other half is lost. */
    if (omc_connection_waits(&server->conn) && !omc_enqueue_keep(mc, server))
        omc_lifecycle_broken(mc, server, ENOMEM, now);
}

/* Handles answers, and what they bring about. */
static void handle(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_news news;

    while ((news = omc_receive_handle(mc, server, now)).event != OMC_EVENT_NONE)
        take_steps(mc, server, news, now);
}

void omc_lifecycle_receive(omcache_t *mc, struct omc_server *server, int64_t now)
{
    size_t count;
    struct omc_news news = omc_receive(mc, server, &count);

    if (count > 0)
        handle(mc, server, now);
    else if (news.event != OMC_EVENT_NONE)
        take_steps(mc, server, news, now);
    omc_receive_note_part(&server->conn, count, now);
}

void omc_lifecycle_receive_rest(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (omc_buffer_size(&server->conn.in.buffer) > 0)
        handle(mc, server, now);
}

void omc_lifecycle_ready(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_stream *stream = &server->conn.stream;
    short ready = server->watch.ready;

    if (omc_state_is_connecting(server->state))
        take_steps(mc, server, step_race(mc, server, now), now);
    if (ready == 0)
        return;
    server->watch.ready = 0;
    if ((ready & (stream->to_receive | OMC_STREAM_BROKEN)) != 0)
        omc_lifecycle_receive(mc, server, now);
    if ((ready & stream->to_send) != 0 && omc_state_is_connected(server->state) &&
        omc_connection_wants_write(&server->conn))
        take_steps(mc, server, flush(mc, server, now), now);
    omc_touch_server(&mc->fleet, server);
}

void omc_lifecycle_choose(omcache_t *mc, struct omc_server *server)
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
