/*
 * Deadlines of servers, each derived from what its connection is about.
 */
#include "client/patience.h"

#include <poll.h>

#include "base/clock.h"
#include "client/doubt.h"
#include "client/handle.h"
#include "client/lifecycle.h"
#include "client/lookups.h"
#include "client/work.h"

enum {
    /* A deadline found overdue by so many milliseconds was not watched. */
    UNWATCHED_TIME = 100,
};

/* When an attempt to connect, the lookup before it included, has lasted too long. */
static int64_t connect_deadline(const omcache_t *mc, const struct omc_server *server)
{
    return omc_clock_after(server->conn.since, mc->settings.connect_timeout);
}

/* When one that owes something has kept silent for too long. */
static int64_t dead_deadline(const omcache_t *mc, const struct omc_server *server)
{
    return omc_clock_after(server->conn.since, mc->settings.dead_timeout);
}

int64_t omc_patience_deadline(const omcache_t *mc, const struct omc_server *server)
{
    const struct omc_connection *conn = &server->conn;
    int64_t deadline = OMC_CLOCK_NEVER;

    if (omc_work_is_pending(server)) /* its descriptor need not tell of it */
        return 0;
    if (omc_state_is_connecting(server->state))
        deadline = omc_race_deadline(&server->race);
    if (omc_state_is_resolving(server->state) || omc_state_is_connecting(server->state))
        return deadline < connect_deadline(mc, server) ? deadline : connect_deadline(mc, server);
    if (omc_state_is_connected(server->state) && omc_connection_awaits_peer(conn))
        deadline = dead_deadline(mc, server);
    return omc_doubt_deadline(mc, server) < deadline ? omc_doubt_deadline(mc, server) : deadline;
}

/* Perhaps nobody has looked for a long time, or a callback asks that was told an answer while
 * others wait behind it. */
static bool is_silence_ours(const struct omc_server *server)
{
    const struct omc_connection *conn = &server->conn;

    if (conn->handling && omc_buffer_size(&conn->in.buffer) > 0)
        return true;
    return !conn->foreign && omc_work_has_come(server);
}

/* Why its deadline makes it fail, or NULL if it does not. */
static const char *reason_of_deadline(const omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (omc_state_is_connected(server->state)) {
        if (!omc_connection_awaits_peer(&server->conn) || now < dead_deadline(mc, server))
            return NULL; /* it was the second connection's */
        if (!is_silence_ours(server))
            return "no answer within the dead timeout";
        server->conn.since = now;
        return NULL;
    }
    if (now < connect_deadline(mc, server))
        return NULL;
    if (omc_state_is_resolving(server->state))
        return "name not found within the connect timeout";
    return omc_state_is_connecting(server->state) ? "connect timeout" : NULL;
}

/* Perhaps nobody has looked since the name was found, or the connection was made.  What goes on
 * only now has not had its time. */
static void look(omcache_t *mc, struct omc_server *server, bool unwatched, int64_t now)
{
    enum omc_state before = server->state;

    if (omc_state_is_resolving(before))
        omc_lookups_look(mc, now);
    if (unwatched && server->state != before)
        server->conn.since = now;
    omc_watch_choose_none(&mc->watches);
    omc_lifecycle_choose(mc, server);
    omc_watch_wait(&mc->watches, 0);
    omc_lifecycle_ready(mc, server, now);
}

void omc_patience_check(omcache_t *mc, struct omc_server *server, int64_t now)
{
    int64_t deadline = omc_patience_deadline(mc, server);
    bool was_up = omc_state_is_up(server->state), unwatched = now - deadline >= UNWATCHED_TIME;
    const char *reason;

    if (now < deadline)
        return;
    if (omc_work_is_pending(server)) {
        omc_lifecycle_receive(mc, server, now);
        return;
    }
    omc_doubt_check_deadline(mc, server, now);
    if (omc_state_is_resolving(server->state) || omc_state_is_connecting(server->state))
        look(mc, server, unwatched, now);
    reason = reason_of_deadline(mc, server, now);
    if (reason != NULL)
        omc_lifecycle_event(mc, server, OMC_EVENT_FAILED, reason, now);
    /* A reconnect that nobody watched has proved nothing: again, at once. */
    if (reason != NULL && !was_up && unwatched)
        server->retry_at = now;
}
