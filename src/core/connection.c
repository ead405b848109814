/*
 * Bytes and requests of one connection; see connection.h.
 */
#include "core/connection.h"

#include <errno.h>
#include <string.h>

#include "core/counter.h"
#include "core/translate.h"
#include "net/socket.h"
#include "proto/opcode.h"
#include "proto/request.h"

static const omcache_req_t noop = {.header = {.opcode = OMC_OP_NOOP}};
static const struct omc_prefix no_prefix;

void omc_connection_init(struct omc_connection *conn, struct omc_pool *pool, uint32_t first_number)
{
    memset(conn, 0, sizeof(*conn));
    conn->pool = pool;
    conn->fd = -1;
    conn->codec = omc_translate_codec(OMCACHE_PROTOCOL_AUTO);
    omc_buffer_init(&conn->out);
    omc_inbox_init(&conn->in);
    omc_queue_init(&conn->queue, &pool->blocks, first_number);
}

void omc_connection_fini(struct omc_connection *conn)
{
    struct omc_leftovers leftovers;

    omc_connection_close(conn, &leftovers);
    omc_leftovers_fini(&leftovers);
    omc_inbox_fini(&conn->in);
}

void omc_connection_leave(struct omc_connection *conn)
{
    omc_inbox_discard(&conn->in);
    conn->fd = -1;
    conn->message = 0;
    conn->hello_left = 0;
    conn->blocked = false;
    conn->broken = 0;
    conn->expecting = false;
    conn->patient = false;
    conn->awaited = false;
    conn->stalled = false;
}

void omc_connection_close(struct omc_connection *conn, struct omc_leftovers *leftovers)
{
    *leftovers = (struct omc_leftovers){conn->codec, conn->queue, conn->out, conn->written};
    omc_queue_init(&conn->queue, &conn->pool->blocks, omc_queue_next(&leftovers->queue));
    omc_buffer_init(&conn->out);
    omc_connection_leave(conn);
}

/* The number in front of the oldest request's belongs to none. */
void omc_connection_open(struct omc_connection *conn, int fd, int protocol, int64_t now)
{
    conn->fd = fd;
    conn->hello_number = conn->queue.first - 1;
    conn->hello_len = omc_hello_write(conn->hello, protocol, conn->hello_number);
    conn->hello_left = conn->hello_len;
    conn->since = now;
    conn->expecting = true;
}

enum omc_hello omc_connection_read_hello(struct omc_connection *conn, int protocol,
                                         const char **problem)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t used = 0;
    enum omc_hello hello = omc_hello_read(omc_buffer_data(buffer), omc_buffer_size(buffer),
                                          protocol, conn->hello_number, &used, problem);

    omc_buffer_consume(buffer, used);
    return hello;
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

/* What follows the bytes in `out`: a request's data, from where they are, and what the
 * protocol puts behind them. */
struct rest {
    const unsigned char *data;
    size_t data_len;
    size_t tail_len;
};

/* Only read from, as iovec cannot say. */
static struct iovec piece(const void *bytes, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)bytes, len};
}

/* Takes as much of a number off what is left as possible; how much that is. */
static ssize_t take_off(size_t *left, size_t number)
{
    size_t taken = number < *left ? number : *left;

    *left -= taken;
    return (ssize_t)taken;
}

