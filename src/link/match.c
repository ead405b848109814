/*
 * Reading and matching answers; see match.h.
 */
#include "link/match.h"

#include <errno.h>

#include "link/answers.h"
#include "link/counting.h"
#include "link/protocol.h"
#include "link/row.h"
#include "net/socket.h"
#include "proto/base64.h"
#include "proto/opcode.h"

enum {
    DROP = 1024, /* bytes read at once that are more than a drop */
    DROPS = 100, /* in a row that are a sign of life */
};

/* Whether nobody is to be told of a quiet request's success, not even that it is over. */
static inline bool is_for_nobody(const struct omc_pending *pending)
{
    return pending->claim.asker == NULL && pending->claim.owner <= OMC_OWNER_NOBODY;
}

/* Settles the oldest request, which is in front of one that was answered; whether that is
 * reported. */
static bool settle_oldest(struct omc_link *link, struct omc_pending *oldest,
                          struct omc_report *report)
{
    struct omc_queue *queue = &link->conn.queue;
    bool is_told;

    if (oldest->quiet && oldest->claim.owner < OMC_OWNER_LINK)
        omc_counters_silence(&link->counters, oldest->ask.op);
    if (oldest->quiet && is_for_nobody(oldest)) {
        omc_queue_settle(queue, oldest);
        return false;
    }
    is_told = omc_report_end(report, oldest->quiet ? OMC_REPORT_SILENCE : OMC_REPORT_FAILED, oldest,
                             OMCACHE_SERVER_FAILURE);

    report->unanswered = !oldest->quiet;
    omc_queue_settle(queue, oldest);
    return is_told;
}

/* Settles together those at the front, before that number, that had nothing to tell and of which
 * nobody is to be told.  Others may be behind them. */
static void settle_unasked(struct omc_link *link, uint32_t end)
{
    struct omc_queue *queue = &link->conn.queue;
    uint32_t count = 0;

    for (; queue->first + count != end; count++) {
        const struct omc_pending *pending = omc_queue_slot(queue, queue->first + count);

        if (!pending->quiet || pending->settled || pending->half || !is_for_nobody(pending) ||
            pending->claim.counter != NULL)
            break;
        omc_counters_silence(&link->counters, pending->ask.op);
    }
    if (count > 0)
        omc_queue_settle_oldest(queue, count);
}

/* Answers come in order: quiet requests at the front had nothing to tell if this is the answer to a
 * later one, and it is too late for those that are forgotten.  An answer to a no-op means that
 * everything before it has been dealt with: what was not answered will not be.  Whether one is
 * reported; there may be more then.  (It is not inline, so that no register is saved for it where
 * the answer is to the oldest.) */
__attribute__((noinline)) static bool
settle_older(struct omc_link *link, const struct omc_reply *reply, struct omc_report *report)
{
    struct omc_queue *queue = &link->conn.queue;

    settle_unasked(link, reply->opaque);
    while (queue->first != reply->opaque) {
        struct omc_pending *oldest = omc_queue_find(queue, queue->first);

        if (oldest == NULL ||
            (!omc_queue_is_forgotten(oldest) && !oldest->quiet && reply->opcode != OMC_OP_NOOP))
            break;
        if (settle_oldest(link, oldest, report))
            return true;
    }
    return false;
}

/* Whether answers to later requests have come for too long while the oldest's is left out:
 * what comes meanwhile is no sign that it will.  In order, it never would.  (That it was asked
 * long ago says nothing: it may have been sent late.) */
static bool is_overtaken(const struct omc_shared *shared, struct omc_pending *oldest)
{
    if (oldest->overtaken == 0)
        oldest->overtaken = shared->usec | 1;
    return (shared->usec - (oldest->overtaken & ~1U)) / 1000 >= shared->settings.dead_timeout;
}

