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
                                const struct omc_pending *pending, int status)
{
    if (pending->claim.asked != tally->asked || status != tally->status ||
        pending->ask.op != tally->op) {
        flush_tally(link, tally);
        *tally = (struct tally){pending->claim.asked, 0, status, pending->ask.op};
    }
    tally->count++;
}

/* How far the answers have been read.  The requests stay in the queue until all that are usual have
 * been, and leave it together. */
struct row {
    uint32_t next;          /* the oldest request that has not been answered */
    size_t data_max;        /* of a value */
    omcache_value_t *value; /* where the next one goes, */
    omcache_value_t *end;   /* if there is room for one */
    struct tally tally;
};

/* Whether the answer to a request can be for the sink. */
static inline bool may_answer(const struct omc_link *link, uint32_t number,
                              const struct omc_sink *sink)
{
    return number != link->conn.begun &&
           is_for_sink(omc_queue_slot(&link->conn.queue, number), sink);
}

/* The same for one behind the oldest, which leaves out those in front of it: they have to be quiet
 * gets for the sink, too. */
static bool may_leave_out(const struct omc_link *link, const struct row *row, uint32_t number,
                          const struct omc_sink *sink)
{
    if (number - row->next >= link->conn.begun - row->next || !may_answer(link, number, sink))
        return false;
    for (uint32_t i = row->next; i != number; i++) {
        const struct omc_pending *pending = omc_queue_slot(&link->conn.queue, i);

        if (!pending->quiet || !is_for_sink(pending, sink))
            return false;
    }
    return true;
}

/* Notes that the next request is over. */
static inline void pass(const struct omc_link *link, struct row *row)
{
    omc_queue_slot(&link->conn.queue, row->next++)->claim.asker->link = NULL;
}

/* Reads the usual answer to the request with that number, if that is next: where it ends, or NULL.
 * *number becomes that of another request if it is to that. */
static inline const unsigned char *read_usual_answer(const struct omc_link *link,
                                                     const struct row *row, uint32_t *number,
                                                     const unsigned char *at,
                                                     const unsigned char *end)
{
    const struct omc_connection *conn = &link->conn;
    const struct omc_pending *pending = omc_queue_slot(&conn->queue, *number);
    struct omc_asked asked = omc_answers_asked(conn, pending, *number, row->data_max);
    const unsigned char *behind = conn->codec->usual(at, end, &asked, row->value);

    *number = asked.number;
    return behind != NULL && omc_answers_has_right_key(pending, &asked, row->value) ? behind : NULL;
}

/* The same for one behind the oldest.  Those that it leaves out are passed when all of it has been
 * looked at. */
static const unsigned char *read_later(struct omc_link *link, struct row *row, uint32_t number,
                                       const unsigned char *at, const unsigned char *end,
                                       const struct omc_sink *sink)
{
    const unsigned char *behind = NULL;
    uint32_t answered = number;

    if (may_leave_out(link, row, number, sink))
        behind = read_usual_answer(link, row, &answered, at, end);
    if (behind == NULL)
        return NULL;
    while (row->next != number) {
        omc_counters_silence(&link->counters, omc_queue_slot(&link->conn.queue, row->next)->ask.op);
        pass(link, row);
    }
    return behind;
}

/* Takes the answer that is next; where that ends, or NULL if it is not for here. */
static inline const unsigned char *take_one(struct omc_link *link, struct row *row,
                                            const unsigned char *at, const unsigned char *end,
                                            const struct omc_sink *sink)
{
    uint32_t number = row->next;
    const unsigned char *behind;
    struct omc_pending *answered;

    if (row->value == row->end || !may_answer(link, number, sink))
        return NULL;
    behind = read_usual_answer(link, row, &number, at, end);
    if (behind == NULL && number != row->next)
        behind = read_later(link, row, number, at, end, sink);
    if (behind == NULL)
        return NULL;
    answered = omc_queue_slot(&link->conn.queue, row->next);
    if (omc_answers_is_silent(answered, row->value))
        omc_counters_silence(&link->counters, answered->ask.op);
    else
        add_to_tally(link, &row->tally, answered, row->value++->status);
    pass(link, row);
    return behind;
}

bool omc_row_take(struct omc_link *link, struct omc_sink *sink, int64_t now)
{
    struct omc_connection *conn = &link->conn;
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t size = omc_buffer_size(buffer);
    const unsigned char *begin, *end, *at, *next;
    struct row row;

    if (sink == NULL || sink->stored == sink->room || size == 0 || conn->message > size)
        return false;
    row = (struct row){
        .next = conn->queue.first,
        .data_max = omc_answers_data_max(link->shared->settings.recv_limit),
        .value = sink->values + sink->stored,
        .end = sink->values + sink->room,
    };
    begin = at = omc_buffer_data(buffer);
    end = begin + size;
    while (at < end && (next = take_one(link, &row, at, end, sink)) != NULL)
        at = next;
    if (at == begin)
        return false;
    flush_tally(link, &row.tally);
    sink->stored = (size_t)(row.value - sink->values);
    sink->settled += row.next - conn->queue.first;
    omc_queue_settle_oldest(&conn->queue, row.next - conn->queue.first);
    omc_inbox_pin(&conn->in, omc_inbox_level_of_call(sink->depth));
    omc_link_note_answer(link, now);
    omc_buffer_consume(buffer, (size_t)(at - begin));
    conn->message = 0;
    if (at < end)
        return false;
    omc_inbox_rest(&conn->in, 0);
    return true;
}
