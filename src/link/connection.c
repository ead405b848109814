/*
 * Bytes and requests of one connection; see connection.h.
 */
#include "link/connection.h"

#include <errno.h>
#include <string.h>

#include "link/counter.h"
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
    conn->codec = omc_codecs_find(OMCACHE_PROTOCOL_AUTO);
    omc_buffer_init(&conn->out);
    omc_inbox_init(&conn->in);
    omc_queue_init(&conn->queue, &pool->blocks, first_number);
    conn->begun = conn->due = first_number;
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
    conn->hello_len = 0;
    conn->hello_left = 0;
    conn->blocked = false;
    conn->held = false;
    conn->broken = 0;
    conn->foreign = false;
    conn->answered = false;
    conn->parts = 0;
    conn->patient = false;
    conn->awaited = false;
    conn->handling = false;
    conn->stalled = false;
}

void omc_connection_close(struct omc_connection *conn, struct omc_leftovers *leftovers)
{
    *leftovers = (struct omc_leftovers){conn->codec, conn->queue, conn->out, conn->written};
    omc_queue_init(&conn->queue, &conn->pool->blocks, omc_queue_next(&leftovers->queue));
    omc_buffer_init(&conn->out);
    conn->allowed = conn->written;
    omc_connection_leave(conn);
}

/* The number in front of the oldest request's belongs to none. */
void omc_connection_open(struct omc_connection *conn, int fd, enum omc_greeting greeting,
                         int64_t now)
{
    conn->fd = fd;
    conn->hello_number = conn->queue.first - 1;
    if (greeting == OMC_GREETING_GET)
        conn->hello_number ^= (uint32_t)now;
    conn->hello_len = omc_hello_write(conn->hello, greeting, conn->hello_number);
    conn->hello_left = conn->hello_len;
    conn->since = now;
    conn->heard = conn->queue.first;
}

enum omc_hello omc_connection_read_hello(struct omc_connection *conn, enum omc_greeting greeting,
                                         const char **problem)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    size_t used = 0;
    enum omc_hello hello = omc_hello_read(omc_buffer_data(buffer), omc_buffer_size(buffer),
                                          greeting, conn->hello_number, &used, problem);

    omc_buffer_consume(buffer, used);
    if (conn->hello_left > 0 && (hello == OMC_HELLO_GOOD || hello == OMC_HELLO_TEXT))
        hello = OMC_HELLO_OTHER; /* it cannot know yet what it was asked */
    if (hello != OMC_HELLO_MORE)
        conn->hello_len = conn->hello_left = 0;
    return hello;
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
static size_t take_off(size_t *left, size_t number)
{
    size_t taken = number < *left ? number : *left;

    *left -= taken;
    return taken;
}

/* Makes pieces of what follows `out`; how many. */
static size_t put_rest(struct iovec *pieces, const struct rest *rest)
{
    size_t count = 0;

    if (rest->data_len > 0)
        pieces[count++] = piece(rest->data, rest->data_len);
    if (rest->tail_len > 0)
        pieces[count++] = piece(OMC_CODEC_TAIL, rest->tail_len);
    return count;
}

/* Counts what the kernel took of the requests it was given.  The dead timeout runs from
 * the first attempt to write after silence on both sides.  Later writes prove nothing, the
 * kernel takes them even if the peer is dead; but if it was full and takes more, the peer
 * is taking, too. */
static void note_taken(struct omc_connection *conn, size_t taken, size_t given, int64_t now)
{
    if (!omc_connection_awaits_peer(conn) || (conn->blocked && taken > 0))
        omc_connection_note_time(conn, now);
    conn->blocked = taken < given;
    conn->bytes_out += taken;
}

void omc_connection_note_begun(struct omc_connection *conn)
{
    const struct omc_queue *queue = &conn->queue;

    if ((int32_t)(conn->begun - queue->first) < 0)
        conn->begun = queue->first;
    for (; conn->begun != omc_queue_next(queue); conn->begun++) {
        const struct omc_pending *pending = omc_queue_slot(queue, conn->begun);

        if (pending->start >= conn->written)
            return;
        if (!pending->quiet)
            conn->due = conn->begun + 1;
    }
}

/* Counts bytes of requests as written. */
static void note_requests(struct omc_connection *conn, size_t count)
{
    conn->written += count;
    omc_connection_note_begun(conn);
}

