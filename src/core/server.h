/*
 * A server: its name, its connection and where in its life that is.  All
 * changes of state go through omc_server_event.
 */
#ifndef OMC_CORE_SERVER_H
#define OMC_CORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadlines.h"
#include "core/connection.h"
#include "core/counters.h"
#include "core/endpoint.h"
#include "core/race.h"
#include "core/second.h"
#include "core/state.h"
#include "core/watch.h"
#include "omcache.h"
#include "route/server_list.h"

struct omc_server {
    struct omc_server_name name;
    uint32_t index; /* in the sorted list */
    enum omc_state state;
    struct omc_connection conn;
    struct omc_watch watch; /* of its socket */
    struct omc_endpoint endpoint;
    struct omc_race race;       /* while connecting */
    struct omc_address address; /* what it is connected to */
    struct omc_second *second;  /* a connection beside that, while it is in doubt, or NULL */
    int64_t doubted_at;         /* when the last one of those began */
    enum omc_greeting known;    /* what it answers, for all that is known */
    enum omc_greeting greeting; /* that of the handshake under way, or the next one, if chosen */
    bool cautious;              /* the next hello goes alone */
    uint32_t failures;          /* since the last answer: attempts to connect that failed, */
    uint32_t wasted;            /* connections that proved themselves and gave no answer */
    uint32_t logged_at;         /* when losses last were, in microseconds that wrap; 0: never */
    int64_t retry_at;           /* while down: when to reconnect */
    int64_t nudged_at;          /* when a reconnect was last pushed forward */

    struct omc_counters counters;
    struct omc_deadline deadline; /* in the handle's heap; the real one may be later */

    bool active;             /* in the fleet's list of servers with something to do, */
    size_t active_at;        /* at this place */
    bool touched;            /* in its list of those that something has happened to */
    bool pinned;             /* in its list of those whose inbox is pinned */
    bool unsent;             /* in its list of those with new requests */
    bool full;               /* has refused an operation for want of room, */
    size_t full_size;        /* so many bytes at most */
    bool dropped;            /* not in the fleet any more, */
    bool losing;             /* in the list of those with losses to be logged: */
    uint16_t loss_status;    /* how the last one ended, */
    uint32_t unlogged;       /* and how many those are */
    struct omc_server *next; /* in the list of those dropped, to be freed */
    struct omc_server *next_losing;
};

/* A server with a copy of that name, and memory of that pool; NULL without memory. */
struct omc_server *omc_server_new(const struct omc_server_name *name, struct omc_pool *pool,
                                  uint32_t first_number);

/* Frees one that was aborted. */
void omc_server_free(omcache_t *mc, struct omc_server *server);

/* Queues a request on its connection, to be sent soon; as omc_connection_submit. */
int omc_server_submit(omcache_t *mc, struct omc_server *server, const omcache_req_t *req,
                      struct omc_prefix prefix, const struct omc_pending *pending, size_t limit);

/* Notes that the newest request of its connection is new, and whose. */
void omc_server_queued(omcache_t *mc, struct omc_server *server, struct omc_operation *operation);

/* Notes an answer to a request: its server is of use. */
static inline void omc_server_note_answer(struct omc_server *server, int64_t now)
{
    omc_connection_note_life(&server->conn, now);
    server->conn.answered = true;
    server->conn.parts = 0;
    server->failures = 0;
    server->wasted = 0;
}

/* Notes what is to be done about a new request. */
void omc_server_note_request(omcache_t *mc, struct omc_server *server);

/* What happens to the server; `reason` says why, for the log. */
void omc_server_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                      const char *reason, int64_t now);

/* Closes one that is given up and fails all of its requests with a status; how
 * many. */
size_t omc_server_abort(omcache_t *mc, struct omc_server *server, int status);

/* Fences its quiet requests, and starts to connect if it is idle and has
 * something to send. */
void omc_server_prepare(omcache_t *mc, struct omc_server *server, int64_t now);

/* Writes what the kernel takes, if there is anything to write. */
void omc_server_write(omcache_t *mc, struct omc_server *server, int64_t now);

/* Acts on what the wait has found about its sockets. */
void omc_server_ready(omcache_t *mc, struct omc_server *server, int64_t now);

/* Goes on with one whose name was being looked up: that has ended, or must be begun
 * again. */
void omc_server_found(omcache_t *mc, struct omc_server *server, int64_t now);

/* Whether it must be polled, or pushed; recovery.h looks after those that are down. */
bool omc_server_has_work(const struct omc_server *server);

/* What its connection is to be watched for. */
short omc_server_events(const struct omc_server *server);

/* Chooses its sockets for the next wait. */
void omc_server_choose(omcache_t *mc, struct omc_server *server);

#endif
