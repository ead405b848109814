/*
 * Runs of requests; see send.h.
 */
#include "link/send.h"

#include <string.h>

#include "base/copy.h"

enum {
    GATHER_SIZE = 4096, /* values of at least so many bytes are not copied */
    COPIED_MAX = OMC_CODEC_HEAD_MAX + GATHER_SIZE + OMC_CODEC_TAIL_MAX, /* of a request */
    RUN_SIZE = 32 * 1024, /* bytes that are encoded at a time, if there is memory for that */
    PIECES = 64,          /* at a time */
    PIECES_OF_ONE = 3,    /* request: head, value and tail */
};

/* Requests that are written in one go: those from the first one that waits, or is half written,
 * up to `end`.  Nobody else sees it, only the pieces: what is in it can be in registers. */
struct run {
    unsigned char *at;            /* where to encode the next one, */
    unsigned char *last;          /* no further than here, */
    unsigned char *piece;         /* and where the piece begins that it is to be a part of */
    struct iovec *pieces;         /* room for PIECES, */
    size_t count;                 /* of which there are so many, */
    size_t size;                  /* and bytes in all, */
    size_t most;                  /* but no more than so many of whole requests; 0: any */
    unsigned char *line;          /* the one that ends there, if others may share it, */
    const struct omc_ask *newest; /* as the last one on it does */
    uint32_t end;
    uint32_t due;
    bool refused; /* one of them was */
};

