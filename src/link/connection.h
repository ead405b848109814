/*
 * One connection: a socket, what comes in on it, and the queue of requests, of which the
 * oldest were written.  It knows nothing of servers and handles.
 *
 * Requests may be submitted while there is no socket, and while it is not known which
 * protocol the peer speaks.  They wait as they were made, and are encoded when they are
 * written: see send.h.
 */
#ifndef OMC_LINK_CONNECTION_H
#define OMC_LINK_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "link/inbox.h"
#include "link/pool.h"
#include "link/queue.h"
#include "link/store.h"
#include "net/stream.h"
#include "proto/codec.h"
#include "proto/hello.h"

enum {
    /* Asking whether a connection is still there takes a system call: not worth it if
     * an answer came less than so many milliseconds ago. */
    OMC_CONNECTION_FRESH = 5,
};

struct omc_connection {
    struct omc_pool *pool; /* its memory */

    struct omc_stream stream;      /* its descriptor is the owner's to close */
    const struct omc_codec *codec; /* what the peer speaks, or last spoke; NULL: not known */

    unsigned char *hello;  /* the first words, or NULL when they have been answered; */
    size_t hello_len;      /* 0 then, */
    size_t hello_left;     /* how much of them is unsent, */
    uint32_t hello_number; /* and the number in them, */
    bool has_login;        /* and whether there are credentials in front */

    uint32_t begun;         /* requests below this number were written, the last of them */
    size_t partly;          /* only so many bytes of it, or 0: all */
    uint32_t due;           /* number behind the newest of them that must be answered */
    uint32_t heard;         /* requests below this number were followed by something useful */
    uint32_t blind;         /* the last one that was written first after a silence, without a look
                             * whether the peer is still there */
    uint32_t borrowed;      /* those from this number on that wait have their bytes from a caller */
    size_t unsent;          /* bytes of those not written, or not all: see omc_ask_size */
    struct omc_store store; /* which has the bytes of the others */

    bool proved;  /* the peer has shown that it speaks the codec's protocol */
    bool blocked; /* the kernel took less than it was given, or the stream has some of that */
    bool held;    /* no request is written for the time being */
    bool apart;   /* gets do not share lines: with the peer as it is, or was, one that fails may
                   * take others along */

    struct omc_inbox in;
    size_t message; /* how long the message at the front of `in` is at least */
    bool handling;  /* messages that came are being handled; others may wait behind a callback */
    bool stalled;   /* no room to read into before the application's next call */
    bool foreign;   /* what came since the last answer was asked for by nobody */
    bool excused;   /* the peer seemed silent for too long, but what had come was not read yet; */
    bool futile;    /* since then it was, and was of no use */
    bool answered;  /* a request was answered on this socket */
    uint8_t parts;  /* small parts of a message that came since the last answer, up to 255 */

    struct omc_queue queue;
    uint64_t bytes_in; /* on all of its sockets */
    uint64_t bytes_out;
    int64_t since;  /* when its server began to connect, or the peer began to owe something, or
                     * last showed a sign of life */
    int64_t looked; /* when it was last looked whether it is still there */
};

/* Of the pool it has memory while there is something to send or to receive. */
void omc_connection_init(struct omc_connection *conn, struct omc_pool *pool, uint32_t first_number);
void omc_connection_fini(struct omc_connection *conn);

/* The requests of a connection that was closed. */
struct omc_remains {
    struct omc_queue queue;
    struct omc_store store;
    uint32_t begun; /* those from this number on were not written at all, */
    uint32_t blind; /* and those from this one on perhaps to a peer that was gone already */
};

/* Gives up the socket and is then as good as new, but for the numbers, which go on,
 * and for values that were handed out, which stay.  The requests are moved to
 * remains, to be freed by omc_connection_free_remains. */
void omc_connection_close(struct omc_connection *conn, struct omc_remains *remains);
void omc_connection_free_remains(struct omc_remains *remains);

/* Starts with a stream that has just been opened, and prepares a greeting, with credentials (NULL:
 * none).  False without memory. */
bool omc_connection_open(struct omc_connection *conn, enum omc_greeting greeting,
                         const struct omc_login *login, int64_t now);

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
    conn->excused = conn->futile = false;
}

/* Notes that the peer may have read all that was sent: nothing was sent blind any more. */
static inline void omc_connection_note_read(struct omc_connection *conn)
{
    conn->blind = conn->heard - 1;
}

