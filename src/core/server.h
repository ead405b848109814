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
    bool found; /* in the list of those whose names were found */
    struct omc_server *next_found;
};

/* A server with a copy of that name, and memory of that pool; NULL without memory. */
struct omc_server *omc_server_new(const struct omc_server_name *name, struct omc_pool *pool,
                                  uint32_t first_number);

/* Frees one that was aborted. */
void omc_server_free(omcache_t *mc, struct omc_server *server);

/* Notes an answer to a request: its server is of use. */
static inline void omc_server_note_answer(struct omc_server *server, int64_t now)
{
    omc_connection_note_life(&server->conn, now);
    server->conn.answered = true;
    server->conn.parts = 0;
    server->failures = 0;
    server->wasted = 0;
}

/* What happens to the server; `reason` says why, for the log. */
void omc_server_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                      const char *reason, int64_t now);

/* Its connection has failed while it was written to. */
void omc_server_broken(omcache_t *mc, struct omc_server *server, int64_t now);

/* It is about to be given requests: has them wait in a form that refuses none. */
void omc_server_expect(omcache_t *mc, struct omc_server *server, int64_t now);

/* Reads once and handles every answer that is complete.  Ends the connection if the peer did, or
 * if what came cannot be an answer. */
void omc_server_receive(omcache_t *mc, struct omc_server *server, int64_t now);

/* Handles what was read and is not handled yet: the callback that makes this call was called
 * for an answer in front of it. */
void omc_server_receive_rest(omcache_t *mc, struct omc_server *server, int64_t now);

/* Closes one that is given up and fails all of its requests with a status; how
 * many. */
size_t omc_server_abort(omcache_t *mc, struct omc_server *server, int status);

/* Gives up the second connection, if there is one, with the first. */
void omc_server_drop_second(omcache_t *mc, struct omc_server *server);

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

/* Chooses its sockets for the next wait. */
void omc_server_choose(omcache_t *mc, struct omc_server *server);

#endif
