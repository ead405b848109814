/*
 * Rows of usual answers; see row.h.
 */
#include "link/row.h"

#include "link/answers.h"
#include "proto/opcode.h"

/* Whether a request was asked by a call whose answers go to the sink, and the next answer is all
 * that there is to be done about it. */
static inline bool is_for_sink(const struct omc_pending *pending, const struct omc_sink *sink)
{
    return pending->claim.owner == OMC_OWNER_BATCH &&
           (uintptr_t)pending->claim.asker - (uintptr_t)sink->orders < sink->orders_size &&
           pending->claim.counter == NULL && !pending->settled && !pending->half;
}

/* Lets the oldest request, which is for the sink, leave the queue. */
static inline void settle_front(struct omc_link *link, struct omc_pending *front,
                                struct omc_sink *sink)
{
    front->claim.asker->link = NULL;
    omc_queue_settle(&link->conn.queue, front);
    sink->settled++;
}

/* Whether an answer to the request with that number can be for the sink, and those in front of it
 * are quiet gets for that, too, which it leaves out. */
static bool may_leave_out(const struct omc_link *link, uint32_t number, const struct omc_sink *sink)
{
    const struct omc_queue *queue = &link->conn.queue;

    if (number - queue->first >= queue->count || !omc_connection_was_sent(&link->conn, number))
        return false;
    for (uint32_t i = queue->first; i != number; i++) {
        const struct omc_pending *pending = omc_queue_slot(queue, i);

        if (!pending->quiet || !is_for_sink(pending, sink))
            return false;
    }
    return is_for_sink(omc_queue_slot(queue, number), sink);
}

/* Settles those that were left out. */
static void settle_left_out(struct omc_link *link, uint32_t number, struct omc_sink *sink)
{
    struct omc_queue *queue = &link->conn.queue;

    while (queue->first != number) {
        struct omc_pending *front = omc_queue_slot(queue, queue->first);

        omc_counters_silence(&link->counters, front->ask.op);
        settle_front(link, front, sink);
    }
}

/* Answers that are to be counted: all to requests that were asked at the same time, as those of a
 * call are. */
struct tally {
    uint32_t asked;
    uint32_t count;
    int status;
    uint8_t op;
};

static inline void flush_tally(struct omc_link *link, const struct tally *tally)
{
    if (tally->count > 0)
        omc_counters_answers(&link->counters, tally->op, tally->status,
                             link->shared->usec - tally->asked, tally->count);
}

/* Counts another one. */
static inline void add_to_tally(struct omc_link *link, struct tally *tally,
                                const struct omc_pending *front, int status)
{
    if (front->claim.asked != tally->asked || status != tally->status ||
        front->ask.op != tally->op) {
        flush_tally(link, tally);
        *tally = (struct tally){front->claim.asked, 0, status, front->ask.op};
    }
    tally->count++;
}

/* Reads the usual answer to the request with that number, if that is next: where it ends, or NULL.
 * *number becomes that of another request if it is to that. */
static inline const unsigned char *read_usual_answer(const struct omc_link *link, uint32_t *number,
                                                     const unsigned char *at,
                                                     const unsigned char *end,
                                                     omcache_value_t *value)
{
    const struct omc_connection *conn = &link->conn;
    const struct omc_pending *pending = omc_queue_slot(&conn->queue, *number);
    struct omc_asked asked =
        omc_answers_asked(conn, pending, *number, link->shared->settings.recv_limit);
    const unsigned char *behind = conn->codec->usual(at, end, &asked, value);

    *number = asked.number;
    return behind != NULL && omc_answers_has_right_key(pending, &asked, value) ? behind : NULL;
}

/* The same for a request behind the oldest.  What is in front of it is settled when all of the
 * answer has been looked at. */
static const unsigned char *read_later(struct omc_link *link, uint32_t number,
                                       const unsigned char *at, const unsigned char *end,
                                       struct omc_sink *sink)
{
    const unsigned char *behind = NULL;
    uint32_t answered = number;

    if (may_leave_out(link, number, sink))
        behind = read_usual_answer(link, &answered, at, end, &sink->values[sink->stored]);
    if (behind != NULL)
        settle_left_out(link, number, sink);
    return behind;
}

/* Takes the answer that is next; where that ends, or NULL if it is not for here. */
static inline const unsigned char *take_one(struct omc_link *link, const unsigned char *at,
                                            const unsigned char *end, struct omc_sink *sink,
                                            struct tally *tally)
{
    struct omc_queue *queue = &link->conn.queue;
    omcache_value_t *value = &sink->values[sink->stored];
    uint32_t number = queue->first;
    const unsigned char *behind;
    struct omc_pending *front;

    if (!omc_connection_has_sent(&link->conn) || sink->stored == sink->room ||
        !is_for_sink(omc_queue_slot(queue, number), sink))
        return NULL;
    behind = read_usual_answer(link, &number, at, end, value);
    if (behind == NULL && number != queue->first)
        behind = read_later(link, number, at, end, sink);
    if (behind == NULL)
        return NULL;
    front = omc_queue_slot(queue, queue->first);
    if (omc_answers_is_silent(front, value)) {
        omc_counters_silence(&link->counters, front->ask.op);
    } else {
        add_to_tally(link, tally, front, value->status);
        sink->stored++;
    }
    settle_front(link, front, sink);
    return behind;
}

bool omc_row_take(struct omc_link *link, struct omc_sink *sink, int64_t now)
{
    struct omc_connection *conn = &link->conn;
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t size = omc_buffer_size(buffer);
    const unsigned char *begin, *end, *at, *next;
    struct tally tally = {.count = 0};

    if (sink == NULL || sink->stored == sink->room || size == 0 || conn->message > size)
        return false;
    begin = at = omc_buffer_data(buffer);
    end = begin + size;
    while (at < end && (next = take_one(link, at, end, sink, &tally)) != NULL)
        at = next;
    flush_tally(link, &tally);
    if (at == begin)
        return false;
    omc_inbox_pin(&conn->in, sink->level);
    omc_link_note_answer(link, now);
    omc_buffer_consume(buffer, (size_t)(at - begin));
    conn->message = 0;
    if (at < end)
        return false;
    omc_inbox_rest(&conn->in, 0);
    return true;
}
