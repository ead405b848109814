/*
 * A server's turn without the loop; see alone.h.
 */
#include "client/alone.h"

#include "client/completion.h"
#include "client/handle.h"
#include "client/turn.h"
#include "link/match.h"
#include "link/patience.h"
#include "net/socket.h"

enum {
    WAIT_MIN = 2 * OMC_SOCKET_PATIENCE, /* no deadline may be nearer */
};

/* Whether a call for that server can do without the loop, as far as all others are concerned. */
static inline bool is_alone(const omcache_t *mc, const struct omc_server *server,
                            int32_t timeout_msec)
{
    return (timeout_msec < 0 || timeout_msec >= WAIT_MIN) &&
           mc->fleet.active_count == (size_t)server->active &&
           (mc->fleet.moved | mc->shared.names.count | mc->operations.deadlines.count) == 0 &&
           mc->operations.ended.first == NULL && mc->shared.settings.dead_timeout >= WAIT_MIN;
}

/* Whether there is nothing to be done about a request but to ask it. */
static inline bool is_plain(const omcache_t *mc, const struct omc_ask *ask)
{
    return mc->fleet.routing.keys.prefix_len == 0 && mc->response_func == NULL &&
           (uint64_t)ask->value_len + OMC_ASK_FRAME_MAX <= mc->send_limit;
}

bool omc_alone_ask(omcache_t *mc, struct omc_server *server, struct omc_ask *ask,
                   int32_t timeout_msec, int64_t now, struct omc_alone *alone)
{
    if (!is_alone(mc, server, timeout_msec) || !is_plain(mc, ask))
        return false;
    alone->asked = mc->shared.usec;
    return omc_lone_ask(&server->link, ask, now, &alone->lone);
}

bool omc_alone_answer(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      const struct omc_alone *alone, int64_t now, omcache_value_t *value)
{
    struct omc_link *link = &server->link;

    if (!omc_lone_take(link, ask, &alone->lone, mc->shared.usec - alone->asked, now, value))
        return false;
    link->counters.requests++;
    omc_batch_add_answered(&mc->batch);
    return true;
}

void omc_alone_go_on(omcache_t *mc, struct omc_server *server, const struct omc_alone *alone,
                     int64_t now)
{
    omc_lone_note(&server->link, &alone->lone, now);
    omc_alone_take(mc, server, now);
}

/* Whether nothing is due before that time, as far as can be told at a glance. */
static bool is_nothing_due(const omcache_t *mc, const struct omc_server *server, int64_t until)
{
    const struct omc_deadline *first = omc_deadlines_first(&mc->deadlines);

    return !mc->fleet.moved && (first == NULL || first->when >= until) &&
           omc_patience_deadline(&server->link) >= until &&
           omc_operation_deadline(&mc->operations) >= until && mc->shared.names.deadline >= until;
}

struct omc_server *omc_alone_find(const omcache_t *mc, int64_t now, int64_t deadline)
{
    struct omc_server *server = mc->fleet.active_count == 1 ? mc->fleet.active[0] : NULL;
    int64_t until = now + WAIT_MIN;

    return server != NULL && mc->shared.names.count == 0 && server->link.phase == OMC_PHASE_READY &&
                   server->link.second == NULL &&
                   omc_connection_awaits_answer(&server->link.conn) &&
                   !omc_connection_wants_write(&server->link.conn) && deadline >= until &&
                   is_nothing_due(mc, server, until)
               ? server
               : NULL;
}

bool omc_alone_await(struct omc_server *server)
{
    ssize_t taken = omc_match_await(&server->link);

    omc_match_note(&server->link, taken);
    return taken != OMC_SOCKET_AGAIN || server->link.conn.stalled; /* which is to be acted on */
}

void omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_receive(mc, server, now);
    if (mc->operations.ended.first != NULL)
        omc_completion_tell(mc);
}
