/*
 * One request, one answer; see express.h.
 */
#include "client/express.h"

#include <string.h>

#include "client/choice.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/lifecycle.h"
#include "client/pins.h"
#include "client/receive.h"
#include "link/answers.h"
#include "net/socket.h"
#include "proto/opcode.h"

enum {
    WAIT_MIN = 2 * OMC_SOCKET_PATIENCE, /* no deadline may be nearer */
};

/* Whether the handle has nothing else to do, and nobody else to tell. */
static bool is_free(const omcache_t *mc)
{
    return mc->fleet.active_count == 0 && mc->names.count == 0 &&
           mc->operations.deadlines.count == 0 && mc->operations.ended.first == NULL &&
           mc->response_func == NULL && !mc->shown && mc->settings.dead_timeout >= WAIT_MIN;
}

/* Whether exactly one answer is sure to come, and all is done then. */
static bool has_one_answer(const struct omc_codec *codec, uint8_t opcode)
{
    return !omc_opcode_is_quiet(opcode) && opcode != OMC_OP_STAT && opcode != OMC_OP_QUIT &&
           !(codec->lacks_initial && omc_opcode_is_delta(opcode));
}

/* The server to ask, or NULL if it is not ready to answer at once. */
static struct omc_server *find_server(omcache_t *mc, const omcache_req_t *req, int64_t now)
{
    struct omc_server *server = omc_choice_for(mc, req, now);

    return server != NULL && server->state == OMC_STATE_READY &&
                   omc_connection_is_fresh(&server->conn, now) &&
                   has_one_answer(server->conn.codec, req->header.opcode)
               ? server
               : NULL;
}

/* Leaves the rest to the long way. */
static enum omc_step hand_over(omcache_t *mc, struct omc_express *express, int64_t now)
{
    struct omc_server *server = express->server;

    omc_queue_push(&server->conn.queue, &express->pending);
    omc_connection_note_begun(&server->conn);
    if (server->conn.broken != 0)
        omc_lifecycle_broken(mc, server, now);
    omc_enqueue_note(mc, server);
    return OMC_STEP_LEFT;
}

enum omc_step omc_express_ask(omcache_t *mc, struct omc_express *express, omcache_req_t *req,
                              int32_t timeout_msec, int64_t now)
{
    struct omc_prefix prefix = omc_handle_prefix(mc, req->header.opcode);
    struct omc_server *server = NULL;
    struct omc_connection *conn;

    if ((timeout_msec < 0 || timeout_msec >= WAIT_MIN) && is_free(mc))
        server = find_server(mc, req, now);
    if (server == NULL || !omc_batch_begin(&mc->batch, 1))
        return OMC_STEP_NOTHING;
    conn = &server->conn;
    *express = (struct omc_express){
        .server = server,
        .pending = {.start = conn->written,
                    .tag = mc->batch.next_tag,
                    .asked = mc->usec,
                    .key_sum = omc_codec_key_sum(conn->codec, req, prefix),
                    .owner = OMC_OWNER_BATCH,
                    .opcode = req->header.opcode,
                    .prefix_len = (uint8_t)prefix.len,
                    .prefix_hashed = mc->fleet.routing.keys.hash_prefix,
                    .keyed = req->server_index == -1},
        .number = omc_queue_next(&conn->queue),
    };
    if (!omc_connection_ask(conn, req, prefix, mc->settings.send_limit, now))
        return OMC_STEP_NOTHING; /* the long way finds out why */
    omc_request_complete(req, omc_batch_add(&mc->batch));
    req->server_index = (int)server->index;
    server->counters.requests++;
    if (conn->broken != 0 || omc_connection_unsent(conn) > 0 || !omc_receive_await(mc, server))
        return hand_over(mc, express, now);
    return OMC_STEP_DONE;
}

static bool find_asked(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct omc_express *express = context;

    *found = (struct omc_expected){
        .opaque = opaque,
        .opcode = express->pending.opcode,
        .first = true,
        .key_sum = express->pending.key_sum,
    };
    return opaque == express->number;
}

static bool find_only(const void *context, struct omc_expected *found)
{
    const struct omc_express *express = context;

    return find_asked(context, express->number, found);
}

/* Whether a reply is the answer, and can be told without more ado. */
static bool is_plain(const struct omc_express *express, const omcache_req_t *req,
                     const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;
    size_t prefix_len = express->pending.prefix_len, key_len = omc_request_key_len(req);

    if (reply->opaque != express->number || reply->opcode != express->pending.opcode ||
        !reply->last || reply->silent || value->status == OMCACHE_FAIL)
        return false;
    if (value->key_len == 0 || !omc_opcode_is_get(reply->opcode))
        return true;
    return value->key_len == prefix_len + key_len &&
           memcmp(value->key + prefix_len, req->key, key_len) == 0;
}

enum omc_step omc_express_take(omcache_t *mc, struct omc_express *express, const omcache_req_t *req,
                               struct omc_reply *reply, int64_t now)
{
    const struct omc_expect expect = {express, find_asked, find_only};
    struct omc_server *server = express->server;

    if (!omc_answers_peek(&server->conn, mc->settings.recv_limit, &expect, reply) ||
        !is_plain(express, req, reply))
        return hand_over(mc, express, now);
    if (express->pending.prefix_len > 0)
        omc_receive_strip(reply, express->pending.prefix_len);
    omc_answers_take(&server->conn);
    omc_server_note_answer(server, now);
    omc_counters_reply(&server->counters, reply, mc->usec - express->pending.asked);
    mc->batch.left = 0;
    if (reply->value.key_len > 0 || reply->value.data_len > 0)
        omc_pins_add(&mc->fleet, server, omc_pins_level_of_call(mc->depth));
    else
        omc_inbox_rest(&server->conn.in, 0);
    return OMC_STEP_DONE;
}