/* Whether requests wait to be written, or one of them is half written. */
static inline bool omc_connection_waits(const struct omc_connection *conn)
{
    return conn->begun != omc_queue_next(&conn->queue) || conn->partly > 0;
}

/* Whether something of a request that is still queued was written. */
static inline bool omc_connection_has_sent(const struct omc_connection *conn)
{
    return conn->begun != conn->queue.first;
}

static inline bool omc_connection_was_sent(const struct omc_connection *conn, uint32_t number)
{
    return (int32_t)(number - conn->begun) < 0;
}

/* Whether there is something to be done about the newest request: it has not been
 * written, or is to be fenced. */
static inline bool omc_connection_is_unfinished(const struct omc_connection *conn)
{
    return omc_connection_waits(conn) || omc_queue_last(&conn->queue)->quiet;
}

/* Whether there is anything to write. */
bool omc_connection_wants_write(const struct omc_connection *conn);

/* Whether a request may be written before the peer has proved itself: no peer could find a line
 * of its own in it. */
bool omc_connection_is_harmless(const struct omc_codec *codec, const struct omc_ask *ask,
                                uint32_t number);

/* Whether the peer owes an answer to a request that was written, at least in part. */
static inline bool omc_connection_awaits_answer(const struct omc_connection *conn)
{
    return conn->due - 1 - conn->queue.first < conn->queue.count;
}

/* Whether it is the peer's turn: to answer, or to take what is to be written. */
static inline bool omc_connection_awaits_peer(const struct omc_connection *conn)
{
    return conn->hello_len > 0 || omc_connection_awaits_answer(conn) ||
           (conn->blocked && omc_connection_wants_write(conn));
}

/* Whether nobody knows when the peer will say something more, as it was asked to tell what happens,
 * and has begun to. */
static inline bool omc_connection_listens(const struct omc_connection *conn)
{
    return conn->queue.count > 0 && conn->answered &&
           omc_queue_slot(&conn->queue, conn->queue.first)->ask.op == OMC_OP_WATCH;
}

/* Whether it is to say something soon.  This, and nothing else, is what a deadline runs for. */
static inline bool omc_connection_is_owed(const struct omc_connection *conn)
{
    return omc_connection_awaits_peer(conn) && !omc_connection_listens(conn);
}

/* Whether requests are written, for all that is known, as soon as they are there. */
static inline bool omc_connection_is_open(const struct omc_connection *conn)
{
    return !conn->blocked && !conn->held && conn->proved;
}

/* Whether the peer need not be suspected of having closed it: its last sign of life, or the last
 * look whether it is still there, is recent, or a closing would be noticed.  Otherwise nothing was
 * sent that could be answered, so that reading from it tells no operation of anything. */
static inline bool omc_connection_is_trusted(const struct omc_connection *conn, int64_t now)
{
    return now - conn->since < OMC_CONNECTION_FRESH || omc_connection_awaits_peer(conn) ||
           omc_connection_has_sent(conn) || now - conn->looked < OMC_CONNECTION_FRESH;
}

/* Notes that the peer's turn begins with what is written now. */
static inline void omc_connection_note_turn(struct omc_connection *conn, int64_t now)
{
    if (!omc_connection_is_trusted(conn, now))
        conn->blind = conn->begun;
    omc_connection_note_time(conn, now);
}

/* Notes that all requests were written whole. */
static inline void omc_connection_note_sent(struct omc_connection *conn)
{
    conn->begun = conn->due = conn->borrowed = omc_queue_next(&conn->queue);
    conn->unsent = 0;
}

/* Notes that a request was answered that was not queued, as no other was. */
static inline void omc_connection_pass(struct omc_connection *conn)
{
    conn->queue.first++;
    omc_connection_note_sent(conn);
}

/* Whether a request has not been answered, or not even been sent. */
static inline bool omc_connection_is_busy(const struct omc_connection *conn)
{
    return conn->queue.open > 0 || omc_connection_waits(conn);
}

/* Whether the newest request was sent without asking for an answer, as nobody hears of it. */
static inline bool omc_connection_ends_unheard(const struct omc_connection *conn)
{
    const struct omc_pending *last = omc_queue_last(&conn->queue);

    return last != NULL && omc_queue_is_unheard(last);
}

/* For those below: adds what a request needs for its initial value, if anything, as
 * omc_connection_submit; takes out the newest request, whose counter is the caller's again. */
int omc_connection_add_counter(struct omc_pending *pending);
void omc_connection_give_back(struct omc_connection *conn, const struct omc_claim *claim);