/* Only read from, as iovec cannot say. */
static inline void add_piece(struct run *run, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    run->pieces[run->count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
    run->size += len;
}

/* Ends the piece that is being encoded. */
static inline void end_piece(struct run *run)
{
    add_piece(run, run->piece, (size_t)(run->at - run->piece));
    run->piece = run->at;
}

/* Whether there is room for another request: what is copied of it, and pieces. */
static inline bool has_room(const struct run *run)
{
    return run->at <= run->last && run->count <= PIECES - PIECES_OF_ONE;
}

/* Whether a request fits into a record with those before it; one that needs more is alone. */
static inline bool fits(const struct run *run, const struct omc_ask *ask)
{
    size_t used;

    if (run->most == 0)
        return true;
    used = run->size + (size_t)(run->at - run->piece);
    return used == 0 || used + omc_codec_room(ask) <= run->most;
}

/* Whether a request may share the line of the one before it. */
static inline bool joins(const struct run *run, const struct omc_connection *conn,
                         const struct omc_ask *ask)
{
    const struct omc_codec *codec = conn->codec;

    return run->line != NULL && !conn->apart &&
           (size_t)(run->at - run->line) + 1 + ask->key_len <= codec->line_max &&
           codec->joins(run->newest, ask);
}

/* Encodes a request, but for a large value, which becomes a piece of its own. */
static inline void encode_whole(struct run *run, const struct omc_codec *codec,
                                const struct omc_ask *ask, uint32_t number)
{
    run->at = codec->encode(run->at, ask, number);
    if (ask->value_len > 0 && ask->value_len < GATHER_SIZE) {
        omc_copy_bytes(run->at, ask->value, ask->value_len);
        run->at += ask->value_len;
    } else if (ask->value_len > 0) {
        end_piece(run);
        add_piece(run, ask->value, ask->value_len);
    }
    memcpy(run->at, OMC_CODEC_TAIL, OMC_CODEC_TAIL_MAX);
    run->at += omc_codec_tail_size(codec, ask->op);
}

/* Whether those bytes lie behind the last piece. */
static inline bool goes_on_with(const struct run *run, const unsigned char *bytes)
{
    const struct iovec *last;

    if (run->count == 0)
        return false;
    last = &run->pieces[run->count - 1];
    return (const unsigned char *)last->iov_base + last->iov_len == bytes;
}

/* Adds a request that was encoded when it was copied: mostly behind the one before it. */
static inline void add_encoded(struct run *run, const struct omc_pending *pending)
{
    if (run->at != run->piece)
        end_piece(run);
    run->line = NULL;
    if (goes_on_with(run, pending->encoded)) {
        run->pieces[run->count - 1].iov_len += pending->encoded_len;
        run->size += pending->encoded_len;
    } else {
        add_piece(run, pending->encoded, pending->encoded_len);
    }
}

/* What was half written, which is first in its run, goes on as it began, and nothing is added to
 * its line, which may have its end already. */
static inline void encode(struct run *run, const struct omc_connection *conn,
                          struct omc_pending *pending)
{
    const struct omc_codec *codec = conn->codec;
    const struct omc_ask *ask = &pending->ask;

    if (!pending->half)
        pending->joined = joins(run, conn, ask);
    if (pending->joined) {
        run->at = codec->join(run->at - (pending->half ? 0 : OMC_CODEC_TAIL_MAX), ask);
        run->newest = ask;
        return;
    }
    run->line = codec->line_max == 0 || pending->half ? NULL : run->at;
    run->newest = ask;
    encode_whole(run, codec, ask, run->end);
}

/* Puts the hello in front, and encodes what may follow it.  What was half written goes on in any
 * case. */
static inline void fill(struct run *run, const struct omc_connection *conn)
{
    const struct omc_queue *queue = &conn->queue;
    uint32_t next = conn->held ? conn->begun : omc_queue_next(queue);

    run->end = conn->begun - (conn->partly > 0);
    run->most = conn->stream.record;
    run->due = conn->due;
    if (conn->hello_left > 0)
        add_piece(run, conn->hello + conn->hello_len - conn->hello_left, conn->hello_left);
    for (; run->end != next; run->end++) {
        struct omc_pending *pending = omc_queue_slot(queue, run->end);

        if (pending->refused) {
            run->refused = true;
            run->line = NULL;
            continue;
        }
        if ((!conn->proved && !omc_connection_is_harmless(conn->codec, &pending->ask, run->end)) ||
            !has_room(run) || !fits(run, &pending->ask))
            break;
        if (pending->encoded_len > 0)
            add_encoded(run, pending);
        else
            encode(run, conn, pending);
        if (!pending->quiet)
            run->due = run->end + 1;
    }
    end_piece(run);
}

/* Takes bytes that were written before off the front of the pieces behind the hello. */
static void skip(struct run *run, size_t count, size_t first)
{
    run->size -= count;
    for (size_t i = first; i < run->count && count > 0; i++) {
        struct iovec *piece = &run->pieces[i];
        size_t skipped = count < piece->iov_len ? count : piece->iov_len;

        piece->iov_base = (char *)piece->iov_base + skipped;
        piece->iov_len -= skipped;
        count -= skipped;
    }
}

/* Notes that a request was written whole, or is behind one that was and not to be written. */
static inline void note_whole(struct omc_connection *conn, struct omc_pending *pending, size_t size)
{
    if (pending->refused) {
        omc_queue_pass(&conn->queue, pending);
        return;
    }
    conn->unsent -= size;
    if (pending->kept != NULL)
        omc_store_release(&conn->store, pending->kept);
    pending->kept = NULL;
    if (pending->half)
        omc_queue_set_half(&conn->queue, pending, false);
}

/* Notes that each request of a run was written; last: none waits behind it, and so none counts as
 * unsent. */
static inline void note_each(struct omc_connection *conn, const struct run *run, bool last)
{
    for (uint32_t number = conn->begun - (conn->partly > 0); number != run->end; number++) {
        struct omc_pending *pending = omc_queue_slot(&conn->queue, number);

        note_whole(conn, pending, last ? 0 : omc_ask_size(&pending->ask));
    }
}

/* All of the run was written.  There is nothing to note of each request if none waits behind them,
 * is half written, has its bytes in the store, or was refused. */
static inline void note_all(struct omc_connection *conn, const struct run *run)
{
    bool last = run->end == omc_queue_next(&conn->queue);

    if (last)
        conn->unsent = 0;
    if (!last || conn->partly > 0 || conn->borrowed != conn->begun || run->refused)
        note_each(conn, run, last);
    conn->hello_left = 0;
    conn->begun = run->end;
    conn->due = run->due;
    conn->partly = 0;
    if ((int32_t)(conn->borrowed - conn->begun) < 0)
        conn->borrowed = conn->begun;
}

/* Bytes of a request as it was encoded, with the end of its line. */
static size_t encoded_size(const struct omc_connection *conn, const struct omc_pending *pending,
                           uint32_t number)
{
    unsigned char head[OMC_CODEC_HEAD_MAX];
    const struct omc_ask *ask = &pending->ask;

    if (pending->refused)
        return 0;
    if (pending->encoded_len > 0)
        return pending->encoded_len;
    if (pending->joined)
        return (size_t)(conn->codec->join(head, ask) - head);
    return (size_t)(conn->codec->encode(head, ask, number) - head) + ask->value_len +
           omc_codec_tail_size(conn->codec, ask->op);
}

/* Whether a request of a run was encoded without the end of its line, as the next one shares it. */
static bool is_open(const struct omc_connection *conn, const struct run *run, uint32_t number)
{
    const struct omc_pending *next = omc_queue_slot(&conn->queue, number + 1);

    return number + 1 != run->end && next->joined && !next->refused;
}

/* Only so many bytes were written.  Where that is all of a request but the end of its line, it is
 * half written: the next one will be on another line. */
static void note_some(struct omc_connection *conn, const struct run *run, size_t taken)
{
    uint32_t number = conn->begun - (conn->partly > 0);
    size_t hello = taken < conn->hello_left ? taken : conn->hello_left;

    conn->hello_left -= hello;
    taken -= hello;
    if (taken == 0)
        return;
    for (taken += conn->partly; taken > 0; number++) {
        struct omc_pending *pending = omc_queue_slot(&conn->queue, number);
        size_t size = encoded_size(conn, pending, number);
        bool open = is_open(conn, run, number);
        bool half = open ? taken <= size - OMC_CODEC_TAIL_MAX : taken < size;

        conn->begun = number + 1;
        if (!pending->quiet)
            conn->due = number + 1;
        conn->partly = half ? taken : 0;
        if (half) {
            omc_queue_set_half(&conn->queue, pending, true);
            return;
        }
        note_whole(conn, pending, omc_ask_size(&pending->ask));
        taken -= open ? size - OMC_CODEC_TAIL_MAX : size;
    }
}

/* Counts what the kernel took of the bytes it was given.  The dead timeout runs from
 * the first attempt to write after silence on both sides.  Later writes prove nothing, the
 * kernel takes them even if the peer is dead; but if it was full and takes more, the peer
 * is taking, too. */
static void note_taken(struct omc_connection *conn, size_t taken, size_t given, int64_t now)
{
    if (!omc_connection_awaits_peer(conn))
        omc_connection_note_turn(conn, now);
    else if (conn->blocked && taken > 0)
        omc_connection_note_time(conn, now);
    conn->blocked = taken < given || conn->stream.unsent;
    conn->bytes_out += taken;
}

/* The same, and of each request that was in them. */
static inline void note_given(struct omc_connection *conn, const struct run *run, size_t taken,
                              int64_t now)
{
    note_taken(conn, taken, run->size, now);
    if (taken == run->size)
        note_all(conn, run);
    else
        note_some(conn, run, taken);
}

bool omc_send_run(struct omc_connection *conn, unsigned char *memory, size_t size, int64_t now)
{
    unsigned char few[COPIED_MAX];
    struct iovec pieces[PIECES];
    struct run run = {.at = few, .last = few, .piece = few, .pieces = pieces};
    ssize_t taken;

    if (memory != NULL) {
        run.at = run.piece = memory;
        run.last = memory + size - COPIED_MAX;
    }
    fill(&run, conn);
    if (conn->partly > 0)
        skip(&run, conn->partly, conn->hello_left > 0);
    taken = omc_stream_send(&conn->stream, pieces, run.count);
    if (taken < 0)
        return false;
    note_given(conn, &run, (size_t)taken, now);
    return true;
}

ssize_t omc_send_ahead(struct omc_connection *conn, const struct omc_ask *ask, size_t *given)
{
    unsigned char few[COPIED_MAX];
    struct iovec pieces[PIECES_OF_ONE];
    struct run run = {.at = few, .piece = few, .pieces = pieces};

    encode_whole(&run, conn->codec, ask, conn->queue.first);
    end_piece(&run);
    *given = run.size;
    return omc_stream_send(&conn->stream, pieces, run.count);
}

/* What was written is encoded once more, to tell how much of the request that is. */
void omc_send_note_ahead(struct omc_connection *conn, size_t taken, int64_t now)
{
    unsigned char few[COPIED_MAX];
    struct iovec pieces[PIECES];
    struct run run = {.at = few, .last = few, .piece = few, .pieces = pieces};

    fill(&run, conn);
    note_given(conn, &run, taken, now);
}

bool omc_send_runs(struct omc_connection *conn, int64_t now)
{
    size_t size = RUN_SIZE;
    unsigned char *memory = omc_blocks_take(&conn->pool->blocks, &size);
    bool written;

    do
        written = omc_send_run(conn, memory, size, now);
    while (written && !conn->blocked && omc_connection_wants_write(conn));
    if (memory != NULL)
        omc_blocks_put(&conn->pool->blocks, memory, size);
    return written;
}
