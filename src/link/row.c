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

/* Settles the oldest requests up to the one with that number, to which there is an answer, if
 * those that are left out were quiet gets for the sink, too. */
static bool settle_silent(struct omc_link *link, uint32_t number, struct omc_sink *sink)
{
    struct omc_queue *queue = &link->conn.queue;

    if (number - queue->first >= queue->count || !omc_connection_was_sent(&link->conn, number))
        return false;
    for (uint32_t i = queue->first; i != number; i++) {
        const struct omc_pending *pending = omc_queue_slot(queue, i);

        if (!pending->quiet || !is_for_sink(pending, sink))
            return false;
    }
    while (queue->first != number) {
        struct omc_pending *front = omc_queue_slot(queue, queue->first);

        omc_counters_silence(&link->counters, front->ask.op);
        settle_front(link, front, sink);
    }
    return true;
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

/* Whether the key of a value is not another one than was asked for; of one that the caller has this
 * is known already.  It is handed out without its prefix. */
static inline bool has_right_key(const struct omc_pending *front, const struct omc_asked *asked,
                                 omcache_value_t *value)
{
    size_t prefix_len = front->claim.prefix_len;

    if (asked->key != NULL || value->key_len == 0)
        return true;
    if (!omc_queue_is_about(front, value->key, value->key_len) || value->key_len < prefix_len)
        return false;
    value->key += prefix_len;
    value->key_len -= prefix_len;
    return true;
}

/* Takes the answer that is next; where that ends, or NULL if it is not for here. */
static inline const unsigned char *take_one(struct omc_link *link, const unsigned char *at,
                                            const unsigned char *end, struct omc_sink *sink,
                                            struct tally *tally)
{
    struct omc_connection *conn = &link->conn;
    struct omc_queue *queue = &conn->queue;

    while (omc_connection_has_sent(conn) && sink->stored < sink->room) {
        struct omc_pending *front = omc_queue_slot(queue, queue->first);
        omcache_value_t *value = &sink->values[sink->stored];
        struct omc_asked asked;
        const unsigned char *behind;

        if (!is_for_sink(front, sink))
            return NULL;
        asked = omc_answers_asked(conn, front, queue->first, link->shared->settings.recv_limit);
        behind = conn->codec->usual(at, end, &asked, value);
        if (behind != NULL && has_right_key(front, &asked, value)) {
            if (omc_answers_is_silent(front, value)) {
                omc_counters_silence(&link->counters, front->ask.op);
            } else {
                add_to_tally(link, tally, front, value->status);
                sink->stored++;
            }
            settle_front(link, front, sink);
            return behind;
        }
        if (asked.number == queue->first || !settle_silent(link, asked.number, sink))
            return NULL;
    }
    return NULL;
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
