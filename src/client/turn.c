/*
 * Acting on the reports of links; see turn.h.
 */
#include "client/turn.h"

#include <errno.h>
#include <string.h>

#include "client/enqueue.h"
#include "client/handle.h"
#include "client/outcome.h"
#include "client/pick.h"
#include "client/pins.h"
#include "client/respond.h"
#include "client/touch.h"
#include "link/doubt.h"
#include "link/life.h"
#include "link/match.h"
#include "link/patience.h"
#include "link/work.h"

enum {
    /* A deadline found overdue by so many milliseconds was not watched. */
    UNWATCHED_TIME = 100,
};

/* Tells the log what has happened to a connection, and what that has cost. */
static void log_notice(omcache_t *mc, const struct omc_server *server,
                       const struct omc_notice *notice, size_t failed)
{
    const char *host = server->name.host, *port = server->name.port;

    switch (notice->kind) {
    case OMC_REPORT_EXPOSED:
        if (!mc->warned)
            omc_log(&mc->log, OMC_LOG_WARNING,
                    "%s:%s: credentials go there without TLS: all on the way can read them", host,
                    port);
        mc->warned = true;
        break;
    case OMC_REPORT_UP:
        omc_log(&mc->log, OMC_LOG_INFO, "%s:%s: connected", host, port);
        break;
    case OMC_REPORT_CLOSED:
        omc_log(&mc->log, failed > 0 ? OMC_LOG_WARNING : OMC_LOG_DEBUG,
                "%s:%s: connection closed: %s; %zu requests failed", host, port, notice->reason,
                failed);
        break;
    case OMC_REPORT_REPLACED:
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: silent on a connection, not on a second one, which replaces it; "
                "%zu requests failed",
                host, port, failed);
        break;
    case OMC_REPORT_LEFT:
        omc_log(&mc->log, OMC_LOG_WARNING,
                "%s:%s: no connection after %lld ms, down until there is one; %zu requests failed",
                host, port, (long long)notice->pause, failed);
        break;
    case OMC_REPORT_STARVED:
        omc_log(&mc->log, notice->is_news ? OMC_LOG_ERROR : OMC_LOG_DEBUG,
                "%s:%s: no connection: %s; this program or machine lacks it, the server is not "
                "down",
                host, port, strerror(notice->error));
        break;
    case OMC_REPORT_DOWN:
        if (server->home != NULL) {
            omc_log(&mc->log, OMC_LOG_WARNING, "%s:%s: no connection for a stream: %s", host, port,
                    notice->reason);
            break;
        }
        omc_log(&mc->log, notice->is_news ? OMC_LOG_WARNING : OMC_LOG_DEBUG,
                "%s:%s: down: %s; %zu requests failed, to be retried in %lld ms", host, port,
                notice->reason, failed, (long long)notice->pause);
        break;
    default: /* whose outcome nobody waits for would not hear of it otherwise */
        omc_log(&mc->log, OMC_LOG_NOTICE, "%s:%s: %zu requests cannot be sent over %s", host, port,
                failed, server->link.conn.codec->name);
        break;
    }
}

/* Where a request may go that nobody can have read, or NULL. */
static struct omc_server *second_choice(omcache_t *mc, struct omc_server *first,
                                        const struct omc_report *report)
{
    if (report->claim.keyed)
        return omc_pick_again(mc, report->ask, &report->claim);
    return first->link.up ? first : NULL;
}

/* Gives a request of a closed connection to another one: OMCACHE_OK, or how it ends.
 * It was accepted, so the send limit does not matter any more. */
static int move_request(omcache_t *mc, struct omc_server *server, const struct omc_report *report)
{
    struct omc_server *target = second_choice(mc, server, report);
    int rc;

    if (target == NULL)
        return report->status;
    rc = omc_enqueue_again(mc, target, report->ask, &report->claim);
    mc->fleet.moved = mc->fleet.moved || rc == OMCACHE_OK;
    target->link.counters.requests += rc == OMCACHE_OK && target != server;
    return rc;
}

static void note_state(omcache_t *mc, const struct omc_server *server)
{
    if (!server->dropped)
        omc_fleet_note_state(&mc->fleet, server);
}

/* What was lost since the last notice. */
struct losses {
    size_t failed;
    size_t unanswered;
};