/* Writes hello, out and the rest in one go; how much of the rest was written is *sent. */
static bool write_all(struct omc_connection *conn, const struct rest *rest, size_t *sent,
                      int64_t now)
{
    size_t unsent = omc_connection_sendable(conn);
    size_t all = conn->hello_left + unsent + rest->data_len + rest->tail_len, of_hello;
    struct iovec pieces[4];
    size_t count = 0;
    ssize_t taken;

    *sent = 0;
    if (conn->hello_left > 0)
        pieces[count++] = piece(conn->hello + conn->hello_len - conn->hello_left, conn->hello_left);
    if (unsent > 0)
        pieces[count++] = piece(conn->out.base + conn->out.start, unsent);
    taken = omc_socket_write(conn->fd, pieces, count + put_rest(pieces + count, rest));
    if (taken < 0)
        return false;
    note_taken(conn, (size_t)taken, all, now);
    of_hello = take_off(&conn->hello_left, (size_t)taken);
    taken -= (ssize_t)of_hello;
    note_requests(conn, (size_t)taken);
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
    struct omc_pending queued = *pending;

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
    if (queued.counter == NULL && codec->lacks_initial && omc_counter_is_needed(codec, req) &&
        (queued.counter = omc_counter_new(req, prefix)) == NULL)
        return OMCACHE_NO_MEMORY;
    omc_connection_allow(conn, codec, conn->written + unsent, omc_buffer_tail(&conn->out), used,
                         used + size);
    omc_buffer_commit(&conn->out, used);
    queued.start = conn->written + unsent;
    queued.key_sum = omc_codec_key_sum(codec, req, prefix);
    queued.opcode = req->header.opcode;
    queued.quiet = codec->is_quiet(req->header.opcode);
    omc_queue_push(&conn->queue, &queued);
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
        omc_connection_allow(conn, codec, conn->written + unsent, omc_buffer_tail(&conn->out), used,
                             used);
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

/* Puts what the kernel did not take of a request, but for `taken` bytes, into `out`; false
 * without memory. */
static bool keep_untaken(struct omc_connection *conn, const unsigned char *head, size_t head_len,
                         const struct rest *rest, size_t taken)
{
    size_t head_taken = taken < head_len ? taken : head_len;

    if (!omc_blocks_reserve(&conn->pool->blocks, &conn->out,
                            head_len + rest->data_len + rest->tail_len - taken))
        return false;
    omc_buffer_append(&conn->out, head + head_taken, head_len - head_taken);
    return copy_rest(conn, rest, taken - head_taken);
}

bool omc_connection_ask(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, size_t limit, int64_t now)
{
    struct rest rest = rest_of(conn, req);
    size_t size = rest.data_len + rest.tail_len, head_len;
    unsigned char head[OMC_CODEC_HEAD_MAX];
    struct iovec pieces[3];
    ssize_t taken;

    if (size > limit || !omc_queue_reserve(&conn->queue))
        return false;
    head_len = conn->codec->encode_head(head, req, prefix, omc_queue_next(&conn->queue));
    if (head_len == 0 || head_len > limit - size)
        return false;
    pieces[0] = piece(head, head_len);
    taken = omc_socket_write(conn->fd, pieces, 1 + put_rest(pieces + 1, &rest));
    if (taken < 0)
        conn->broken = errno;
    else
        note_taken(conn, (size_t)taken, head_len + size, now);
    conn->written += taken < 0 ? 0 : (size_t)taken; /* the request is queued by the owner later */
    if (taken == (ssize_t)(head_len + size) ||
        keep_untaken(conn, head, head_len, &rest, taken < 0 ? 0 : (size_t)taken))
        return true;
    if (taken > 0) {
        conn->broken = ENOMEM; /* half a request is on its way, and the other half is lost */
        return true;
    }
    conn->blocked = false;
    conn->broken = 0;
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

void omc_connection_show(struct omc_connection *conn)
{
    if (conn->patient)
        omc_socket_let_wait(conn->fd, false);
    conn->patient = false;
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
    if (conn->allowed != UINT64_MAX && conn->allowed > conn->written + omc_connection_unsent(conn))
        conn->allowed = conn->written + omc_connection_unsent(conn);
    if (omc_connection_unsent(conn) > 0)
        return false;
    conn->blocked = false; /* what the kernel did not take is gone */
    omc_blocks_release(&conn->pool->blocks, &conn->out);
    return true;
}
