/*
 * One request, one answer; see express.h.
 */
#include "client/express.h"

#include <errno.h>
#include <string.h>

#include "client/choice.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/pins.h"
#include "client/turn.h"
#include "link/answers.h"
#include "link/life.h"
#include "link/match.h"
#include "link/send.h"
#include "net/socket.h"
#include "proto/opcode.h"

enum {
    WAIT_MIN = 2 * OMC_SOCKET_PATIENCE, /* no deadline may be nearer */
};

/* Whether the handle has nothing else to do, and nobody else to tell. */
static bool is_free(const omcache_t *mc)
{
    return mc->fleet.active_count == 0 && mc->shared.names.count == 0 &&
           mc->operations.deadlines.count == 0 && mc->operations.ended.first == NULL &&
           mc->response_func == NULL && !mc->shown && mc->shared.settings.dead_timeout >= WAIT_MIN;
}

/* Whether exactly one answer is sure to come, and all is done then. */
static bool has_one_answer(const struct omc_codec *codec, uint8_t opcode)
{
    return !omc_opcode_is_quiet(opcode) && opcode != OMC_OP_STAT && opcode != OMC_OP_QUIT &&
           !(codec->lacks_initial && omc_opcode_is_delta(opcode));
}

struct omc_server *omc_express_find(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                    int32_t timeout_msec, int64_t now)
{
    struct omc_server *server = NULL;

    if ((timeout_msec < 0 || timeout_msec >= WAIT_MIN) && is_free(mc))
        server = omc_choice_for(mc, ask, server_index, now);
    return server != NULL && server->link.phase == OMC_PHASE_READY &&
                   omc_connection_is_fresh(&server->link.conn, now) &&
                   has_one_answer(server->link.conn.codec, ask->op)
               ? server
               : NULL;
}

/* Leaves the rest to the long way. */
static enum omc_step hand_over(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_keep(mc, server, now);
    omc_enqueue_note(mc, server);
    return OMC_STEP_LEFT;
}

enum omc_step omc_express_ask(omcache_t *mc, struct omc_express *express, const struct omc_ask *ask,
                              bool keyed, int64_t now)
{
    struct omc_server *server = express->server;
    const struct omc_claim claim = {
        .owner = OMC_OWNER_BATCH,
        .asker = &mc->batch.orders[0].asker,
        .asked = mc->shared.usec,
        .keyed = keyed,
    };

    express->number = omc_queue_next(&server->link.conn.queue);
    if (omc_enqueue(mc, server, ask, &claim, OMC_ENQUEUE_BORROW) != OMCACHE_OK)
        return OMC_STEP_NOTHING; /* the long way finds out why */
    omc_batch_add(&mc->batch, 0);
    mc->batch.orders[0].asker.link = &server->link;
    server->link.counters.requests++;
    if (!omc_send(&server->link.conn, now)) {
        omc_life_broken(&server->link, errno);
        omc_turn_take(mc, server, now);
        return hand_over(mc, server, now);
    }
    if (omc_connection_waits(&server->link.conn) || !omc_match_await(&server->link))
        return hand_over(mc, server, now);
    return OMC_STEP_DONE;
}

/* Whether a reply is the answer, and can be told without more ado. */
static bool is_plain(const struct omc_express *express, const struct omc_ask *ask,
                     struct omc_reply *reply, size_t prefix_len)
{
    const omcache_value_t *value = &reply->value;

    omc_match_strip(reply, prefix_len);
    if (reply->opaque != express->number || reply->opcode != ask->op || !reply->last ||
        reply->silent || value->status == OMCACHE_FAIL)
        return false;
    if (value->key_len == 0 || !omc_opcode_is_get(reply->opcode))
        return true;
    return value->key_len == ask->key_len && memcmp(value->key, ask->key, ask->key_len) == 0;
}

enum omc_step omc_express_take(omcache_t *mc, struct omc_express *express,
                               const struct omc_ask *ask, struct omc_reply *reply, int64_t now)
{
    struct omc_server *server = express->server;
    struct omc_queue *queue = &server->link.conn.queue;
    struct omc_pending *pending = omc_queue_slot(queue, express->number);

    if (!omc_answers_peek(&server->link.conn, mc->shared.settings.recv_limit, reply) ||
        !is_plain(express, ask, reply, pending->claim.prefix_len))
        return hand_over(mc, server, now);
    omc_answers_take(&server->link.conn);
    omc_link_note_answer(&server->link, now);
    omc_counters_reply(&server->link.counters, reply, mc->shared.usec - pending->claim.asked);
    omc_queue_settle(queue, pending);
    omc_batch_settle(&mc->batch, pending->claim.asker);
    if (reply->value.key_len > 0 || reply->value.data_len > 0)
        omc_pins_add(&mc->fleet, server, omc_inbox_level_of_call(mc->shared.depth));
    else
        omc_inbox_rest(&server->link.conn.in, 0);
    return OMC_STEP_DONE;
}
