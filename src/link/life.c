/*
 * The life of a link: the actions behind the table of phases, and what comes of them.
 */
#include "link/life.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "link/backoff.h"
#include "link/dial.h"
#include "link/ending.h"
#include "link/match.h"
#include "link/protocol.h"
#include "link/send.h"
#include "link/shortage.h"
#include "link/work.h"
#include "net/socket.h"

enum {
    /* Connections that may end in a row before one gave an answer: a proxy closes where it
     * does not know a command, and is as good as any for others. */
    WASTED_MAX = 3,
};

/* Closes the connection, or ends the attempt at one. */
static void close_connection(struct omc_link *link, enum omc_fate fate, int status)
{
    omc_link_close_sockets(link);
    link->greeting = OMC_GREETING_NONE; /* what the next one speaks is not known */
    if (link->endpoint.lookup != NULL && !omc_lookup_is_done(link->endpoint.lookup))
        omc_endpoint_forget(&link->endpoint);
    omc_link_note_done(link, OMC_TODO_CHECK | OMC_TODO_GREETING);
    link->ready = 0;
    omc_ending_begin(link, fate, status);
}

void omc_life_end(struct omc_link *link, int status)
{
    link->phase = OMC_PHASE_REST;
    link->up = true;
    omc_link_note_done(link, OMC_TODO_NEWS);
    close_connection(link, OMC_FATE_END, status);
}

static void flush(struct omc_link *link, int64_t now)
{
    if (!omc_send(&link->conn, now))
        omc_life_broken(link, errno);
}

/* Says hello, with what can go along with it. */
static void greet(struct omc_link *link, const struct omc_login *login, int64_t now)
{
    omc_socket_set_keepalive(link->watch.fd, link->shared->settings.keepalive);
    link->counters.handshakes += omc_tls_version(&link->conn.stream) != 0;
    if (omc_protocol_greet(link, login, now))
        link->todo |= OMC_TODO_GREETING;
    else
        omc_link_note_news(link, omc_shortage_news(link, ENOMEM));
    if (login != NULL && omc_link_is_exposed(link, omc_tls_version(&link->conn.stream) == 0))
        omc_link_note_notice(link, (struct omc_notice){.kind = OMC_REPORT_EXPOSED});
}

/* What a failure tells of the address, and that its name may have a new one. */
static void doubt_address(struct omc_link *link, enum omc_phase before)
{
    if (before == OMC_PHASE_SECURING || before == OMC_PHASE_GREETING)
        omc_endpoint_disprove(&link->endpoint, &link->address);
    omc_endpoint_forget(&link->endpoint);
}

/* What failed, told by what it was doing. */
static int32_t failure_in(enum omc_phase phase)
{
    if (phase == OMC_PHASE_FINDING)
        return OMCACHE_FAILURE_NAME;
    if (phase == OMC_PHASE_DIALLING)
        return OMCACHE_FAILURE_CONNECT;
    return phase == OMC_PHASE_READY ? OMCACHE_FAILURE_CONNECTION : OMCACHE_FAILURE_HANDSHAKE;
}

