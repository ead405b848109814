/*
 * Bytes and requests of one connection; see connection.h.
 */
#include "core/connection.h"

#include <errno.h>
#include <string.h>

#include "net/socket.h"
#include "proto/binary.h"
#include "proto/opcode.h"
#include "proto/request.h"

enum {
    OUT_KEPT = 65536, /* an empty send buffer larger than this is given back */
};

static const omcache_req_t noop = {.header = {.opcode = OMC_OP_NOOP}};
static const struct omc_prefix no_prefix;

void omc_connection_init(struct omc_connection *conn, uint32_t first_number)
{
    memset(conn, 0, sizeof(*conn));
    conn->fd = -1;
    conn->codec = &omc_binary_codec;
    omc_buffer_init(&conn->out);
    omc_inbox_init(&conn->in);
    omc_queue_init(&conn->queue, first_number);
}

void omc_connection_fini(struct omc_connection *conn)
{
    struct omc_leftovers leftovers;

    omc_connection_close(conn, &leftovers);
    omc_leftovers_fini(&leftovers);
    omc_inbox_fini(&conn->in);
}

void omc_connection_close(struct omc_connection *conn, struct omc_leftovers *leftovers)
{
    *leftovers = (struct omc_leftovers){conn->codec, conn->queue, conn->out, conn->written};
    omc_queue_init(&conn->queue, omc_queue_next(&leftovers->queue));
    omc_buffer_init(&conn->out);
    omc_inbox_discard(&conn->in);
    conn->fd = -1;
    conn->message = 0;
    conn->hello_left = 0;
    conn->blocked = false;
    conn->broken = 0;
    conn->expecting = false;
    conn->stalled = false;
}

/* The number in front of the oldest request's belongs to none. */
void omc_connection_open(struct omc_connection *conn, int fd, int64_t now)
{
    conn->fd = fd;
    conn->hello_number = conn->queue.first - 1;
    conn->hello_left = conn->codec->head_size(&noop, 0);
    conn->codec->encode_head(conn->hello, &noop, no_prefix, conn->hello_number);
    conn->since = now;
    conn->expecting = true;
}

bool omc_connection_is_hello(const struct omc_connection *conn, const struct omc_reply *reply)
{
    return reply->opaque == conn->hello_number && reply->opcode == OMC_OP_NOOP &&
           conn->hello_left == 0;
}

/* Counts bytes that the kernel took against what was offered, in its order. */
static void consume_written(struct omc_connection *conn, size_t count)
{
    size_t hello = count < conn->hello_left ? count : conn->hello_left;

    conn->bytes_out += count;
    conn->hello_left -= hello;
    omc_buffer_consume(&conn->out, count - hello);
    conn->written += count - hello;
}

/* The dead timeout runs from the first attempt to write after silence on both
 * sides.  Later writes prove nothing, the kernel takes them even if the peer is
 * dead; but if it was full and takes more, the peer is taking, too. */
static void note_written(struct omc_connection *conn, int64_t now)
{
    if (!conn->expecting || conn->blocked)
        conn->since = now;
    conn->expecting = true;
}

/* Writes hello, out and data in one go; how much of data was written is *sent. */
static bool write_all(struct omc_connection *conn, const unsigned char *data, size_t len,
                      size_t *sent, int64_t now)
{
    size_t unsent = omc_connection_unsent(conn);
    size_t ours = conn->hello_left + unsent;
    struct iovec pieces[3];
    size_t count = 0;
    ssize_t taken;

    *sent = 0;
    if (conn->hello_left > 0)
        pieces[count++] = (struct iovec){
            conn->hello + conn->codec->head_size(&noop, 0) - conn->hello_left, conn->hello_left};
    if (unsent > 0)
        pieces[count++] = (struct iovec){conn->out.base + conn->out.start, unsent};
    if (len > 0) /* only read from, as iovec cannot say */
        pieces[count++] = (struct iovec){(void *)(uintptr_t)data, len};
    taken = omc_socket_write(conn->fd, pieces, count);
    if (taken < 0)
        return false;
    if (taken > 0 || !conn->expecting)
        note_written(conn, now);
    conn->blocked = (size_t)taken < ours + len;
    if ((size_t)taken > ours)
        *sent = (size_t)taken - ours;
    consume_written(conn, (size_t)taken - *sent);
    conn->written += *sent;
    conn->bytes_out += *sent;
    omc_buffer_trim(&conn->out, OUT_KEPT);
    return true;
}

bool omc_connection_flush(struct omc_connection *conn, int64_t now)
{
    size_t sent;

    return write_all(conn, NULL, 0, &sent, now);
}

size_t omc_connection_size(const struct omc_connection *conn, const omcache_req_t *req,
                           struct omc_prefix prefix)
{
    return conn->codec->head_size(req, prefix.len) + omc_request_data_len(req);
}

