/*
 * One connection: a socket, the bytes on their way in both directions, and the
 * queue of requests they belong to.  It knows nothing of servers and handles.
 *
 * Requests may be submitted while there is no socket, and while it is not known which
 * protocol the peer speaks; they wait in `out`.
 */
#ifndef OMC_LINK_CONNECTION_H
#define OMC_LINK_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "link/codecs.h"
#include "link/inbox.h"
#include "link/leftovers.h"
#include "link/pool.h"
#include "link/queue.h"
#include "omcache.h"
#include "proto/codec.h"
#include "proto/hello.h"
#include "proto/request.h"

enum {
    /* Asking whether a connection is still there takes a system call: not worth it if
     * an answer came less than so many milliseconds ago. */
    OMC_CONNECTION_FRESH = 5,
};

struct omc_connection {
    struct omc_pool *pool; /* its memory */

    int fd;                        /* the owner's to close; -1: none */
    const struct omc_codec *codec; /* that requests are in, or wait in */

    unsigned char hello[OMC_HELLO_MAX]; /* the first words, */
    size_t hello_len;                   /* 0 when they have been answered, */
    size_t hello_left;                  /* how much of them is unsent, */
    uint32_t hello_number;              /* and the number in them */

    uint32_t begun; /* requests below this number were written, at least in part */
    uint32_t due;   /* number behind the newest of them that must be answered */
    uint32_t heard; /* requests below this number were followed by something useful of the peer's */

    struct omc_buffer out; /* requests not yet written */
    uint64_t written;      /* how many bytes of requests were written before those, */
    uint64_t allowed;      /* and to what count they may be; UINT64_MAX: the peer is proved */
    bool blocked;          /* the kernel took less than it was given */
    bool held;             /* no request is written for the time being */
    int broken;            /* errno of a write that failed and is still to be handled */

    struct omc_inbox in;
    size_t message; /* how long the message at the front of `in` is at least */
    bool patient;   /* the socket lets a read wait */
    bool awaited;   /* a read has been made that nobody has looked at yet: */
    int error;      /* its errno, */
    ssize_t count;  /* and what it returned */
    bool handling;  /* messages that came are being handled; others may wait behind a callback */
    bool stalled;   /* no room to read into before the application's next call */
    bool foreign;   /* what came since the last answer was asked for by nobody */
    bool answered;  /* a request was answered on this socket */
    uint8_t parts;  /* small parts of a message that came since the last answer, up to 255 */

    struct omc_queue queue;
    uint64_t bytes_in; /* on all of its sockets */
    uint64_t bytes_out;
    int64_t since; /* when its server began to connect, or the peer began to owe something, or
                    * last showed a sign of life */
};

/* Of the pool it has memory while there is something to send or to receive. */
void omc_connection_init(struct omc_connection *conn, struct omc_pool *pool, uint32_t first_number);
void omc_connection_fini(struct omc_connection *conn);

/* Gives up the socket and is then as good as new, but for the numbers, which go on,
 * and for values that were handed out, which stay.  What it had to do is moved to
 * leftovers, to be freed by omc_leftovers_fini. */
void omc_connection_close(struct omc_connection *conn, struct omc_leftovers *leftovers);

/* Starts with a socket that has just been connected, and prepares a greeting.
 * If its protocol is the requests' they follow at once, up to the first one in which
 * a peer that speaks another protocol could find lines of its own. */
void omc_connection_open(struct omc_connection *conn, int fd, enum omc_greeting greeting,
                         int64_t now);

/* The peer speaks the requests' protocol: they may all be written. */
static inline void omc_connection_prove(struct omc_connection *conn)
{
    conn->allowed = UINT64_MAX;
}

/* Notes a request, which has head_len bytes at head and len in all and begins at `start`: a
 * harmless one may be written before the peer has proved itself, if those in front of it may. */
static inline void omc_connection_allow(struct omc_connection *conn, const struct omc_codec *codec,
                                        uint64_t start, const unsigned char *head, size_t head_len,
                                        size_t len)
{
    if (conn->allowed == start && omc_codecs_is_harmless(codec, head, head_len, len))
        conn->allowed += len;
}

/* Gives up the socket; requests go on waiting for another.  None may have been
 * written. */
void omc_connection_leave(struct omc_connection *conn);

/* Reads the answer to that greeting off what came; see omc_hello_read. */
enum omc_hello omc_connection_read_hello(struct omc_connection *conn, enum omc_greeting greeting,
                                         const char **problem);

/* Notes when its turn has begun anew.  Callbacks may have noted a later time meanwhile. */
static inline void omc_connection_note_time(struct omc_connection *conn, int64_t now)
{
    if (conn->since < now)
        conn->since = now;
}

/* Notes that the peer has done something that it was asked for. */
static inline void omc_connection_note_life(struct omc_connection *conn, int64_t now)
{
    omc_connection_note_time(conn, now);
    conn->heard = omc_queue_next(&conn->queue);
    conn->foreign = false;
}

/* Bytes of requests that wait to be written. */
static inline size_t omc_connection_unsent(const struct omc_connection *conn)
{
    return omc_buffer_size(&conn->out);
}