/* Writes hello, out and the rest in one go; how much of the rest was written is *sent. */
static bool write_all(struct omc_connection *conn, const struct rest *rest, size_t *sent,
                      int64_t now)
{
    size_t unsent = conn->protocol == OMCACHE_PROTOCOL_AUTO ? 0 : omc_connection_unsent(conn);
    size_t all = conn->hello_left + unsent + rest->data_len + rest->tail_len;
    struct iovec pieces[4];
    size_t count = 0;
    ssize_t taken;

    *sent = 0;
    if (conn->hello_left > 0)
        pieces[count++] = piece(conn->hello + conn->hello_len - conn->hello_left, conn->hello_left);
    if (unsent > 0)
        pieces[count++] = piece(conn->out.base + conn->out.start, unsent);
    if (rest->data_len > 0)
        pieces[count++] = piece(rest->data, rest->data_len);
    if (rest->tail_len > 0)
        pieces[count++] = piece(OMC_CODEC_TAIL, rest->tail_len);
    taken = omc_socket_write(conn->fd, pieces, count);
    if (taken < 0)
        return false;
    if (taken > 0 || !conn->expecting)
        note_written(conn, now);
    conn->blocked = (size_t)taken < all;
    conn->bytes_out += (size_t)taken;
    taken -= take_off(&conn->hello_left, (size_t)taken);
    conn->written += (size_t)taken;
    *sent = (size_t)taken > unsent ? (size_t)taken - unsent : 0;
    omc_buffer_consume(&conn->out, (size_t)taken - *sent);
    if (omc_buffer_size(&conn->out) == 0)
        omc_blocks_release(&conn->pool->blocks, &conn->out);
    return true;
}

bool omc_connection_flush(struct omc_connection *conn, int64_t now)
{
    static const struct rest nothing;
    size_t sent;

    return write_all(conn, &nothing, &sent, now);
}

size_t omc_connection_size(const struct omc_connection *conn, const omcache_req_t *req,
                           struct omc_prefix prefix)
{
    return conn->codec->head_size(req, prefix.len) + omc_request_data_len(req) +
           conn->codec->tail_size(req->header.opcode);
}

/* Queues a request and encodes its head, with room for `room` bytes behind it; `size`
 * bytes will follow it sooner or later. */
static int queue_head(struct omc_connection *conn, const omcache_req_t *req,
                      struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                      size_t size, size_t room)
{
    const struct omc_codec *codec = conn->codec;
    size_t unsent = omc_connection_unsent(conn), used;
    struct omc_counter *counter = pending->counter;
    struct omc_pending *queued;

    if (unsent > limit || size > limit - unsent)
        return OMCACHE_BUFFER_FULL;
    if (!omc_queue_reserve(&conn->queue) ||
        !omc_blocks_reserve(&conn->pool->blocks, &conn->out, OMC_CODEC_HEAD_MAX + room))
        return OMCACHE_NO_MEMORY;
    used =
        codec->encode_head(omc_buffer_tail(&conn->out), req, prefix, omc_queue_next(&conn->queue));
    if (used == 0)
        return OMCACHE_INVALID;
    if (used > limit - unsent - size)
        return OMCACHE_BUFFER_FULL;
    if (counter == NULL && codec->lacks_initial && omc_counter_is_needed(codec, req) &&
        (counter = omc_counter_new(req, prefix)) == NULL)
        return OMCACHE_NO_MEMORY;
    omc_buffer_commit(&conn->out, used);
    queued = omc_queue_push(&conn->queue, pending);
    queued->start = conn->written + unsent;
    queued->counter = counter;
    queued->key_sum = omc_codec_key_sum(codec, req, prefix);
    queued->opcode = req->header.opcode;
    queued->quiet = codec->is_quiet(req->header.opcode);
    return OMCACHE_OK;
}

/* Copies what follows a request's head behind it, but for the first `sent` bytes;
 * false without memory. */
static bool copy_rest(struct omc_connection *conn, const struct rest *rest, size_t sent)
{
    size_t data_sent = sent < rest->data_len ? sent : rest->data_len;

    if (!omc_blocks_reserve(&conn->pool->blocks, &conn->out,
                            rest->data_len + rest->tail_len - sent))
        return false;
    if (data_sent < rest->data_len) /* else there may be no data at all */
        omc_buffer_append(&conn->out, rest->data + data_sent, rest->data_len - data_sent);
    omc_buffer_append(&conn->out, (const unsigned char *)OMC_CODEC_TAIL + (sent - data_sent),
                      rest->tail_len - (sent - data_sent));
    return true;
}