/* Queues a request and encodes its head, with room for `room` bytes behind it. */
static int queue_head(struct omc_connection *conn, const omcache_req_t *req,
                      struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                      size_t room)
{
    size_t head_size = conn->codec->head_size(req, prefix.len);
    size_t size = head_size + omc_request_data_len(req);
    size_t unsent = omc_connection_unsent(conn), used;
    struct omc_pending queued = *pending;

    if (unsent > limit || size > limit - unsent)
        return OMCACHE_BUFFER_FULL;
    if (!omc_queue_reserve(&conn->queue) || !omc_buffer_reserve(&conn->out, head_size + room))
        return OMCACHE_FAIL;
    used = conn->codec->encode_head(omc_buffer_tail(&conn->out), req, prefix,
                                    omc_queue_next(&conn->queue));
    if (used == 0)
        return OMCACHE_INVALID;
    omc_buffer_commit(&conn->out, used);
    queued.start = conn->written + unsent;
    queued.opcode = req->header.opcode;
    queued.quiet = conn->codec->is_quiet(req->header.opcode);
    omc_queue_push(&conn->queue, &queued);
    return OMCACHE_OK;
}

int omc_connection_submit(struct omc_connection *conn, const omcache_req_t *req,
                          struct omc_prefix prefix, const struct omc_pending *pending, size_t limit)
{
    size_t data_len = omc_request_data_len(req);
    int rc = queue_head(conn, req, prefix, pending, limit, data_len);

    if (rc == OMCACHE_OK)
        omc_buffer_append(&conn->out, req->data, data_len);
    return rc;
}

int omc_connection_send(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                        int64_t now)
{
    size_t data_len = omc_request_data_len(req), sent;
    int rc = queue_head(conn, req, prefix, pending, limit, 0);

    if (rc != OMCACHE_OK)
        return rc;
    if (!write_all(conn, req->data, data_len, &sent, now))
        conn->broken = errno;
    if (omc_buffer_append(&conn->out, req->data + sent, data_len - sent))
        return OMCACHE_OK;
    if (sent > 0 || omc_queue_last(&conn->queue)->start < conn->written) {
        /* Half a request is on its way and the other half is lost. */
        conn->broken = ENOMEM;
        return OMCACHE_OK;
    }
    omc_buffer_truncate(&conn->out,
                        omc_connection_unsent(conn) - conn->codec->head_size(req, prefix.len));
    omc_queue_pop(&conn->queue);
    return OMCACHE_FAIL;
}

void omc_connection_fence(struct omc_connection *conn)
{
    static const struct omc_pending fence = {.fence = true};
    const struct omc_pending *last = omc_queue_last(&conn->queue);

    if (last != NULL && last->quiet && !last->forgotten)
        queue_head(conn, &noop, no_prefix, &fence, SIZE_MAX, 0);
}

ssize_t omc_connection_read(struct omc_connection *conn, size_t limit, int64_t now)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    ssize_t count;

    switch (omc_inbox_make_room(&conn->in, conn->message, limit)) {
    case OMC_INBOX_STALLED:
        conn->stalled = true;
        return OMC_SOCKET_AGAIN;
    case OMC_INBOX_NO_MEMORY:
        errno = ENOMEM;
        return OMC_SOCKET_ERROR;
    case OMC_INBOX_ROOM:
        break;
    }
    count = omc_socket_read(conn->fd, omc_buffer_tail(buffer), omc_buffer_room(buffer));
    if (count > 0) {
        omc_buffer_commit(buffer, (size_t)count);
        conn->bytes_in += (uint64_t)count;
        conn->since = now;
    }
    return count;
}

enum omc_decode omc_connection_next(struct omc_connection *conn, size_t limit,
                                    struct omc_reply *reply)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t size = omc_buffer_size(buffer), used = 0;
    enum omc_decode result;

    conn->message = 0;
    if (size == 0)
        return OMC_DECODE_MORE;
    result = conn->codec->decode(buffer->base + buffer->start, size, limit, NULL, reply, &used);
    if (result == OMC_DECODE_REPLY)
        omc_buffer_consume(buffer, used);
    else if (result == OMC_DECODE_MORE)
        conn->message = used;
    return result;
}

void omc_connection_settle(struct omc_connection *conn, struct omc_pending *pending)
{
    omc_queue_settle(&conn->queue, pending);
    if (conn->queue.open == 0)
        conn->expecting = false;
}

bool omc_connection_forget(struct omc_connection *conn)
{
    struct omc_queue *queue = &conn->queue;
    struct omc_pending *last;

    for (last = omc_queue_last(queue); last != NULL && last->start >= conn->written;
         last = omc_queue_last(queue)) {
        omc_buffer_truncate(&conn->out, (size_t)(last->start - conn->written));
        omc_queue_pop(queue);
    }
    omc_queue_forget(queue);
    conn->expecting = false;
    return omc_connection_unsent(conn) == 0;
}
