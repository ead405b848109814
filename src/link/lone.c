/*
 * One request at a time; see lone.h.
 */
#include "link/lone.h"

#include <errno.h>

#include "link/life.h"
#include "link/match.h"
#include "link/send.h"
#include "net/socket.h"

/* Whether all there is to do on a link about a request is to write it and to read the answer.  If
 * that may be large, as the last one was, it is to be received where there is room for it. */
static inline bool is_possible(const struct omc_link *link, const struct omc_ask *ask)
{
    const struct omc_connection *conn = &link->conn;

    return link->phase == OMC_PHASE_READY && omc_connection_is_open(conn) &&
           (conn->queue.count | link->todo) == 0 && link->second == NULL &&
           conn->in.chunk == NULL && conn->in.expected == 0 && !conn->stream.unsent &&
           link->shared->depth == 1 && link->shared->settings.recv_limit >= OMC_POOL_LONE_SIZE &&
           !omc_opcode_is_quiet(ask->op) &&
           !(conn->codec->lacks_initial && omc_opcode_is_delta(ask->op));
}

bool omc_lone_ask(struct omc_link *link, struct omc_ask *ask, int64_t now, struct omc_lone *lone)
{
    struct omc_connection *conn = &link->conn;

    if (!is_possible(link, ask) ||
        (lone->chunk = omc_chunk_take(&conn->pool->chunks, OMC_POOL_LONE_SIZE)) == NULL ||
        !omc_queue_reserve(&conn->queue) || !conn->codec->accept(ask))
        return false;
    lone->came = OMC_SOCKET_AGAIN;
    lone->taken = omc_send_ahead(conn, ask, &lone->given);
    if (lone->taken == (ssize_t)lone->given) {
        omc_connection_note_turn(conn, now);
        conn->bytes_out += lone->given;
        if (!conn->stream.unsent)
            lone->came = omc_stream_await(&conn->stream, lone->chunk->bytes + lone->chunk->used,
                                          OMC_POOL_LONE_SIZE, link->shared->shown);
    }
    if (lone->taken < 0 || lone->came < 0)
        lone->error = errno;
    return true;
}

bool omc_lone_take(struct omc_link *link, const struct omc_ask *ask, const struct omc_lone *lone,
                   uint32_t usec, int64_t now, omcache_value_t *value)
{
    struct omc_connection *conn = &link->conn;
    const unsigned char *bytes = lone->chunk->bytes + lone->chunk->used;
    struct omc_asked asked = {
        .key = ask->key,
        .key_len = ask->key_len,
        .data_max = OMC_POOL_LONE_SIZE,
        .number = conn->queue.first,
        .op = ask->op,
    };

    if (lone->came <= 0 || conn->stream.pending || conn->stream.unsent ||
        conn->codec->usual(bytes, bytes + lone->came, &asked, value) != bytes + lone->came)
        return false;
    if (value->key_len + value->data_len > 0)
        omc_pool_keep_lone(conn->pool, lone->chunk, (size_t)lone->came);
    conn->bytes_in += (size_t)lone->came;
    omc_connection_pass(conn);
    omc_link_note_answer(link, now);
    omc_counters_answer(&link->counters, ask->op, value->status, usec);
    return true;
}

/* Has the inbox begin where those bytes came, as if they had been received there. */
static void give_to_inbox(struct omc_connection *conn, struct omc_chunk *chunk, size_t came)
{
    omc_inbox_begin(&conn->in, chunk, came);
    omc_inbox_commit(&conn->in, came);
    conn->bytes_in += came;
}

/* If all was written, that was noted when it was. */
void omc_lone_note(struct omc_link *link, const struct omc_lone *lone, int64_t now)
{
    struct omc_connection *conn = &link->conn;

    if (lone->taken < 0 || lone->came < 0)
        errno = lone->error;
    if (lone->taken < 0) {
        omc_life_broken(link, lone->error);
    } else if (lone->taken < (ssize_t)lone->given) {
        omc_send_note_ahead(conn, (size_t)lone->taken, now);
    } else {
        omc_connection_note_sent(conn);
        conn->blocked = conn->stream.unsent;
        if (lone->came > 0)
            give_to_inbox(conn, lone->chunk, (size_t)lone->came);
        omc_match_note(link, lone->came);
    }
}
