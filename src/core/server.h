/*
 * A server: its name, its connection and where in its life that is.  All
 * changes of state go through omc_server_event.
 */
#ifndef OMC_CORE_SERVER_H
#define OMC_CORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/connection.h"
#include "core/endpoint.h"
#include "core/race.h"
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
    uint32_t failures;          /* attempts to connect that failed in a row */
    int64_t retry_at;           /* while down: when to reconnect */
    int64_t nudged_at;          /* when a reconnect was last pushed forward */

    bool active;      /* in the fleet's list of servers with something to do, */
    size_t active_at; /* at this place */
    bool pinned;      /* in its list of those whose inbox is pinned */
};

/* A server with a copy of that name; NULL without memory. */
struct omc_server *omc_server_new(const struct omc_server_name *name, uint32_t first_number);

/* Closes and frees it; its requests must have been failed before. */
void omc_server_free(omcache_t *mc, struct omc_server *server);

/* What happens to the server; `reason` says why, for the log. */
void omc_server_event(omcache_t *mc, struct omc_server *server, enum omc_event event,
                      const char *reason, int64_t now);

/* Fails all requests of a server that is being removed; how many. */
size_t omc_server_fail_requests(omcache_t *mc, struct omc_server *server);

/* Whether it takes requests.  If it is down and its time has come, pushes its
 * reconnect a step forward, at most once a millisecond; whatever comes of that
 * is for the next one who asks. */
bool omc_server_is_usable(omcache_t *mc, struct omc_server *server, int64_t now);

/* Looks whether the peer has closed a connection that nothing happened on for a
 * while, so that no request need fail for it. */
void omc_server_check_idle(omcache_t *mc, struct omc_server *server, int64_t now);

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

/* Does what its deadline was for: fails it without a sign of life, or tries its
 * next address. */
void omc_server_check_deadline(omcache_t *mc, struct omc_server *server, int64_t now);

/* When that will be, or OMC_CLOCK_NEVER. */
int64_t omc_server_deadline(const omcache_t *mc, const struct omc_server *server);

/* Whether it must be polled, or pushed. */
bool omc_server_has_work(const struct omc_server *server);

/* Chooses its sockets for the next wait. */
void omc_server_choose(omcache_t *mc, struct omc_server *server);

#endif
