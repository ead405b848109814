/*
 * Reading what the peer of a connection says; see answers.h.
 */
#include "link/answers.h"

#include <errno.h>

#include "net/socket.h"
#include "proto/line.h"

/* Notes what a read has returned. */
static inline ssize_t note_read(struct omc_connection *conn, ssize_t count)
{
    omc_inbox_commit(&conn->in, count > 0 ? (size_t)count : 0);
    if (count > 0) {
        conn->bytes_in += (uint64_t)count;
    } else if (count == OMC_SOCKET_AGAIN) {
        conn->futile = conn->excused;
        omc_inbox_rest(&conn->in, conn->message);
    }
    return count;
}

ssize_t omc_answers_await(struct omc_connection *conn, size_t limit, bool is_shown)
{
    struct omc_buffer *buffer = &conn->in.buffer;

    if (omc_inbox_make_room(&conn->in, &conn->pool->chunks, conn->message, limit) != OMC_INBOX_ROOM)
        return OMC_SOCKET_AGAIN;
    return note_read(conn, omc_stream_await(&conn->stream, omc_buffer_tail(buffer),
                                            omc_buffer_room(buffer), is_shown));
}

ssize_t omc_answers_read(struct omc_connection *conn, size_t limit)
{
    struct omc_buffer *buffer = &conn->in.buffer;

    switch (omc_inbox_make_room(&conn->in, &conn->pool->chunks, conn->message, limit)) {
    case OMC_INBOX_STALLED:
        conn->stalled = true;
        omc_inbox_rest(&conn->in, conn->message);
        return OMC_SOCKET_AGAIN;
    case OMC_INBOX_NO_MEMORY:
        errno = ENOMEM;
        return OMC_SOCKET_ERROR;
    case OMC_INBOX_ROOM:
        break;
    }
    return note_read(
        conn, omc_stream_receive(&conn->stream, omc_buffer_tail(buffer), omc_buffer_room(buffer)));
}

static bool find_by_opaque(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct omc_connection *conn = context;
    const struct omc_pending *pending = omc_queue_find(&conn->queue, opaque);

    if (pending == NULL)
        return false;
    found->opaque = opaque;
    found->opcode = pending->ask.op;
    return true;
}

/* Whether the line that a request was written on goes on with the next one. */
static bool goes_on(const struct omc_connection *conn, uint32_t number)
{
    const struct omc_queue *queue = &conn->queue;

    return ++number != omc_queue_next(queue) && omc_connection_was_sent(conn, number) &&
           omc_queue_slot(queue, number)->joined;
}

bool omc_answers_is_shared(const struct omc_connection *conn, uint32_t number)
{
    while (goes_on(conn, number)) {
        if (!omc_queue_slot(&conn->queue, ++number)->settled)
            return true;
    }
    return false;
}

/* The oldest request that is sure to be answered; or one in front of it, if unheard ones count. */
static inline bool find_first(const struct omc_connection *conn, bool unheard_too,
                              struct omc_expected *found)
{
    const struct omc_queue *queue = &conn->queue;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (pending == NULL || (pending->quiet && !(unheard_too && omc_queue_is_unheard(pending))))
            continue;
        *found = (struct omc_expected){
            .opaque = queue->first + i,
            .opcode = pending->ask.op,
            .first = i == 0,
            .shared = omc_answers_is_shared(conn, queue->first + i),
        };
        return omc_connection_was_sent(conn, queue->first + i);
    }
    return false;
}

static bool find_oldest(const void *context, struct omc_expected *found)
{
    return find_first(context, false, found);
}

static bool find_oldest_or_unheard(const void *context, struct omc_expected *found)
{
    return find_first(context, true, found);
}

/* Of those on the line of a request, not answered and about a key, the first whose key somebody
 * has, as then there is no doubt about it; else the first.  False if there is none. */
static bool find_on_line(const struct omc_connection *conn, uint32_t first,
                         const unsigned char *key, size_t len, uint32_t *found)
{
    bool any = false;

    for (uint32_t number = first;; number++) {
        const struct omc_pending *pending = omc_queue_slot(&conn->queue, number);

        if (!pending->settled && omc_queue_is_about(pending, key, len)) {
            if (!any)
                *found = number;
            any = true;
            if (omc_queue_has_key(&pending->claim)) {
                *found = number;
                return true;
            }
        }
        if (!goes_on(conn, number))
            return any;
    }
}

/* The oldest one shares its line with those behind it; any other with that one. */
static bool find_by_key(const void *context, const unsigned char *key, size_t len,
                        struct omc_expected *found)
{
    const struct omc_connection *conn = context;
    uint32_t number;

    if (!find_oldest(conn, found) || !find_on_line(conn, found->opaque, key, len, &number))
        return false;
    if (number != found->opaque)
        *found = (struct omc_expected){
            .opaque = number,
            .opcode = omc_queue_slot(&conn->queue, number)->ask.op,
            .shared = true,
        };
    return true;
}

/* Whether the rest of a message has not come of which the codec has seen the beginning, and with
 * that all that could be wrong with it.  (Of a short one it may have seen too little.) */
static inline bool is_rest_missing(const struct omc_connection *conn, size_t size)
{
    return size < conn->message && size > OMC_LINE_MAX;
}

enum omc_decode omc_answers_next(struct omc_connection *conn, size_t limit, struct omc_reply *reply,
                                 struct omc_pending **answered)
{
    struct omc_queue *queue = &conn->queue;
    struct omc_pending *front = omc_queue_find(queue, queue->first);
    const struct omc_expect expect = {
        .context = conn,
        .by_opaque = find_by_opaque,
        .oldest = find_oldest,
        .oldest_or_unheard = find_oldest_or_unheard,
        .by_key = find_by_key,
    };
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t size = omc_buffer_size(buffer), used = 0;
    enum omc_decode result;

    if (is_rest_missing(conn, size)) {
        omc_inbox_rest(&conn->in, conn->message);
        return OMC_DECODE_MORE;
    }
    conn->message = 0;
    if (size == 0) {
        omc_inbox_rest(&conn->in, 0);
        return OMC_DECODE_MORE;
    }
    result = conn->codec->decode(buffer->base + buffer->start, size, limit, &expect, reply, &used);
    if (result == OMC_DECODE_REPLY) {
        *answered = reply->opaque == queue->first ? front : omc_queue_find(queue, reply->opaque);
        omc_buffer_consume(buffer, used);
    } else if (result == OMC_DECODE_MORE) {
        conn->message = used;
        omc_inbox_rest(&conn->in, used);
    }
    return result;
}