/* Takes the second connection in place of the first. */
static void replace_connection(struct omc_link *link)
{
    struct omc_watches *watches = &link->shared->watches;
    struct omc_second *second = link->second;

    link->second = NULL;
    close_connection(link, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
    omc_watch_move(watches, &link->watch, &second->watch);
    omc_stream_move(&link->conn.stream, &second->stream);
    omc_second_free(second, watches);
}

/* Chooses when it is tried again; in how many milliseconds. */
static uint32_t put_off(struct omc_link *link, int64_t now)
{
    struct omc_shared *shared = link->shared;
    uint32_t pause =
        omc_backoff_pause(link->failures, shared->settings.reconnect_timeout, &shared->random);

    link->retry_at = omc_clock_after(now, pause);
    return pause;
}

/* For want of something of ours; that is news once for each kind. */
static void starve_link(struct omc_link *link, int error, int64_t now)
{
    omc_link_note_notice(link, (struct omc_notice){
                                   .kind = OMC_REPORT_STARVED,
                                   .error = error,
                                   .is_news = link->shared->shortage != error,
                               });
    link->shared->shortage = error;
    put_off(link, now);
    close_connection(link, OMC_FATE_STARVE, omc_shortage_status(error));
}

/* A server that fails again and again is news only once. */
static void disable(struct omc_link *link, enum omc_phase before, struct omc_news news, int64_t now)
{
    bool was_up = link->up;

    link->up = false;
    link->failures++;
    omc_link_note_notice(link, (struct omc_notice){
                                   .kind = OMC_REPORT_DOWN,
                                   .reason = news.reason,
                                   .pause = put_off(link, now),
                                   .is_news = was_up,
                               });
    doubt_address(link, before);
    close_connection(link, OMC_FATE_MOVE, news.error == 0 ? OMCACHE_SERVER_FAILURE : news.error);
}

/* Looks for another way to the server; nothing was lost. */
static void reopen(struct omc_link *link)
{
    omc_link_close_sockets(link);
    omc_connection_leave(&link->conn);
}

/* Goes on, but what it had to do goes elsewhere or fails. */
static void leave_requests(struct omc_link *link, int64_t now)
{
    omc_link_note_notice(
        link, (struct omc_notice){.kind = OMC_REPORT_LEFT, .pause = now - link->conn.since});
    link->up = false;
    omc_ending_begin(link, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
}

/* Does what is to be done on the way from a phase. */
static void run_action(struct omc_link *link, enum omc_action action, enum omc_phase before,
                       struct omc_news news, int64_t now)
{
    switch (action) {
    case OMC_ACTION_NONE:
        break;
    case OMC_ACTION_REOPEN:
        reopen(link);
        /* fall through */
    case OMC_ACTION_RESOLVE:
        link->conn.since = now;
        omc_link_note_news(link, omc_dial_resolve(link, now));
        break;
    case OMC_ACTION_CONNECT:
        omc_link_note_news(link, omc_dial_connect(link, now));
        break;
    case OMC_ACTION_SECURE:
        omc_link_note_news(link, omc_dial_secure(link));
        break;
    case OMC_ACTION_GREET:
        greet(link, link->shared->login, now);
        break;
    case OMC_ACTION_WELCOME:
        link->up = true;
        omc_connection_note_time(&link->conn, now); /* what follows the hello is waited for anew */
        link->counters.connects++;
        link->connection = omc_random_mix(
            (uint64_t)now, (uint64_t)++link->shared->connections << 32 | link->shared->random);
        omc_endpoint_prove(&link->endpoint, &link->address);
        omc_link_note_notice(link, (struct omc_notice){.kind = OMC_REPORT_UP});
        break;
    case OMC_ACTION_CLOSE:
        close_connection(link, OMC_FATE_MOVE, OMCACHE_SERVER_FAILURE);
        omc_link_note_notice(link,
                             (struct omc_notice){.kind = OMC_REPORT_CLOSED, .reason = news.reason});
        break;
    case OMC_ACTION_REPLACE:
        replace_connection(link);
        greet(link, NULL, now); /* it is logged in: a second SASL would be refused */
        omc_link_note_notice(link, (struct omc_notice){.kind = OMC_REPORT_REPLACED});
        break;
    case OMC_ACTION_LEAVE:
        leave_requests(link, now);
        break;
    case OMC_ACTION_STARVE:
        starve_link(link, news.error, now);
        break;
    case OMC_ACTION_DISABLE:
        disable(link, before, news, now);
        break;
    }
}

/* Whether a connection ends that was of no use, as too many before it. */
static bool is_useless(struct omc_link *link)
{
    return link->phase == OMC_PHASE_READY && !link->conn.answered && ++link->wasted > WASTED_MAX;
}

/* One step on its way. */
static void take_step(struct omc_link *link, int64_t now)
{
    struct omc_news news = link->news;
    enum omc_phase before = link->phase;
    bool useless = news.event == OMC_EVENT_FAILED && is_useless(link);
    struct omc_transition transition =
        omc_phase_next(before, link->up, useless ? OMC_EVENT_USELESS : news.event);

    omc_link_note_done(link, OMC_TODO_NEWS);
    link->phase = transition.next;
    if ((news.event == OMC_EVENT_FAILED || news.event == OMC_EVENT_REJECTED ||
         news.event == OMC_EVENT_REPLACED) &&
        transition.action != OMC_ACTION_NONE) {
        link->counters.failures++;
        link->counters.last_failure =
            news.error == OMCACHE_AUTH_FAILED ? OMCACHE_FAILURE_AUTHENTICATION : failure_in(before);
    }
    run_action(link, transition.action, before, news, now);
}

void omc_life_event(struct omc_link *link, enum omc_event event, const char *reason)
{
    omc_link_note_news(link, (struct omc_news){event, reason, 0});
}

/* Where the peer has closed, what it said before is read first, as if the kernel took nothing. */
void omc_life_broken(struct omc_link *link, int error)
{
    if (omc_protocol_has_last_words(link, error))
        link->conn.blocked = true;
    else
        omc_link_note_news(link, omc_protocol_error(link, error));
}

void omc_life_found(struct omc_link *link, int64_t now)
{
    if (link->phase == OMC_PHASE_FINDING)
        omc_link_note_news(link, omc_dial_resolve(link, now));
}

void omc_life_start(struct omc_link *link)
{
    if (link->phase == OMC_PHASE_REST && omc_connection_is_busy(&link->conn))
        omc_life_event(link, OMC_EVENT_START, NULL);
}

void omc_life_fence(struct omc_link *link)
{
    if (!omc_connection_fence(&link->conn)) /* nobody would know when quiet requests are over */
        omc_link_note_news(link, omc_shortage_news(link, ENOMEM));
}

void omc_life_write(struct omc_link *link, int64_t now)
{
    const struct omc_connection *conn = &link->conn;

    if (omc_phase_is_connected(link->phase) && omc_connection_wants_write(conn) && !conn->blocked)
        flush(link, now);
}

void omc_life_receive(struct omc_link *link)
{
    omc_match_read(link);
}

void omc_life_step(struct omc_link *link, int64_t now)
{
    if (link->phase == OMC_PHASE_DIALLING) {
        omc_link_note_news(link, omc_dial_step(link, now));
    } else if (link->phase == OMC_PHASE_SECURING && link->watch.ready != 0) {
        link->watch.ready = 0;
        omc_link_note_news(link, omc_dial_secure(link));
    }
}

void omc_life_choose(struct omc_link *link)
{
    struct omc_watches *watches = &link->shared->watches;

    if (link->muted)
        return;
    if (link->phase == OMC_PHASE_DIALLING)
        omc_race_choose(&link->race, watches);
    if (link->watch.fd < 0)
        return;
    omc_watch_want(watches, &link->watch, omc_work_events(link));
    omc_watch_choose(watches, &link->watch);
    if (link->second != NULL)
        omc_watch_choose(watches, &link->second->watch);
}

/* Reports what is there to be reported. */
static void take_notice(struct omc_link *link, struct omc_report *report)
{
    report->kind = link->notice.kind;
    report->notice = link->notice;
    omc_link_note_done(link, OMC_TODO_NOTICE);
}

static bool is_to_do(const struct omc_link *link, enum omc_todo what)
{
    return (link->todo & what) != 0;
}

/* Goes on with what has happened. */
static void go_on_with_news(struct omc_link *link, int64_t now, struct omc_report *report)
{
    if (is_to_do(link, OMC_TODO_ENDING))
        omc_ending_next(link, report);
    else if (is_to_do(link, OMC_TODO_NOTICE))
        take_notice(link, report);
    else if (is_to_do(link, OMC_TODO_CHECK))
        omc_protocol_check(link, report);
    else if (is_to_do(link, OMC_TODO_NEWS))
        take_step(link, now);
    else {
        omc_link_note_done(link, OMC_TODO_GREETING);
        link->cautious = false;
        flush(link, now);
    }
}

bool omc_life_next_news(struct omc_link *link, int64_t now, struct omc_report *report)
{
    report->kind = OMC_REPORT_NONE;
    while (report->kind == OMC_REPORT_NONE && link->todo != 0)
        go_on_with_news(link, now, report);
    return report->kind != OMC_REPORT_NONE;
}

/* Reads, if a wait has found that there may be something. */
static bool read_if_ready(struct omc_link *link)
{
    const struct omc_stream *stream = &link->conn.stream;

    if (link->watch.ready == 0 || link->phase == OMC_PHASE_SECURING)
        return false;
    link->ready = link->watch.ready;
    link->watch.ready = 0;
    if ((link->ready & (stream->to_receive | OMC_STREAM_BROKEN)) == 0)
        return false;
    omc_match_read(link);
    return true;
}

/* Writes, if it has found that there may be room. */
static bool write_if_ready(struct omc_link *link, int64_t now)
{
    bool is_ready = (link->ready & link->conn.stream.to_send) != 0;

    link->ready = 0;
    if (!is_ready || !omc_phase_is_connected(link->phase) ||
        !omc_connection_wants_write(&link->conn))
        return false;
    flush(link, now);
    return true;
}

bool omc_life_next(struct omc_link *link, int64_t now, struct omc_report *report)
{
    report->kind = OMC_REPORT_NONE;
    do {
        if (link->todo != 0 && omc_life_next_news(link, now, report))
            return true;
        if (!read_if_ready(link) && !omc_match_next(link, now, report) &&
            !write_if_ready(link, now))
            return false;
    } while (report->kind == OMC_REPORT_NONE);
    return true;
}
