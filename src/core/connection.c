/*
 * Bytes and requests of one connection; see connection.h.
 */
#include "core/connection.h"

#include <errno.h>
#include <string.h>

#include "core/counter.h"
#include "net/socket.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/opcode.h"
#include "proto/request.h"
#include "proto/text.h"

enum {
    OUT_KEPT = 65536, /* an empty send buffer larger than this is given back */
};

static const omcache_req_t noop = {.header = {.opcode = OMC_OP_NOOP}};
static const struct omc_prefix no_prefix;

static const struct omc_codec *codec_of(int protocol)
{
    switch (protocol) {
    case OMCACHE_PROTOCOL_META:
        return &omc_meta_codec;
    case OMCACHE_PROTOCOL_TEXT:
        return &omc_text_codec;
    case OMCACHE_PROTOCOL_BINARY:
        return &omc_binary_codec;
    default:
        return &omc_binary_waiting;
    }
}

void omc_connection_init(struct omc_connection *conn, uint32_t first_number)
{
    memset(conn, 0, sizeof(*conn));
    conn->fd = -1;
    conn->codec = codec_of(OMCACHE_PROTOCOL_AUTO);
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

void omc_connection_leave(struct omc_connection *conn)
{
    omc_inbox_discard(&conn->in);
    conn->fd = -1;
    conn->message = 0;
    conn->hello_left = 0;
    conn->blocked = false;
    conn->broken = 0;
    conn->expecting = false;
    conn->stalled = false;
}

void omc_connection_close(struct omc_connection *conn, struct omc_leftovers *leftovers)
{
    *leftovers = (struct omc_leftovers){conn->codec, conn->queue, conn->out, conn->written};
    omc_queue_init(&conn->queue, omc_queue_next(&leftovers->queue));
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

/* Reads a waiting request back. */
static void read_back(const struct omc_connection *conn, const struct omc_pending *pending,
                      struct omc_scratch *scratch, omcache_req_t *req)
{
    conn->codec->decode_request(omc_buffer_data(&conn->out) + (pending->start - conn->written),
                                pending->opcode, scratch, req);
}

/* How many bytes all waiting requests have at most when a codec encodes them. */
static size_t translated_size(const struct omc_connection *conn, const struct omc_codec *codec)
{
    const struct omc_queue *queue = &conn->queue;
    struct omc_scratch scratch;
    omcache_req_t req;
    size_t size = 0;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (pending == NULL)
            continue;
        read_back(conn, pending, &scratch, &req);
        size += codec->head_size(&req, 0) + omc_request_data_len(&req) + OMC_CODEC_TAIL_MAX;
    }
    return size;
}

/* Encodes a request behind those in out, where there is room; false if the codec cannot
 * carry it. */
static bool encode(struct omc_buffer *out, const struct omc_codec *codec, const omcache_req_t *req,
                   uint32_t number)
{
    size_t used = codec->encode_head(omc_buffer_tail(out), req, no_prefix, number);

    if (used == 0)
        return false;
    omc_buffer_commit(out, used);
    omc_buffer_append(out, req->data, omc_request_data_len(req));
    omc_buffer_append(out, (const unsigned char *)OMC_CODEC_TAIL,
                      codec->tail_size(req->header.opcode));
    return true;
}

/* Keeps what a request needs for its initial value in a protocol that cannot carry
 * it; false without memory. */
static bool keep_counter(const struct omc_codec *codec, struct omc_pending *pending,
                         const omcache_req_t *req)
{
    if (!omc_counter_is_needed(codec, req))
        return true;
    pending->counter = omc_counter_new(req, no_prefix);
    return pending->counter != NULL;
}

bool omc_connection_translate(struct omc_connection *conn, int protocol,
                              void (*refused)(void *context, const struct omc_pending *pending),
                              void *context)
{
    const struct omc_codec *codec = codec_of(protocol);
    struct omc_queue *queue = &conn->queue;
    uint32_t end = omc_queue_next(queue);
    struct omc_buffer out;

    omc_buffer_init(&out);
    if (codec != conn->codec && !omc_buffer_reserve(&out, translated_size(conn, codec)))
        return false;
    for (uint32_t number = queue->first; codec != conn->codec && number != end; number++) {
        struct omc_pending *pending = omc_queue_find(queue, number);
        struct omc_scratch scratch;
        omcache_req_t req;
        size_t start = omc_buffer_size(&out);

        if (pending == NULL)
            continue;
        read_back(conn, pending, &scratch, &req);
        pending->quiet = codec->is_quiet(pending->opcode);
        if (keep_counter(codec, pending, &req) && encode(&out, codec, &req, number)) {
            pending->start = conn->written + start;
            continue;
        }
        refused(context, pending);
        omc_connection_settle(conn, pending);
    }
    if (codec != conn->codec) {
        omc_buffer_fini(&conn->out);
        conn->out = out;
    }
    conn->codec = codec;
    conn->protocol = protocol;
    return true;
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

/* Writes hello, out and the rest in one go; how much of the rest was written is *sent. */
static bool write_all(struct omc_connection *conn, const struct rest *rest, size_t *sent,
                      int64_t now)
{
    size_t unsent = conn->protocol == OMCACHE_PROTOCOL_AUTO ? 0 : omc_connection_unsent(conn);
    size_t ours = conn->hello_left + unsent, all = ours + rest->data_len + rest->tail_len;
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

/* Queues a request and encodes its head, with room for `room` bytes behind it. */
static int queue_head(struct omc_connection *conn, const omcache_req_t *req,
                      struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                      size_t room)
{
    size_t unsent = omc_connection_unsent(conn), used;
    size_t size = omc_request_data_len(req) + conn->codec->tail_size(req->header.opcode);
    struct omc_pending queued = *pending;

    if (unsent > limit || size > limit - unsent)
        return OMCACHE_BUFFER_FULL;
    if (!omc_queue_reserve(&conn->queue) ||
        !omc_buffer_reserve(&conn->out, OMC_CODEC_HEAD_MAX + room))
        return OMCACHE_FAIL;
    used = conn->codec->encode_head(omc_buffer_tail(&conn->out), req, prefix,
                                    omc_queue_next(&conn->queue));
    if (used == 0)
        return OMCACHE_INVALID;
    if (used > limit - unsent - size)
        return OMCACHE_BUFFER_FULL;
    if (queued.counter == NULL && omc_counter_is_needed(conn->codec, req) &&
        (queued.counter = omc_counter_new(req, prefix)) == NULL)
        return OMCACHE_FAIL;
    omc_buffer_commit(&conn->out, used);
    queued.start = conn->written + unsent;
    queued.opcode = req->header.opcode;
    queued.quiet = conn->codec->is_quiet(req->header.opcode);
    omc_queue_push(&conn->queue, &queued);
    return OMCACHE_OK;
}

/* Copies what follows a request's head behind it, but for the first `sent` bytes;
 * false without memory. */
static bool copy_rest(struct omc_connection *conn, const struct rest *rest, size_t sent)
{
    size_t data_sent = sent < rest->data_len ? sent : rest->data_len;

    if (!omc_buffer_reserve(&conn->out, rest->data_len + rest->tail_len - sent))
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
    int rc = queue_head(conn, req, prefix, pending, limit, rest.data_len + rest.tail_len);

    if (rc == OMCACHE_OK)
        copy_rest(conn, &rest, 0);
    return rc;
}

int omc_connection_send(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                        int64_t now)
{
    size_t sent;
    struct rest rest = rest_of(conn, req);
    int rc = queue_head(conn, req, prefix, pending, limit, 0);

    if (rc != OMCACHE_OK)
        return rc;
    if (!write_all(conn, &rest, &sent, now))
        conn->broken = errno;
    if (copy_rest(conn, &rest, sent))
        return OMCACHE_OK;
    if (omc_queue_last(&conn->queue)->start < conn->written) {
        /* Half a request is on its way and the other half is lost. */
        conn->broken = ENOMEM;
        return OMCACHE_OK;
    }
    omc_buffer_truncate(&conn->out, (size_t)(omc_queue_last(&conn->queue)->start - conn->written));
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
        *found = (struct omc_expected){queue->first + i, pending->opcode, i == 0};
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
    if (size == 0)
        return OMC_DECODE_MORE;
    result = conn->codec->decode(buffer->base + buffer->start, size, limit, &expect, reply, &used);
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
