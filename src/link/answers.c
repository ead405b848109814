/*
 * Reading what the peer of a connection says; see answers.h.
 */
#include "link/answers.h"

#include <errno.h>

#include "net/socket.h"

bool omc_answers_await(struct omc_connection *conn, size_t limit)
{
    struct omc_buffer *buffer = &conn->in.buffer;

    if (omc_inbox_make_room(&conn->in, &conn->pool->chunks, conn->message, limit) != OMC_INBOX_ROOM)
        return false;
    conn->count = omc_stream_await(&conn->stream, omc_buffer_tail(buffer), omc_buffer_room(buffer));
    if (conn->count < 0)
        conn->error = errno;
    conn->awaited = conn->count != OMC_SOCKET_AGAIN;
    if (!conn->awaited) {
        omc_inbox_commit(&conn->in, 0);
        omc_inbox_rest(&conn->in, conn->message);
    }
    return conn->awaited;
}

/* Reads into what room there is, or has been read into. */
static ssize_t read_once(struct omc_connection *conn, size_t limit)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    ssize_t count;

    if (conn->awaited) {
        conn->awaited = false;
        errno = conn->error;
        omc_inbox_commit(&conn->in, conn->count > 0 ? (size_t)conn->count : 0);
        return conn->count;
    }
    switch (omc_inbox_make_room(&conn->in, &conn->pool->chunks, conn->message, limit)) {
    case OMC_INBOX_STALLED:
        conn->stalled = true;
        return OMC_SOCKET_AGAIN;
    case OMC_INBOX_NO_MEMORY:
        errno = ENOMEM;
        return OMC_SOCKET_ERROR;
    case OMC_INBOX_ROOM:
        break;
    }
    count = omc_stream_receive(&conn->stream, omc_buffer_tail(buffer), omc_buffer_room(buffer));
    omc_inbox_commit(&conn->in, count > 0 ? (size_t)count : 0);
    return count;
}

ssize_t omc_answers_read(struct omc_connection *conn, size_t limit)
{
    ssize_t count = read_once(conn, limit);

    if (count > 0)
        conn->bytes_in += (uint64_t)count;
    else if (count == OMC_SOCKET_AGAIN)
        omc_inbox_rest(&conn->in, conn->message);
    return count;
}

static bool find_by_opaque(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct omc_connection *conn = context;
    const struct omc_pending *pending = omc_queue_find(&conn->queue, opaque);

    if (pending == NULL)
        return false;
    *found = (struct omc_expected){.opaque = opaque, .opcode = pending->ask.op};
    return true;
}

static bool find_oldest(const void *context, struct omc_expected *found)
{
    const struct omc_connection *conn = context;
    const struct omc_queue *queue = &conn->queue;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (pending == NULL || pending->quiet)
            continue;
        *found = (struct omc_expected){
            .opaque = queue->first + i,
            .opcode = pending->ask.op,
            .first = i == 0,
            .key_sum = pending->key_sum,
        };
        return omc_connection_was_sent(conn, queue->first + i);
    }
    return false;
}

enum omc_decode omc_answers_next(struct omc_connection *conn, size_t limit, struct omc_reply *reply)
{
    const struct omc_expect expect = {conn, find_by_opaque, find_oldest};
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t size = omc_buffer_size(buffer), used = 0;
    enum omc_decode result;

    conn->message = 0;
    if (size == 0) {
        omc_inbox_rest(&conn->in, 0);
        return OMC_DECODE_MORE;
    }
    result = conn->codec->decode(buffer->base + buffer->start, size, limit, &expect, reply, &used);
    if (result == OMC_DECODE_REPLY) {
        omc_buffer_consume(buffer, used);
    } else if (result == OMC_DECODE_MORE) {
        conn->message = used;
        omc_inbox_rest(&conn->in, used);
    }
    return result;
}

bool omc_answers_peek(struct omc_connection *conn, size_t limit, struct omc_reply *reply)
{
    const struct omc_expect expect = {conn, find_by_opaque, find_oldest};
    size_t used;

    return conn->count > 0 && !conn->stream.pending &&
           conn->codec->decode(omc_buffer_tail(&conn->in.buffer), (size_t)conn->count, limit,
                               &expect, reply, &used) == OMC_DECODE_REPLY &&
           used == (size_t)conn->count;
}

/* The bytes are used, which stay where they are. */
void omc_answers_take(struct omc_connection *conn)
{
    conn->awaited = false;
    conn->bytes_in += (uint64_t)conn->count;
    omc_inbox_commit(&conn->in, (size_t)conn->count);
    omc_buffer_consume(&conn->in.buffer, (size_t)conn->count);
}