/* Adds a request to the queue, whatever it is; as omc_connection_submit. */
static inline int omc_connection_add(struct omc_connection *conn, const struct omc_ask *ask,
                                     const struct omc_claim *claim, size_t limit,
                                     struct omc_pending **added)
{
    uint32_t number = omc_queue_next(&conn->queue);
    size_t size = omc_ask_size(ask);

    if (conn->unsent > limit || size > limit - conn->unsent)
        return OMCACHE_BUFFER_FULL;
    if (!omc_queue_reserve(&conn->queue))
        return OMCACHE_NO_MEMORY;
    *added = omc_queue_push(&conn->queue, ask, claim);
    if (!omc_queue_has_all(claim))
        omc_queue_keep_sum(*added);
    conn->unsent += size;
    if (claim->asker != NULL)
        claim->asker->number = number;
    return OMCACHE_OK;
}

/* Has the codec accept one; OMCACHE_OK, OMCACHE_INVALID or OMCACHE_NO_MEMORY. */
static inline int omc_connection_accept_now(const struct omc_connection *conn,
                                            struct omc_pending *pending)
{
    const struct omc_codec *codec = conn->codec;

    if (!codec->accept(&pending->ask))
        return OMCACHE_INVALID;
    pending->quiet = (omc_codec_is_quiet(codec, pending->ask.op) &&
                      !omc_codec_is_answered(codec, &pending->ask)) ||
                     omc_queue_is_unheard(pending);
    return codec->lacks_initial ? omc_connection_add_counter(pending) : OMCACHE_OK;
}

/* Queues a request as it is, where it is known which codec there is; unheard: it asks for no
 * answer. It is all that omc_connection_submit does where omc_connection_is_plain and somebody
 * hears of the request. */
static inline int omc_connection_queue(struct omc_connection *conn, const struct omc_ask *ask,
                                       const struct omc_claim *claim, bool unheard, size_t limit)
{
    struct omc_pending *added;
    int rc = omc_connection_add(conn, ask, claim, limit, &added);

    if (rc != OMCACHE_OK)
        return rc;
    if (unheard)
        added->ask.bits |= OMC_ASK_UNHEARD;
    rc = omc_connection_accept_now(conn, added);
    if (rc != OMCACHE_OK)
        omc_connection_give_back(conn, claim);
    return rc;
}

static inline bool omc_connection_is_plain(const struct omc_connection *conn)
{
    return omc_stream_is_open(&conn->stream) && conn->codec != NULL &&
           !omc_connection_ends_unheard(conn);
}

/* Queues a request.  Its bytes are the caller's until it is written, or omc_connection_keep copies
 * them.  OMCACHE_OK; OMCACHE_BUFFER_FULL if then more than limit bytes were unsent;
 * OMCACHE_INVALID if the protocol cannot carry it; OMCACHE_NO_MEMORY without memory.  Unless it
 * is queued, its counter stays the caller's. */
int omc_connection_submit(struct omc_connection *conn, const struct omc_ask *ask,
                          const struct omc_claim *claim, size_t limit);

/* The same with a copy of its bytes. */
int omc_connection_submit_copy(struct omc_connection *conn, const struct omc_ask *ask,
                               const struct omc_claim *claim, size_t limit);

/* Copies what waiting requests have from callers.  False without memory: the newest one has no
 * copy, and cannot have one. */
bool omc_connection_keep(struct omc_connection *conn);

/* Takes out the newest request, which was not written. */
void omc_connection_take_back(struct omc_connection *conn);

/* Looks whether the codec, which was chosen since it was submitted, can carry a waiting request.
 * OMCACHE_OK; else OMCACHE_INVALID or OMCACHE_NO_MEMORY, and it is to be refused. */
int omc_connection_accept(struct omc_connection *conn, struct omc_pending *pending);

/* Settles a waiting request that cannot be sent. */
void omc_connection_refuse(struct omc_connection *conn, struct omc_pending *pending);

/* Queues a no-op if the newest request is quiet, so that the end of its silence
 * will be known.  False without memory. */
bool omc_connection_fence(struct omc_connection *conn);

/* Makes sure that no read waits, as the application is to see the socket. */
void omc_connection_show(struct omc_connection *conn);

/* Forgets all requests.  False if one is half sent, which leaves the stream of
 * no use. */
bool omc_connection_forget(struct omc_connection *conn);

#endif
