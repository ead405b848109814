/*
 * A stream of bytes to and from a peer, over a descriptor that has been connected: what is sent
 * and received goes through a table of functions, so that those who use it need not know what
 * kind of stream it is.
 *
 * There are two kinds: plain sockets, and TLS (tls.h).
 */
#ifndef OMC_NET_STREAM_H
#define OMC_NET_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/poll.h"
#include "net/socket.h"

enum {
    OMC_STREAM_BROKEN = POLLERR | POLLHUP | POLLNVAL, /* found unasked; receiving tells why */
};

struct omc_stream;

/* Sending and receiving give a number of bytes, or one of the results of socket.h.  When there were
 * none, or fewer than were to be sent, `to_send` or `to_receive` says what the next attempt has to
 * wait for; else they are POLLOUT and POLLIN.  None of these functions raises SIGPIPE. */
struct omc_stream_kind {
    /* Goes on with what must be done before anything is sent or received, such as a handshake: a
     * number above 0 when that is over.  OMC_SOCKET_AGAIN: it is to be called again when the
     * descriptor is ready for `to_receive`.  NULL: nothing is to be done. */
    int (*secure)(struct omc_stream *stream);

    /* Some of the pieces may be empty.  Where not all was taken, other bytes than the rest may be
     * what is to be sent next. */
    ssize_t (*send)(struct omc_stream *stream, const struct iovec *pieces, size_t count);
    ssize_t (*receive)(struct omc_stream *stream, void *bytes, size_t size);

    /* Receives, and may wait for that, but not for longer than OMC_SOCKET_PATIENCE, and only for
     * POLLIN: OMC_SOCKET_AGAIN if `to_receive` is something else. */
    ssize_t (*await)(struct omc_stream *stream, void *bytes, size_t size);

    /* Takes leave of the peer, without waiting, and frees what the stream has of its own.  The
     * descriptor is still open, and is not closed here.  NULL: nothing is to be done. */
    void (*close)(struct omc_stream *stream);
};

struct omc_stream {
    const struct omc_stream_kind *kind;
    void *own; /* what it has of its own, which must not point to the stream: that may be moved */
    int fd;    /* its watch's to close; -1: the stream is not open */

    /* What the descriptor has to be ready for, in poll's bits, before more can be sent or
     * received.  TLS may have to write in order to receive, and the other way round. */
    short to_send;
    short to_receive;

    bool pending; /* it has bytes that can be received although the descriptor is not ready */
    bool patient; /* the descriptor lets a read wait */
    bool unsent;  /* it has taken bytes that the kernel has not: they go with the next attempt to
                   * send, be that of nothing */

    /* Where the peer loses sight of what it has received beyond a request: so many bytes of whole
     * requests are to be sent at a time, or one that has more.  0: it does not matter. */
    size_t record;

    const char *problem; /* with what OMC_SOCKET_ERROR was for, if errno has no words for that */
};

/* Of a stream that is not open. */
static inline void omc_stream_init(struct omc_stream *stream)
{
    *stream = (struct omc_stream){.fd = -1};
}

/* Opens a plain one: what is sent is written to the descriptor as it is. */
void omc_stream_open_plain(struct omc_stream *stream, int fd);

static inline bool omc_stream_is_open(const struct omc_stream *stream)
{
    return stream->fd >= 0;
}

static inline int omc_stream_secure(struct omc_stream *stream)
{
    return stream->kind->secure == NULL ? 1 : stream->kind->secure(stream);
}

static inline ssize_t omc_stream_send(struct omc_stream *stream, const struct iovec *pieces,
                                      size_t count)
{
    return stream->kind->send(stream, pieces, count);
}

static inline ssize_t omc_stream_receive(struct omc_stream *stream, void *bytes, size_t size)
{
    return stream->kind->receive(stream, bytes, size);
}

/* Whether there is something to receive, which stays there, or an end or an error, which is gone
 * then: a number above 0, or a result. */
static inline ssize_t omc_stream_look(const struct omc_stream *stream)
{
    return stream->pending ? 1 : omc_socket_look(stream->fd);
}

/* Lets omc_stream_await wait, or not, as at first. */
static inline void omc_stream_let_wait(struct omc_stream *stream, bool may_wait)
{
    if (stream->patient != may_wait)
        omc_socket_let_wait(stream->fd, may_wait);
    stream->patient = may_wait;
}

/* Receives, and waits a while for something to receive: the only one here that waits.  Where others
 * see the descriptor, reads of it are not made to wait: it waits before it reads. */
static inline ssize_t omc_stream_await(struct omc_stream *stream, void *bytes, size_t size,
                                       bool is_shown)
{
    if (is_shown)
        return omc_poll_one(stream->fd, stream->to_receive, OMC_SOCKET_PATIENCE)
                   ? omc_stream_receive(stream, bytes, size)
                   : OMC_SOCKET_AGAIN;
    omc_stream_let_wait(stream, true);
    return stream->kind->await(stream, bytes, size);
}

/* Moves an open stream to one that is not. */
static inline void omc_stream_move(struct omc_stream *to, struct omc_stream *from)
{
    *to = *from;
    omc_stream_init(from);
}

/* Ends it, if it is open; then its descriptor may be closed. */
static inline void omc_stream_close(struct omc_stream *stream)
{
    if (omc_stream_is_open(stream) && stream->kind->close != NULL)
        stream->kind->close(stream);
    omc_stream_init(stream);
}

#endif