static void log_unanswered(omcache_t *mc, const struct omc_server *server, struct losses *losses)
{
    if (losses->unanswered == 0)
        return;
    omc_log(&mc->log, OMC_LOG_WARNING, "%s:%s: %zu requests were not answered", server->name.host,
            server->name.port, losses->unanswered);
    losses->unanswered = 0;
}

/* Hands out an answer.  The callback may do anything: nothing that was known of the link before is
 * known any more. */
static inline void deliver(omcache_t *mc, struct omc_server *server,
                           const struct omc_report *report, struct losses *losses)
{
    unsigned depth;

    log_unanswered(mc, server, losses);
    if (report->kind == OMC_REPORT_STRAY) {
        omc_respond(mc, &report->reply.value);
        return;
    }
    depth = omc_outcome_answer(mc, server, report);
    if (depth > 0)
        omc_pins_add(&mc->fleet, server, omc_inbox_level_of_call(depth));
}

/* Acts on what calls back nothing but the log. */
static void take_report(omcache_t *mc, struct omc_server *server, const struct omc_report *report,
                        struct losses *losses)
{
    int rc = report->status;

    note_state(mc, server); /* before a request is routed again */
    switch (report->kind) {
    case OMC_REPORT_SILENCE:
        omc_outcome_silence(mc, report);
        break;
    case OMC_REPORT_TOO_LARGE: /* the end of the connection is not why it fails */
        omc_outcome_failure(mc, server, &report->claim, rc);
        break;
    case OMC_REPORT_RETURNED:
        rc = move_request(mc, server, report);
        if (rc == OMCACHE_OK)
            break;
        /* fall through */
    case OMC_REPORT_FAILED:
        omc_outcome_failure(mc, server, &report->claim, rc);
        *(report->unanswered ? &losses->unanswered : &losses->failed) += 1;
        break;
    case OMC_REPORT_RENEWED: /* who asks has been given its number */
        break;
    default:
        log_notice(mc, server, &report->notice, losses->failed);
        losses->failed = 0;
        break;
    }
}

/* Brings up to date what is kept of a server whose link has been gone on with. */
static void note_changes(omcache_t *mc, struct omc_server *server)
{
    note_state(mc, server);
    mc->fleet.stalled = mc->fleet.stalled || server->link.conn.stalled;
    if (server->link.has_new) {
        server->link.has_new = false;
        omc_enqueue_note(mc, server);
    }
    omc_touch_server(&mc->fleet, server);
}

size_t omc_turn_take(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_report report;
    struct losses losses = {0, 0};

    while (omc_life_next_news(&server->link, now, &report))
        take_report(mc, server, &report, &losses);
    note_changes(mc, server);
    return losses.failed;
}

/* The next report of a link; if the handle was freed by a callback, no answer any more. */
static inline bool take_next(const omcache_t *mc, struct omc_server *server, int64_t now,
                             struct omc_report *report)
{
    return mc->doomed ? omc_life_next_news(&server->link, now, report)
                      : omc_life_next(&server->link, now, report);
}

/* Whether no list has a server, nor need have it: it has nothing to do, and is watched for what it
 * may say unasked. */
static inline bool is_at_rest(const struct omc_server *server)
{
    const struct omc_link *link = &server->link;

    return !server->active && !server->full && link->phase == OMC_PHASE_READY &&
           link->conn.queue.count == 0 && !link->has_new && !link->conn.stream.pending &&
           !link->conn.stream.unsent && !link->conn.stalled &&
           link->watch.events == link->conn.stream.to_receive;
}

/* Where the answers go that are for the call which collects its batch, if nobody else hears of
 * them; or NULL. */
static inline struct omc_sink *sink_of(omcache_t *mc)
{
    return mc->batch.awaited && mc->response_func == NULL ? &mc->batch.sink : NULL;
}

/* Notes which requests were answered there. */
static void note_settled(omcache_t *mc, struct omc_server *server)
{
    struct omc_batch *batch = &mc->batch;

    batch->left -= batch->sink.settled;
    batch->sink.settled = 0;
    if (server->link.conn.in.level != 0)
        omc_pins_add(&mc->fleet, server, omc_inbox_level_of_call(batch->sink.depth));
}

