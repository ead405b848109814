/*
 * Runs of requests; see send.h.
 */
#include "link/send.h"

#include <string.h>

enum {
    GATHER_SIZE = 4096, /* values of at least so many bytes are not copied */
    COPIED_MAX = OMC_CODEC_HEAD_MAX + GATHER_SIZE + OMC_CODEC_TAIL_MAX, /* of a request */
    RUN_SIZE = 32 * 1024, /* bytes that are encoded at a time, if there is memory for that */
    PIECES = 64,          /* at a time */
};

/* Requests that are written in one go: those from the first one that waits, or is half written,
 * up to `end`. */
struct run {
    unsigned char *at;    /* where to encode the next one, */
    unsigned char *last;  /* no further than here, */
    unsigned char *piece; /* and where the piece begins that it is to be a part of */
    struct iovec pieces[PIECES];
    size_t count;
    size_t size; /* bytes in all */
    uint32_t end;
    uint32_t due;
    bool plain; /* none has its bytes in the store, none was refused */
};

/* Only read from, as iovec cannot say. */
static void add_piece(struct run *run, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    run->pieces[run->count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
    run->size += len;
}

/* Ends the piece that is being encoded. */
static void end_piece(struct run *run)
{
    add_piece(run, run->piece, (size_t)(run->at - run->piece));
    run->piece = run->at;
}

/* Whether there is room for another request: what is copied of it, and pieces. */
static inline bool has_room(const struct run *run)
{
    return run->at <= run->last && run->count <= PIECES - 3;
}

static inline void encode(struct run *run, const struct omc_codec *codec, const struct omc_ask *ask,
                          uint32_t number)
{
    run->at = codec->encode(run->at, ask, number);
    if (ask->value_len >= GATHER_SIZE) {
        end_piece(run);
        add_piece(run, ask->value, ask->value_len);
    } else if (ask->value_len > 0) {
        memcpy(run->at, ask->value, ask->value_len);
        run->at += ask->value_len;
    }
    memcpy(run->at, OMC_CODEC_TAIL, OMC_CODEC_TAIL_MAX);
    run->at += codec->tail_size(ask->op);
}

/* Puts the hello in front, and encodes what may follow it.  What was half written goes on in any
 * case. */
static void fill(struct run *run, struct omc_connection *conn)
{
    const struct omc_queue *queue = &conn->queue;
    uint32_t next = conn->held ? conn->begun : omc_queue_next(queue);

    run->end = conn->begun - (conn->partly > 0);
    run->due = conn->due;
    if (conn->hello_left > 0)
        add_piece(run, conn->hello + conn->hello_len - conn->hello_left, conn->hello_left);
    for (; run->end != next; run->end++) {
        const struct omc_pending *pending = omc_queue_slot(queue, run->end);

        if (pending->refused) {
            run->plain = false;
            continue;
        }
        if ((!conn->proved && !omc_connection_is_harmless(conn->codec, &pending->ask, run->end)) ||
            !has_room(run))
            break;
        encode(run, conn->codec, &pending->ask, run->end);
        run->plain = run->plain && pending->kept == NULL;
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
static void note_whole(struct omc_connection *conn, uint32_t number)
{
    struct omc_pending *pending = omc_queue_slot(&conn->queue, number);

    if (pending->refused) {
        omc_queue_pass(&conn->queue, pending);
        return;
    }
    conn->unsent -= omc_ask_size(&pending->ask);
    if (pending->kept != NULL)
        omc_store_release(&conn->store, pending->kept);
    pending->kept = NULL;
    if (pending->half)
        omc_queue_set_half(&conn->queue, pending, false);
}

/* All of the run was written. */
static void note_all(struct omc_connection *conn, const struct run *run)
{
    if (run->plain && conn->partly == 0 && run->end == omc_queue_next(&conn->queue)) {
        conn->unsent = 0;
    } else {
        for (uint32_t number = conn->begun - (conn->partly > 0); number != run->end; number++)
            note_whole(conn, number);
    }
    conn->begun = run->end;
    conn->due = run->due;
    conn->partly = 0;
    if ((int32_t)(conn->borrowed - conn->begun) < 0)
        conn->borrowed = conn->begun;
}

/* Bytes of a request as it is sent. */
static size_t encoded_size(const struct omc_connection *conn, const struct omc_ask *ask,
                           uint32_t number)
{
    unsigned char head[OMC_CODEC_HEAD_MAX];

    return (size_t)(conn->codec->encode(head, ask, number) - head) + ask->value_len +
           conn->codec->tail_size(ask->op);
}

/* Only so many bytes of requests were written. */
static void note_some(struct omc_connection *conn, size_t taken)
{
    uint32_t number = conn->begun - (conn->partly > 0);

    for (taken += conn->partly; taken > 0; number++) {
        struct omc_pending *pending = omc_queue_slot(&conn->queue, number);
        size_t size = pending->refused ? 0 : encoded_size(conn, &pending->ask, number);

        conn->begun = number + 1;
        if (!pending->quiet)
            conn->due = number + 1;
        conn->partly = taken < size ? taken : 0;
        if (taken < size) {
            omc_queue_set_half(&conn->queue, pending, true);
            return;
        }
        note_whole(conn, number);
        taken -= size;
    }
}

/* Counts what the kernel took of the bytes it was given.  The dead timeout runs from
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

/* Encodes into that memory and writes; *more is whether there is more to be written.  False with
 * errno if the connection failed. */
static bool write_run(struct omc_connection *conn, unsigned char *memory, size_t size, bool *more,
                      int64_t now)
{
    struct run run;
    size_t hello = conn->hello_left;
    ssize_t taken;

    run.at = run.piece = memory;
    run.last = memory + size - COPIED_MAX;
    run.count = run.size = 0;
    run.plain = true;
    fill(&run, conn);
    if (conn->partly > 0)
        skip(&run, conn->partly, hello > 0);
    taken = omc_stream_send(&conn->stream, run.pieces, run.count);
    if (taken < 0)
        return false;
    note_taken(conn, (size_t)taken, run.size, now);
    conn->hello_left = (size_t)taken < hello ? hello - (size_t)taken : 0;
    if ((size_t)taken == run.size)
        note_all(conn, &run);
    else if ((size_t)taken > hello)
        note_some(conn, (size_t)taken - hello);
    *more = !conn->blocked && run.end != omc_queue_next(&conn->queue);
    return true;
}

/* Run after run, with much memory if there is some. */
static bool write_runs(struct omc_connection *conn, unsigned char *few, int64_t now)
{
    size_t size = RUN_SIZE;
    unsigned char *memory = omc_blocks_take(&conn->pool->blocks, &size);
    bool more = true, written;

    do
        written = write_run(conn, memory == NULL ? few : memory, memory == NULL ? COPIED_MAX : size,
                            &more, now);
    while (written && more && omc_connection_wants_write(conn));
    if (memory != NULL)
        omc_blocks_put(&conn->pool->blocks, memory, size);
    return written;
}

bool omc_send(struct omc_connection *conn, int64_t now)
{
    uint32_t waiting = omc_queue_next(&conn->queue) - conn->begun + (conn->partly > 0);
    unsigned char few[COPIED_MAX];
    bool more;

    return waiting > 1 ? write_runs(conn, few, now) : write_run(conn, few, sizeof(few), &more, now);
}