/* Those of them that need not wait for the peer to prove itself. */
static inline size_t omc_connection_sendable(const struct omc_connection *conn)
{
    size_t unsent = omc_connection_unsent(conn);

    if (conn->held)
        return 0;
    return conn->allowed - conn->written < unsent ? (size_t)(conn->allowed - conn->written)
                                                  : unsent;
}

/* Whether something of a request that is still queued was written. */
static inline bool omc_connection_has_sent(const struct omc_connection *conn)
{
    const struct omc_queue *queue = &conn->queue;

    return queue->count > 0 && omc_queue_find(queue, queue->first)->start < conn->written;
}

/* Whether there is something to be done about the newest request: it has not been
 * written, or is to be fenced. */
static inline bool omc_connection_is_unfinished(const struct omc_connection *conn)
{
    return omc_connection_unsent(conn) > 0 || omc_queue_last(&conn->queue)->quiet;
}

/* Whether there is anything to write. */
static inline bool omc_connection_wants_write(const struct omc_connection *conn)
{
    return conn->hello_left > 0 || omc_connection_sendable(conn) > 0;
}

/* Brings up to date what of the queue was written, after something was. */
void omc_connection_note_begun(struct omc_connection *conn);

/* Whether the peer owes an answer to a request that was written, at least in part. */
static inline bool omc_connection_awaits_answer(const struct omc_connection *conn)
{
    return conn->due - 1 - conn->queue.first < conn->queue.count;
}

/* Whether it is the peer's turn: to answer, or to take what is to be written.  This, and
 * nothing else, is what a deadline runs for. */
static inline bool omc_connection_awaits_peer(const struct omc_connection *conn)
{
    return conn->hello_len > 0 || omc_connection_awaits_answer(conn) ||
           (conn->blocked && omc_connection_wants_write(conn));
}

/* Whether requests are written, for all that is known, as soon as they are there. */
static inline bool omc_connection_is_open(const struct omc_connection *conn)
{
    return !conn->blocked && !conn->held && conn->allowed == UINT64_MAX;
}

/* Whether the peer need not be suspected of having closed it: its last sign of life is
 * recent, or a closing would be noticed.  Otherwise nothing was sent that could be answered, so
 * that reading from it tells no operation of anything. */
static inline bool omc_connection_is_trusted(const struct omc_connection *conn, int64_t now)
{
    return omc_connection_awaits_peer(conn) || omc_connection_has_sent(conn) ||
           now - conn->since < OMC_CONNECTION_FRESH;
}

/* Whether it can be trusted and nothing is to be done on it. */
static inline bool omc_connection_is_fresh(const struct omc_connection *conn, int64_t now)
{
    return conn->queue.count == 0 && omc_buffer_size(&conn->in.buffer) == 0 &&
           omc_connection_unsent(conn) == 0 && conn->hello_left == 0 &&
           omc_connection_is_open(conn) && omc_connection_is_trusted(conn, now);
}

/* Whether a request has not been answered, or not even been sent. */
static inline bool omc_connection_is_busy(const struct omc_connection *conn)
{
    return conn->queue.open > 0 || omc_connection_unsent(conn) > 0;
}

/* How many bytes a request has when it is sent. */
size_t omc_connection_size(const struct omc_connection *conn, const omcache_req_t *req,
                           struct omc_prefix prefix);

/* Queues a request's head and data, prefix in front of its key; of pending, tag,
 * keyed and prefix_len are the caller's to fill.  OMCACHE_OK; OMCACHE_BUFFER_FULL if then more than
 * limit bytes were unsent; OMCACHE_INVALID if the protocol cannot carry it;
 * OMCACHE_NO_MEMORY without memory. */
int omc_connection_submit(struct omc_connection *conn, const omcache_req_t *req,
                          struct omc_prefix prefix, const struct omc_pending *pending,
                          size_t limit);

/* The same for the first of count requests and those after it that are like it: of the
 * same opcode and without data.  Their tags follow that of `first`.  How many were
 * queued: there is more to be done about the next one, or it is not accepted. */
size_t omc_connection_submit_run(struct omc_connection *conn, const omcache_req_t *reqs,
                                 size_t count, struct omc_prefix prefix,
                                 const struct omc_pending *first, size_t limit);

/* The same on an open connection, but writes what is unsent and the request at
 * once, its data from where it is.  Only what the kernel does not take is
 * copied.  If the connection fails on the way, `broken` is set to its errno. */
int omc_connection_send(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, const struct omc_pending *pending, size_t limit,
                        int64_t now);

/* Writes a request at once, without queueing it, on a connection that has no other; what
 * the kernel does not take is left in `out`.  False if it is refused, for whatever
 * reason, and then nothing has changed.  It has the next number of the queue, where
 * there is room for it. */
bool omc_connection_ask(struct omc_connection *conn, const omcache_req_t *req,
                        struct omc_prefix prefix, size_t limit, int64_t now);

/* Queues a no-op if the newest request is quiet, so that the end of its silence
 * will be known.  False without memory. */
bool omc_connection_fence(struct omc_connection *conn);

/* Writes what the kernel takes; false with errno if the connection failed. */
bool omc_connection_flush(struct omc_connection *conn, int64_t now);

/* Makes sure that no read waits, as the application is to see the socket. */
void omc_connection_show(struct omc_connection *conn);

/* Forgets all requests.  False if one is half sent, which leaves the stream of
 * no use. */
bool omc_connection_forget(struct omc_connection *conn);

#endif