void omc_turn_receive(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_report report;
    struct losses losses = {0, 0};
    bool is_found, is_through = false;

    if (server->link.muted)
        return;
    report.has_more = false;
    do {
        report.sink = sink_of(mc);
        is_found = take_next(mc, server, now, &report);
        if (mc->batch.sink.settled > 0) {
            note_settled(mc, server);
            is_through = true;
        }
        if (!is_found)
            break;
        if (report.kind == OMC_REPORT_ANSWER || report.kind == OMC_REPORT_STRAY)
            deliver(mc, server, &report, &losses);
        else
            take_report(mc, server, &report, &losses);
        is_through = !report.has_more && omc_life_is_through(&server->link);
    } while (!is_through);
    if (is_through)
        omc_life_rest(&server->link);
    if (!is_through || !is_at_rest(server))
        note_changes(mc, server);
}

void omc_turn_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                    const char *reason, int64_t now)
{
    omc_life_event(&server->link, event, reason);
    omc_turn_take(mc, server, now);
}

size_t omc_turn_end(omcache_t *mc, struct omc_server *server, int status)
{
    omc_life_end(&server->link, status);
    omc_deadlines_remove(&mc->deadlines, &server->deadline);
    return omc_turn_take(mc, server, 0); /* nothing begins by it */
}

/* The same, where mostly nothing has happened. */
static inline void take_news(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->link.todo != 0)
        omc_turn_take(mc, server, now);
}

void omc_turn_look_once(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_link *link = &server->link;

    if (link->phase != OMC_PHASE_READY || omc_connection_is_trusted(&link->conn, now))
        return;
    link->conn.looked = now;
    if (omc_match_look(link))
        omc_turn_receive(mc, server, now);
}

void omc_turn_prepare(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_look_once(mc, server, now);
    omc_life_start(&server->link);
    take_news(mc, server, now);
    omc_life_fence(&server->link);
    take_news(mc, server, now);
    omc_touch_server(&mc->fleet, server); /* there may be a fence to be written */
}

void omc_turn_settle(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->link.phase != OMC_PHASE_READY)
        return;
    omc_life_fence(&server->link);
    take_news(mc, server, now);
    omc_turn_write(mc, server, now);
    omc_turn_read(mc, server, now);
}

void omc_turn_write(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_life_write(&server->link, now);
    take_news(mc, server, now);
    omc_touch_server(&mc->fleet, server);
}

void omc_turn_keep(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (!omc_connection_waits(&server->link.conn) || omc_enqueue_keep(mc, server))
        return;
    omc_life_broken(&server->link, ENOMEM); /* half a request is on its way, the rest is lost */
    omc_turn_take(mc, server, now);
}

void omc_turn_read(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->link.muted)
        return;
    omc_life_receive(&server->link);
    omc_turn_receive(mc, server, now);
}

void omc_turn_ready(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_life_step(&server->link, now);
    omc_turn_receive(mc, server, now);
}

void omc_turn_look(omcache_t *mc, struct omc_server **servers, size_t count, int64_t now)
{
    struct omc_watches *watches = &mc->shared.watches;

    omc_watch_choose_none(watches);
    for (size_t i = 0; i < count; i++)
        omc_life_choose(&servers[i]->link);
    omc_watch_wait(watches, 0);
    for (size_t i = 0; i < count; i++)
        omc_turn_ready(mc, servers[i], now);
}

/* Perhaps nobody has looked since the name was found, or the connection was made.  What goes on
 * only now has not had its time. */
static void look(omcache_t *mc, struct omc_server *server, bool unwatched, int64_t now)
{
    enum omc_phase before = server->link.phase;

    if (server->link.phase == OMC_PHASE_FINDING) {
        omc_names_look(&mc->shared.names, now);
        omc_life_found(&server->link, now);
        omc_turn_take(mc, server, now);
    }
    omc_turn_look(mc, &server, 1, now);
    if (unwatched && server->link.phase > before)
        omc_connection_note_time(&server->link.conn, now);
}

void omc_turn_check_deadline(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_link *link = &server->link;
    int64_t deadline = omc_patience_deadline(link);
    bool was_up = link->up, unwatched = now - deadline >= UNWATCHED_TIME;
    const char *reason;

    if (now < deadline)
        return;
    if (omc_work_is_pending(link)) {
        omc_turn_read(mc, server, now);
        return;
    }
    omc_doubt_check_deadline(link, now);
    omc_turn_take(mc, server, now);
    if (omc_phase_is_connecting(link->phase))
        look(mc, server, unwatched, now);
    reason = omc_patience_reason(link, now);
    if (reason != NULL)
        omc_turn_event(mc, server, OMC_EVENT_FAILED, reason, now);
    /* A reconnect that nobody watched has proved nothing: again, at once. */
    if (reason != NULL && !was_up && unwatched)
        link->retry_at = now;
}
