/*
 * A server of a handle: its name, its link, and what is to be done about it.
 */
#ifndef OMC_CLIENT_SERVER_H
#define OMC_CLIENT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadlines.h"
#include "link/link.h"
#include "omcache.h"
#include "route/server_list.h"

/* Orders of the command that is being submitted, by their places. */
struct omc_chain {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct omc_server {
    struct omc_link link; /* first, so that it can be found by it */
    struct omc_server_name name;
    struct omc_server *home; /* of a stream's (streams.h): the one that is in the list; or NULL */
    uint32_t index;     /* in the fleet's array: the sorted list, and behind it those of streams */
    uint32_t logged_at; /* when losses last were, in microseconds that wrap; 0: never */
    int64_t nudged_at;  /* when a reconnect was last pushed forward */

    struct omc_deadline deadline; /* in the handle's collection; the real one may be later */

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
    struct omc_chain run;        /* the orders for it, while a command is being submitted, */
    struct omc_server *next_run; /* and the next server with such */
};

static inline struct omc_server *omc_server_of(struct omc_link *link)
{
    return (struct omc_server *)link;
}

#endif
