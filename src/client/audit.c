/*
 * What is kept of servers, against what follows from their connections.
 */
#include "client/audit.h"

#ifdef OMC_AUDIT
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/handle.h"
#include "client/loop.h"
#include "link/patience.h"
#include "link/work.h"

enum {
    FEW = 20,    /* servers are looked at */
    SHORT = 200, /* queues are walked along */
};

static void check(bool is_right, const struct omc_server *server, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "omcache: %s:%s (phase %d): %s is not what it should be\n", server->name.host,
            server->name.port, (int)server->link.phase, what);
    abort();
}

/* Who has asked may be gone when the request is settled. */
static void audit_asker(const struct omc_server *server, const struct omc_pending *pending,
                        uint32_t number)
{
    const struct omc_asker *asker = pending->settled ? NULL : pending->claim.asker;

    if (asker == NULL)
        return;
    check(asker->link == &server->link && asker->number == number, server,
          "where who asks finds the request");
    check(pending->claim.owner != OMC_OWNER_BATCH || (asker->key == NULL && !asker->waits), server,
          "what a call has lent that has returned");
}

static void audit_queue(const struct omc_server *server)
{
    const struct omc_connection *conn = &server->link.conn;
    const struct omc_queue *queue = &conn->queue;
    uint32_t open = 0, idle = 0;
    bool awaits_answer = false;
    size_t unsent = 0;

    if (queue->count > SHORT)
        return;
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_slot(queue, queue->first + i);

        audit_asker(server, pending, queue->first + i);
        open += omc_queue_is_open(pending);
        idle += omc_queue_is_open(pending) && omc_queue_is_idle(pending);
        if (!omc_connection_was_sent(conn, queue->first + i) || pending->half)
            unsent += pending->refused ? 0 : omc_ask_size(&pending->ask);
        awaits_answer =
            awaits_answer || (!pending->quiet && omc_connection_was_sent(conn, queue->first + i));
    }
    check(queue->open == open && queue->idle == idle, server, "the number of open requests");
    check(omc_connection_awaits_answer(conn) == awaits_answer, server, "what is owed");
    check(conn->unsent == unsent, server, "the number of unsent bytes");
    check(omc_queue_next(queue) - conn->begun <= queue->count, server, "what was written");
    check(!omc_connection_waits(conn) || conn->borrowed == omc_queue_next(queue), server,
          "what is borrowed");
}

static void audit_server(const omcache_t *mc, const struct omc_server *server)
{
    const struct omc_connection *conn = &server->link.conn;
    const struct omc_pending *last = omc_queue_last(&conn->queue);
    int64_t deadline = omc_patience_deadline(&server->link);

    audit_queue(server);
    check(!conn->held || server->link.second != NULL || server->link.phase == OMC_PHASE_GREETING,
          server, "what is held back");
    check(!server->touched, server, "the list of touched servers");
    check((server->link.phase == OMC_PHASE_GREETING) == (conn->hello_len > 0), server, "the hello");
    check(omc_phase_is_connected(server->link.phase) == omc_stream_is_open(&conn->stream), server,
          "the stream");
    check((server->link.phase == OMC_PHASE_SECURING) == omc_stream_is_open(&server->link.coming),
          server, "the stream to be made safe");
    check(deadline == OMC_CLOCK_NEVER ||
              (server->deadline.place > 0 && server->deadline.when <= deadline),
          server, "the deadline");
    check(server->link.watch.fd < 0 || server->link.watch.events == omc_work_events(&server->link),
          server, "what is watched");
    check(server->home != NULL || mc->fleet.down[server->index] == !server->link.up, server,
          "the list of servers that are down");
    check(!conn->stalled || (mc->fleet.stalled && server->active), server,
          "whether one is stalled");
    check(!omc_work_is_there(&server->link) || server->active, server,
          "the list of active servers");
    check(server->link.up || conn->queue.count == 0, server, "what one has that is down");
    check(last == NULL || !last->quiet || omc_queue_is_forgotten(last) || server->unsent, server,
          "the list of servers with quiet requests to be fenced");
}

/* One that is dropped has nothing any more, but for values that were handed out. */
static void audit_dropped(const struct omc_server *server)
{
    check(server->link.phase == OMC_PHASE_REST && server->link.watch.fd < 0 &&
              server->link.second == NULL && server->link.race.attempts == NULL &&
              server->link.conn.queue.count == 0,
          server, "a server that was dropped");
}

/* Looks at all servers if they are few, else at a few, and at others the next time. */
static void audit_some(const omcache_t *mc, struct omc_server **servers, size_t count)
{
    for (size_t i = 0; i < count && i < FEW; i++)
        audit_server(mc, servers[(mc->shared.usec + i) % count]);
}

/* The timeout callback was told of the deadline that there is, or of an earlier one. */
static void audit_timer(omcache_t *mc)
{
    if (mc->timeout_func == NULL || omc_loop_deadline(mc) >= mc->told_deadline)
        return;
    fprintf(stderr, "omcache: the timeout callback was not told of a deadline\n");
    abort();
}

void omc_audit(omcache_t *mc)
{
    audit_timer(mc);
    audit_some(mc, mc->fleet.active, mc->fleet.active_count);
    audit_some(mc, mc->fleet.servers, mc->fleet.all);
    for (const struct omc_server *server = mc->dropped; server != NULL; server = server->next)
        audit_dropped(server);
}
#else
typedef int omc_audit_is_for_tests_only;
#endif