static struct rest rest_of(const struct omc_connection *conn, const omcache_req_t *req)
{
    return (struct rest){req->data, omc_request_data_len(req),
                         conn->codec->tail_size(req->header.opcode)};
}

int omc_connection_submit(struct omc_connection *conn, const omcache_req_t *req,
                          struct omc_prefix prefix, const struct omc_pending *pending, size_t limit)
{
    struct rest rest = rest_of(conn, req);
    size_t size = rest.data_len + rest.tail_len;
    int rc = queue_head(conn, req, prefix, pending, limit, size, size);

    if (rc == OMCACHE_OK && size > 0)
        copy_rest(conn, &rest, 0);
    return rc;
}

size_t omc_connection_submit_run(struct omc_connection *conn, const omcache_req_t *reqs,
                                 size_t count, struct omc_prefix prefix,
                                 const struct omc_pending *first, size_t limit)
{
    const struct omc_codec *codec = conn->codec;
    struct omc_pending pending = *first;
    size_t done;

    pending.opcode = reqs[0].header.opcode;
    pending.quiet = codec->is_quiet(pending.opcode);
    if (codec->tail_size(pending.opcode) > 0 || omc_opcode_is_delta(pending.opcode))
        return 0;
    for (done = 0; done < count; done++) {
        const omcache_req_t *req = &reqs[done];
        size_t unsent = omc_connection_unsent(conn), used;

        if (req->header.opcode != pending.opcode || omc_request_data_len(req) > 0 ||
            unsent > limit || !omc_queue_reserve(&conn->queue) ||
            !omc_blocks_reserve(&conn->pool->blocks, &conn->out, OMC_CODEC_HEAD_MAX))
            break;
        used = codec->encode_head(omc_buffer_tail(&conn->out), req, prefix,
                                  omc_queue_next(&conn->queue));
        if (used == 0 || used > limit - unsent)
            break;
        omc_buffer_commit(&conn->out, used);
        pending.start = conn->written + unsent;
        pending.key_sum = omc_codec_key_sum(codec, req, prefix);
        omc_queue_push(&conn->queue, &pending);
        pending.tag++;
    }
    return done;
}

int omc_connection_send(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                        int64_t now)
{
    size_t sent;
    struct rest rest = rest_of(conn, req);
    int rc = queue_head(conn, req, prefix, pending, limit, rest.data_len + rest.tail_len, 0);

    if (rc != OMCACHE_OK)
        return rc;
    if (!write_all(conn, &rest, &sent, now))
        conn->broken = errno;
    if (sent == rest.data_len + rest.tail_len || copy_rest(conn, &rest, sent))
        return OMCACHE_OK;
    if (omc_queue_last(&conn->queue)->start < conn->written) {
        /* Half a request is on its way and the other half is lost. */
        conn->broken = ENOMEM;
        return OMCACHE_OK;
    }
    omc_buffer_truncate(&conn->out, (size_t)(omc_queue_last(&conn->queue)->start - conn->written));
    omc_queue_pop(&conn->queue);
    return OMCACHE_NO_MEMORY;
}

bool omc_connection_ask(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, size_t limit, int64_t now)
{
    struct rest rest = rest_of(conn, req);
    size_t size = rest.data_len + rest.tail_len, used, sent;
    uint64_t start = conn->written;

    if (size > limit || !omc_queue_reserve(&conn->queue) ||
        !omc_blocks_reserve(&conn->pool->blocks, &conn->out, OMC_CODEC_HEAD_MAX))
        return false;
    used = conn->codec->encode_head(omc_buffer_tail(&conn->out), req, prefix,
                                    omc_queue_next(&conn->queue));
    if (used == 0 || used > limit - size)
        return false;
    omc_buffer_commit(&conn->out, used);
    if (!write_all(conn, &rest, &sent, now))
        conn->broken = errno;
    if (sent == size || copy_rest(conn, &rest, sent))
        return true;
    if (conn->written > start) {
        conn->broken = ENOMEM; /* half a request is on its way, and the other half is lost */
        return true;
    }
    omc_buffer_truncate(&conn->out, 0);
    omc_blocks_release(&conn->pool->blocks, &conn->out);
    conn->expecting = false;
    return false;
}

