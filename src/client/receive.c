/*
 * Reading and matching answers; see receive.h.
 */
#include "client/receive.h"

#include <errno.h>

#include "client/counting.h"
#include "client/handle.h"
#include "client/outcome.h"
#include "client/pins.h"
#include "client/protocol.h"
#include "client/respond.h"
#include "client/touch.h"
#include "link/answers.h"
#include "net/socket.h"
#include "proto/opcode.h"

enum {
    DROP = 1024, /* bytes read at once that are more than a drop */
    DROPS = 100, /* in a row that are a sign of life */
};

static const struct omc_news no_news;

/* An answer to a no-op means that everything before it has been dealt with: quiet
 * requests had nothing to tell, and for others the answer is lost. */
static void settle_older(omcache_t *mc, struct omc_server *server, uint32_t number)
{
    struct omc_queue *queue = &server->conn.queue;
    size_t lost = 0;

    for (uint32_t older = queue->first; older != number; older++) {
        struct omc_pending *pending = omc_queue_find(queue, older);

        if (pending == NULL)
            continue;
        if (pending->fence || pending->forgotten) {
            /* nobody waits for it */
        } else if (pending->quiet) {
            omc_outcome_silence(mc, server, pending);
        } else {
            omc_outcome_failure(mc, server, pending, OMCACHE_SERVER_FAILURE);
            lost++;
        }
        omc_queue_settle(&server->conn.queue, pending);
    }
    if (lost > 0)
        omc_log(&mc->log, OMC_LOG_WARNING, "%s:%s: %zu requests were not answered",
                server->name.host, server->name.port, lost);
}

/* Answers come in order: quiet requests at the front had nothing to tell if this is
 * the answer to a later one, and it is too late for those that are forgotten. */
static void settle_silent(omcache_t *mc, struct omc_server *server, uint32_t number)
{
    struct omc_queue *queue = &server->conn.queue;

    while (queue->first != number) {
        struct omc_pending *first = omc_queue_find(queue, queue->first);

        if (!first->forgotten && !first->quiet)
            break;
        if (!first->forgotten)
            omc_outcome_silence(mc, server, first);
        omc_queue_settle(&server->conn.queue, first);
    }
}

/* Whether answers to later requests have come for too long while the oldest's is left out:
 * what comes meanwhile is no sign that it will.  In order, it never would.  (That it was asked
 * long ago says nothing: it may have been sent late.) */
static bool is_overtaken(const omcache_t *mc, struct omc_pending *oldest)
{
    if (oldest->overtaken == 0)
        oldest->overtaken = mc->usec | 1;
    return (mc->usec - (oldest->overtaken & ~1U)) / 1000 >= mc->settings.dead_timeout;
}

void omc_receive_strip(struct omc_reply *reply, size_t prefix_len)
{
    if (prefix_len > 0 && reply->value.key_len >= prefix_len && omc_opcode_is_get(reply->opcode)) {
        reply->value.key += prefix_len;
        reply->value.key_len -= prefix_len;
    }
}

/* Why an answer, of which no more than its number and opcode are known, cannot be that to a
 * request; NULL if it can. */
static const char *find_fault(const struct omc_connection *conn, const struct omc_pending *pending,
                              const struct omc_reply *reply)
{
    if (!omc_connection_was_sent(conn, reply->opaque))
        return "answer to something that was not sent";
    if (reply->opcode != pending->ask.op)
        return "answer to another operation than was asked for";
    return NULL;
}

/* Handles an answer to one of the queue's requests; NULL, or why it cannot be
 * one. */
static const char *match(omcache_t *mc, struct omc_server *server, struct omc_pending *pending,
                         struct omc_reply *reply, int64_t now)
{
    const char *fault = find_fault(&server->conn, pending, reply);
    struct omc_pending asked = *pending;
    unsigned depth;

    if (fault != NULL)
        return fault;
    omc_receive_strip(reply, asked.claim.prefix_len);
    if (!asked.forgotten && !asked.fence && !omc_outcome_fits(mc, &asked, reply))
        return "answer with another key than was asked for";
    omc_server_note_answer(server, now);
    if (server->conn.queue.first != reply->opaque)
        settle_silent(mc, server, reply->opaque);
    if (server->conn.queue.first != reply->opaque && reply->opcode != OMC_OP_NOOP &&
        is_overtaken(mc, omc_queue_find(&server->conn.queue, server->conn.queue.first)))
        return "answers to later requests came within the dead timeout, one did not";
    if (reply->opcode == OMC_OP_NOOP)
        settle_older(mc, server, reply->opaque);
    if (!asked.forgotten)
        pending->claim.counter = NULL; /* it is with `asked` now */
    if (reply->last)
        omc_queue_settle(&server->conn.queue, pending);
    if (asked.forgotten)
        return NULL;
    if (asked.claim.counter != NULL && omc_counting_go_on(mc, server, &asked, reply))
        return NULL;
    if (reply->silent) {
        omc_outcome_silence(mc, server, &asked);
        return NULL;
    }
    /* The callbacks may do anything: nothing above is to be looked at after them. */
    if (asked.fence) {
        omc_respond(mc, &reply->value);
        return NULL;
    }
    depth = omc_outcome_answer(mc, server, &asked, reply);
    if (depth > 0)
        omc_pins_add(&mc->fleet, server, omc_pins_level_of_call(depth));
    return NULL;
}

