/*
 * One request at a time; see lone.h.
 */
#include "link/lone.h"

#include <errno.h>

#include "link/answers.h"
#include "link/life.h"
#include "link/match.h"
#include "link/send.h"
#include "net/socket.h"

/* Whether all there is to do on a link about a request is to write it and to read the answer. */
static inline bool is_possible(const struct omc_link *link, const struct omc_ask *ask)
{
    const struct omc_connection *conn = &link->conn;

    return link->phase == OMC_PHASE_READY && omc_connection_is_open(conn) &&
           (conn->queue.count | link->todo) == 0 && link->second == NULL &&
           omc_buffer_size(&conn->in.buffer) == 0 && !conn->stream.unsent &&
           !omc_opcode_is_quiet(ask->op) &&
           !(conn->codec->lacks_initial && omc_opcode_is_delta(ask->op));
}

bool omc_lone_ask(struct omc_link *link, struct omc_ask *ask, int64_t now, struct omc_lone *lone)
{
    struct omc_connection *conn = &link->conn;

    if (!is_possible(link, ask) || !omc_queue_reserve(&conn->queue) || !conn->codec->accept(ask))
        return false;
    lone->came = OMC_SOCKET_AGAIN;
    lone->taken = omc_send_ahead(conn, ask, &lone->given);
    if (lone->taken == (ssize_t)lone->given) {
        omc_connection_note_turn(conn, now);
        conn->bytes_out += lone->given;
        lone->came = omc_match_await(link);
    }
    if (lone->taken < 0 || lone->came < 0)
        lone->error = errno;
    return true;
}

bool omc_lone_take(struct omc_link *link, const struct omc_ask *ask, const struct omc_lone *lone,
                   uint32_t usec, int64_t now, omcache_value_t *value)
{
    struct omc_connection *conn = &link->conn;
    const unsigned char *bytes = omc_buffer_data(&conn->in.buffer);
    struct omc_asked asked = {
        .key = ask->key,
        .key_len = ask->key_len,
        .data_max = omc_answers_data_max(link->shared->settings.recv_limit),
        .number = conn->queue.first,
        .op = ask->op,
    };

    if (lone->came <= 0 || conn->stream.pending || conn->codec->usual == NULL ||
        conn->codec->usual(bytes, bytes + lone->came, &asked, value) != bytes + lone->came)
        return false;
    omc_connection_pass(conn);
    omc_link_note_answer(link, now);
    omc_counters_answer(&link->counters, ask->op, value->status, usec);
    omc_buffer_consume(&conn->in.buffer, (size_t)lone->came);
    return true;
}

/* If all was written, that was noted when it was. */
void omc_lone_note(struct omc_link *link, const struct omc_lone *lone, int64_t now)
{
    errno = lone->error;
    if (lone->taken < 0) {
        omc_life_broken(link, lone->error);
    } else if (lone->taken < (ssize_t)lone->given) {
        omc_send_note_ahead(&link->conn, (size_t)lone->taken, now);
    } else {
        omc_connection_note_sent(&link->conn);
        omc_match_note(link, lone->came);
    }
}