bool omc_connection_fence(struct omc_connection *conn)
{
    static const struct omc_pending fence = {.fence = true};
    const struct omc_pending *last = omc_queue_last(&conn->queue);

    if (last == NULL || !last->quiet || last->forgotten)
        return true;
    return queue_head(conn, &noop, no_prefix, &fence, SIZE_MAX, 0, 0) == OMCACHE_OK;
}

bool omc_connection_await(struct omc_connection *conn, size_t limit)
{
    struct omc_buffer *buffer = &conn->in.buffer;

    if (omc_inbox_make_room(&conn->in, &conn->pool->chunks, conn->message, limit) != OMC_INBOX_ROOM)
        return false;
    if (!conn->patient)
        omc_socket_let_wait(conn->fd, true);
    conn->patient = true;
    conn->count = omc_socket_await(conn->fd, omc_buffer_tail(buffer), omc_buffer_room(buffer));
    conn->error = errno;
    conn->awaited = conn->count != OMC_SOCKET_AGAIN;
    if (!conn->awaited) {
        omc_inbox_commit(&conn->in, 0);
        omc_inbox_rest(&conn->in, conn->message);
    }
    return conn->awaited;
}

void omc_connection_show(struct omc_connection *conn)
{
    if (conn->patient)
        omc_socket_let_wait(conn->fd, false);
    conn->patient = false;
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
    count = omc_socket_read(conn->fd, omc_buffer_tail(buffer), omc_buffer_room(buffer));
    omc_inbox_commit(&conn->in, count > 0 ? (size_t)count : 0);
    return count;
}

ssize_t omc_connection_read(struct omc_connection *conn, size_t limit, int64_t now)
{
    ssize_t count = read_once(conn, limit);

    if (count > 0) {
        conn->bytes_in += (uint64_t)count;
        conn->since = now;
    } else if (count == OMC_SOCKET_AGAIN) {
        omc_inbox_rest(&conn->in, conn->message);
    }
    return count;
}

static bool find_by_opaque(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct omc_connection *conn = context;
    const struct omc_pending *pending = omc_queue_find(&conn->queue, opaque);

    if (pending == NULL)
        return false;
    *found = (struct omc_expected){.opaque = opaque, .opcode = pending->opcode};
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
            .opcode = pending->opcode,
            .first = i == 0,
            .key_sum = pending->key_sum,
        };
        return pending->start < conn->written;
    }
    return false;
}

enum omc_decode omc_connection_next(struct omc_connection *conn, size_t limit,
                                    struct omc_reply *reply)
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

bool omc_connection_peek(struct omc_connection *conn, size_t limit, const struct omc_expect *expect,
                         struct omc_reply *reply)
{
    size_t used;

    return conn->count > 0 &&
           conn->codec->decode(omc_buffer_tail(&conn->in.buffer), (size_t)conn->count, limit,
                               expect, reply, &used) == OMC_DECODE_REPLY &&
           used == (size_t)conn->count;
}

/* The number is used, and the bytes are, which stay where they are. */
void omc_connection_take(struct omc_connection *conn, int64_t now)
{
    conn->queue.first++;
    conn->awaited = false;
    conn->expecting = false;
    conn->bytes_in += (uint64_t)conn->count;
    conn->since = now;
    omc_inbox_commit(&conn->in, (size_t)conn->count);
    omc_buffer_consume(&conn->in.buffer, (size_t)conn->count);
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
    if (omc_connection_unsent(conn) > 0)
        return false;
    omc_blocks_release(&conn->pool->blocks, &conn->out);
    return true;
}
