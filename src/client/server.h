/*
 * A server: its name, its connection and where in its life that is.  Only
 * lifecycle.c changes its state.
 */
#ifndef OMC_CLIENT_SERVER_H
#define OMC_CLIENT_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadlines.h"
#include "client/counters.h"
#include "link/connection.h"
#include "link/endpoint.h"
#include "link/race.h"
#include "link/second.h"
#include "link/state.h"
#include "link/watch.h"
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

/* Notes an answer to a request: its server is of use. */
static inline void omc_server_note_answer(struct omc_server *server, int64_t now)
{
    omc_connection_note_life(&server->conn, now);
    server->conn.answered = true;
    server->conn.parts = 0;
    server->failures = 0;
    server->wasted = 0;
}

#endif