/* Takes the prefix off the key that a get came with. */
static inline void strip_prefix(struct omc_reply *reply, size_t prefix_len)
{
    if (prefix_len > 0 && reply->value.key_len >= prefix_len) {
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

/* Whether that is the key of a request as it was sent, in base64, where no flag of the answer says
 * so. */
static bool is_about_encoded(const struct omc_pending *pending, const omcache_value_t *value)
{
    unsigned char key[OMC_ASK_KEY_MAX];
    size_t len;

    return pending->ask.op == OMC_OP_META_DEBUG && (pending->ask.bits & OMC_ASK_ENCODED) != 0 &&
           value->key_len <= sizeof(key) &&
           omc_base64_decode(key, value->key, value->key_len, &len) &&
           omc_queue_is_about(pending, key, len);
}

/* Why an answer cannot be that to a request; NULL if it can.  Only gets are answered with the key
 * that was asked for. */
static const char *find_mismatch(const struct omc_link *link, const struct omc_pending *pending,
                                 struct omc_reply *reply)
{
    const char *fault = find_fault(&link->conn, pending, reply);

    if (fault != NULL || reply->value.key_len == 0 || !omc_opcode_is_get(reply->opcode))
        return fault;
    if (!omc_queue_is_about(pending, reply->value.key, reply->value.key_len) &&
        !is_about_encoded(pending, &reply->value))
        return "answer with another key than was asked for";
    strip_prefix(reply, pending->claim.prefix_len);
    return NULL;
}

/* What an answer is to a request that it was found to fit. */
static inline enum omc_report_kind take(struct omc_link *link, struct omc_pending *pending,
                                        struct omc_report *report)
{
    struct omc_reply *reply = &report->reply;

    report->claim = pending->claim;
    report->op = pending->ask.op;
    if (reply->value.status == OMCACHE_FAIL && omc_opcode_forms[report->op].plain == OMC_OP_GET)
        link->conn.apart = true; /* on a line others would have failed with it */
    if (report->claim.owner != OMC_OWNER_FORGOTTEN)
        pending->claim.counter = NULL; /* it is with the report now */
    if (reply->last)
        omc_queue_settle(&link->conn.queue, pending);
    if (report->claim.owner == OMC_OWNER_FORGOTTEN)
        return OMC_REPORT_NONE;
    if (report->claim.counter != NULL && omc_counting_go_on(link, report))
        return OMC_REPORT_RENEWED;
    if (report->claim.owner == OMC_OWNER_LINK)
        return OMC_REPORT_STRAY;
    if (reply->silent) {
        omc_counters_silence(&link->counters, report->op);
        return OMC_REPORT_SILENCE;
    }
    if (reply->last)
        omc_counters_answer(&link->counters, reply->opcode, reply->value.status,
                            link->shared->usec - report->claim.asked);
    return OMC_REPORT_ANSWER;
}

/* The peer says what it was not asked for: another server may have taken its place. */
static struct omc_news fail(struct omc_link *link, const char *problem)
{
    link->known = OMC_GREETING_NONE;
    omc_connection_note_read(&link->conn);
    return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
}

/* Whether an answer came before that to an older request, which then may be over, or left out.
 * Where gets share a line only its end says so. */
static inline bool is_early(const struct omc_connection *conn, const struct omc_reply *reply)
{
    return conn->queue.first != reply->opaque && conn->codec->line_max == 0;
}

/* Reports what is over by an answer, one thing at a time; and whether it is at last the turn of the
 * answer itself. */
static inline bool is_its_turn(struct omc_link *link, struct omc_report *report)
{
    struct omc_queue *queue = &link->conn.queue;
    struct omc_reply *reply = &report->reply;

    report->has_more = is_early(&link->conn, reply) && settle_older(link, reply, report);
    if (report->has_more)
        return false;
    if (!is_early(&link->conn, reply) ||
        !is_overtaken(link->shared, omc_queue_find(queue, queue->first)))
        return true;
    omc_link_note_news(
        link, fail(link, "answers to later requests came within the dead timeout, one did not"));
    return false;
}

/* Whether an answer that was read is one to that request (NULL: to none). */
static inline bool is_expected(struct omc_link *link, struct omc_pending *pending, int64_t now,
                               struct omc_report *report)
{
    const char *fault;

    if (pending == NULL) {
        link->conn.foreign = true;
        report->kind = OMC_REPORT_STRAY;
        report->has_more = false;
        return false;
    }
    if (report->has_more)
        return true;
    fault = find_mismatch(link, pending, &report->reply);
    if (fault != NULL) {
        omc_link_note_news(link, fail(link, fault));
        return false;
    }
    omc_link_note_answer(link, now);
    return true;
}

/* The answer to one request is over the limit: that one is told so. */
static void refuse_large(struct omc_link *link, struct omc_report *report)
{
    struct omc_queue *queue = &link->conn.queue;
    struct omc_pending *pending = omc_queue_find(queue, report->reply.opaque);
    const char *fault;

    if (pending == NULL)
        fault = "answer to nothing that was asked, and over the receive limit";
    else
        fault = find_fault(&link->conn, pending, &report->reply);
    if (fault != NULL) {
        omc_link_note_news(link, fail(link, fault));
        return;
    }
    omc_connection_note_read(&link->conn);
    if (omc_report_end(report, OMC_REPORT_TOO_LARGE, pending, OMCACHE_BUFFER_FULL))
        omc_queue_settle(queue, pending);
    omc_link_note_news(link,
                       (struct omc_news){OMC_EVENT_DISCARD, "answer over the receive limit", 0});
}

/* A part of an answer is a sign of life.  But not for ever, where it comes in drops; and not if
 * those that are whole prove to be no answers. */
static void note_part(struct omc_link *link, int64_t now)
{
    struct omc_connection *conn = &link->conn;
    size_t count = link->came;

    link->came = 0;
    if (count == 0 || omc_buffer_size(&conn->in.buffer) == 0)
        return;
    if (count >= DROP)
        conn->parts = 0;
    else if (conn->parts < UINT8_MAX)
        conn->parts++;
    if (!conn->foreign && conn->parts <= DROPS)
        omc_connection_note_life(conn, now);
}

/* The next answer of what came, and the request that it is to; false if there is none, or it is
 * none. */
static inline bool decode(struct omc_link *link, struct omc_report *report,
                          struct omc_pending **pending)
{
    switch (
        omc_answers_next(&link->conn, link->shared->settings.recv_limit, &report->reply, pending)) {
    case OMC_DECODE_REPLY:
        return true;
    case OMC_DECODE_TOO_LARGE:
        refuse_large(link, report);
        break;
    case OMC_DECODE_BROKEN:
        omc_link_note_news(link, fail(link, "what came is no answer to what was asked"));
        break;
    case OMC_DECODE_MORE:
        break;
    }
    return false;
}

/* Reads the usual answer to the oldest request, if that is what came; NULL if it is not, or has
 * details. */
static inline struct omc_pending *match_usual(struct omc_link *link, int64_t now,
                                              struct omc_report *report)
{
    struct omc_connection *conn = &link->conn;
    size_t size = omc_buffer_size(&conn->in.buffer);
    const unsigned char *bytes, *end;
    struct omc_reply *reply = &report->reply;
    struct omc_pending *front;
    struct omc_asked asked;

    if (size == 0 || conn->message > size || !omc_connection_has_sent(conn))
        return NULL;
    front = omc_queue_slot(&conn->queue, conn->queue.first);
    if (front->half || omc_opcode_is_meta(front->ask.op))
        return NULL;
    bytes = omc_buffer_data(&conn->in.buffer);
    asked = omc_answers_asked(conn, front, conn->queue.first,
                              omc_answers_data_max(link->shared->settings.recv_limit));
    end = conn->codec->usual(bytes, bytes + size, &asked, &reply->value);
    if (end == NULL || !omc_answers_has_right_key(front, &asked, &reply->value))
        return NULL;
    reply->opaque = asked.number;
    reply->opcode = asked.op;
    reply->last = true;
    reply->silent = omc_answers_is_silent(front, &reply->value);
    omc_buffer_consume(&conn->in.buffer, (size_t)(end - bytes));
    conn->message = 0;
    omc_link_note_answer(link, now);
    return front;
}

/* Finds the request that is answered by what came, if it is its turn; else NULL.  False if nothing
 * came, or no answer. */
static inline bool find_answered(struct omc_link *link, int64_t now, struct omc_report *report,
                                 struct omc_pending **pending)
{
    if (report->has_more)
        *pending = omc_queue_find(&link->conn.queue, report->reply.opaque);
    else if ((*pending = match_usual(link, now, report)) != NULL)
        return true;
    else if (!decode(link, report, pending))
        return false;
    if (!is_expected(link, *pending, now, report) || !is_its_turn(link, report))
        *pending = NULL;
    return true;
}

/* Goes on with what came on a link that is ready; false if there is nothing to go on with. */
static inline bool match_next(struct omc_link *link, int64_t now, struct omc_report *report)
{
    struct omc_pending *pending;

    if (!report->has_more && omc_row_take(link, report->sink, now))
        return false;
    if (!find_answered(link, now, report, &pending))
        return report->kind != OMC_REPORT_NONE || link->todo != 0;
    if (pending != NULL)
        report->kind = take(link, pending, report);
    return true;
}

/* The same for one that was greeted. */
static bool match_hello(struct omc_link *link)
{
    if (omc_buffer_size(&link->conn.in.buffer) > 0)
        omc_link_note_news(link, omc_protocol_read_answer(link));
    return link->todo != 0;
}

bool omc_match_next(struct omc_link *link, int64_t now, struct omc_report *report)
{
    link->conn.handling = omc_stream_is_open(&link->conn.stream);
    if (link->conn.handling &&
        (link->phase == OMC_PHASE_READY ? match_next(link, now, report) : match_hello(link)))
        return true;
    link->conn.handling = false;
    note_part(link, now);
    return false;
}

/* The limit is for each call that has not returned: if the outer ones' values took
 * all of it, the inner ones could never end. */
static inline size_t limit_of_call(const struct omc_link *link)
{
    size_t others =
        omc_inbox_size_below(&link->conn.in, omc_inbox_level_of_call(link->shared->depth));
    size_t limit = link->shared->settings.recv_limit;

    if (others == 0 || limit > SIZE_MAX - others - OMC_INBOX_LEAST)
        return limit;
    return limit + others + OMC_INBOX_LEAST;
}

/* Notes that a read has returned no bytes. */
static void note_end(struct omc_link *link, ssize_t taken)
{
    link->came = 0;
    if (taken == OMC_SOCKET_CLOSED)
        omc_link_note_news(link, omc_protocol_closed(link));
    else if (taken == OMC_SOCKET_ERROR)
        omc_link_note_news(link, omc_protocol_error(link, errno));
}

void omc_match_note(struct omc_link *link, ssize_t taken)
{
    if (taken > 0)
        link->came = (size_t)taken;
    else
        note_end(link, taken);
}

void omc_match_read(struct omc_link *link)
{
    omc_match_note(link, omc_answers_read(&link->conn, limit_of_call(link)));
}

ssize_t omc_match_await(struct omc_link *link)
{
    return omc_answers_await(&link->conn, limit_of_call(link), link->shared->shown);
}

/* There mostly is nothing, which is all that this costs then. */
bool omc_match_look(struct omc_link *link)
{
    ssize_t found = omc_stream_look(&link->conn.stream);

    if (found > 0)
        omc_match_read(link);
    else if (found != OMC_SOCKET_AGAIN)
        note_end(link, found);
    return found != OMC_SOCKET_AGAIN;
}