/* Handles an answer of any kind. */
static const char *handle_reply(omcache_t *mc, struct omc_server *server, struct omc_reply *reply,
                                int64_t now)
{
    struct omc_pending *pending = omc_queue_find(&server->conn.queue, reply->opaque);

    if (pending != NULL)
        return match(mc, server, pending, reply, now);
    server->conn.foreign = true;
    omc_respond(mc, &reply->value);
    return NULL;
}

/* The peer says what it was not asked for: another server may have taken its place. */
static struct omc_news fail(struct omc_server *server, const char *problem)
{
    server->known = OMC_GREETING_NONE;
    return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
}

/* The answer to one request is over the limit: that one is told so. */
static struct omc_news refuse_large(omcache_t *mc, struct omc_server *server,
                                    const struct omc_reply *reply)
{
    struct omc_pending *pending = omc_queue_find(&server->conn.queue, reply->opaque);
    const char *fault;

    if (pending == NULL)
        return fail(server, "answer to nothing that was asked, and over the receive limit");
    fault = find_fault(&server->conn, pending, reply);
    if (fault != NULL)
        return fail(server, fault);
    if (!pending->fence && !pending->forgotten) {
        omc_outcome_failure(mc, server, pending, OMCACHE_BUFFER_FULL);
        omc_queue_settle(&server->conn.queue, pending);
    }
    return (struct omc_news){OMC_EVENT_DISCARD, "answer over the receive limit", 0};
}

void omc_receive_note_part(struct omc_connection *conn, size_t count, int64_t now)
{
    if (count == 0 || omc_buffer_size(&conn->in.buffer) == 0)
        return;
    if (count >= DROP)
        conn->parts = 0;
    else if (conn->parts < UINT8_MAX)
        conn->parts++;
    if (!conn->foreign && conn->parts <= DROPS)
        omc_connection_note_life(conn, now);
}

/* Handles the next answer that is there; false if there is none, or something has happened. */
static bool handle_next(omcache_t *mc, struct omc_server *server, int64_t now,
                        struct omc_news *news)
{
    const char *problem = NULL;
    struct omc_reply reply;

    if (omc_state_is_handshake(server->state)) {
        *news = omc_protocol_read_answer(mc, server);
        return false;
    }
    switch (omc_answers_next(&server->conn, mc->settings.recv_limit, &reply)) {
    case OMC_DECODE_MORE:
        return false;
    case OMC_DECODE_TOO_LARGE:
        *news = refuse_large(mc, server, &reply);
        return false;
    case OMC_DECODE_BROKEN:
        problem = "what came is no answer to what was asked";
        break;
    case OMC_DECODE_REPLY:
        problem = handle_reply(mc, server, &reply, now);
        break;
    }
    if (problem != NULL)
        *news = fail(server, problem);
    return problem == NULL;
}

struct omc_news omc_receive_handle(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_news news = no_news;

    do
        server->conn.handling = omc_stream_is_open(&server->conn.stream) && !mc->doomed;
    while (server->conn.handling && handle_next(mc, server, now, &news));
    server->conn.handling = false;
    return news;
}

/* The limit is for each call that has not returned: if the outer ones' values took
 * all of it, the inner ones could never end. */
static size_t limit_of_call(const omcache_t *mc, const struct omc_server *server)
{
    size_t others = omc_inbox_size_below(&server->conn.in, omc_pins_level_of_call(mc->depth));
    size_t limit = mc->settings.recv_limit;

    if (others == 0 || limit > SIZE_MAX - others - OMC_INBOX_LEAST)
        return limit;
    return limit + others + OMC_INBOX_LEAST;
}

bool omc_receive_await(omcache_t *mc, struct omc_server *server)
{
    return omc_answers_await(&server->conn, limit_of_call(mc, server));
}

struct omc_news omc_receive(omcache_t *mc, struct omc_server *server, size_t *count)
{
    ssize_t taken = omc_answers_read(&server->conn, limit_of_call(mc, server));

    omc_touch_server(&mc->fleet, server);
    mc->fleet.stalled = mc->fleet.stalled || server->conn.stalled;
    *count = taken > 0 ? (size_t)taken : 0;
    if (taken == OMC_SOCKET_CLOSED)
        return omc_protocol_broken(mc, server, "closed by the server");
    return taken == OMC_SOCKET_ERROR ? omc_protocol_error(mc, server, errno) : no_news;
}
