/*
 * One turn of the loop over the servers that have something to do: push what can
 * go out, wait, handle what came in.
 */
#ifndef OMC_CLIENT_LOOP_H
#define OMC_CLIENT_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

/* Sends what is new since the last time, all requests to one server together. */
void omc_loop_send(omcache_t *mc, int64_t now);

/* Only fences what is new, and starts the connections for it. */
void omc_loop_prepare(omcache_t *mc, int64_t now);

/* Gives up what has run out of time, and goes on with what waits for a time; reads: answers that
 * lie in a stream, too, as this is a call that hands them out. */
void omc_loop_check_deadlines(omcache_t *mc, bool reads, int64_t now);

/* Notes that the application is to see the descriptors, from now on. */
void omc_loop_show(omcache_t *mc);

/* Chooses the sockets of active servers, and those of the resolver, for a wait. */
void omc_loop_choose(omcache_t *mc);

/* The earliest deadline of all, or OMC_CLOCK_NEVER. */
int64_t omc_loop_deadline(omcache_t *mc);

/* Waits up to msec milliseconds for the sockets of all. */
void omc_loop_wait(omcache_t *mc, int msec);

/* Handles what the wait has found, then overdue deadlines. */
void omc_loop_dispatch(omcache_t *mc, int64_t now);

/* Acts on what was found about one descriptor; false if it is none of those that are
 * open. */
bool omc_loop_process_fd(omcache_t *mc, int fd, short ready, int64_t now);

/* Whether there is a server with something to do. */
bool omc_loop_is_active(omcache_t *mc);

/* Whether no server owes an answer or has something unsent, and no operation is to
 * be told of its end. */
bool omc_loop_is_idle(omcache_t *mc);

/* Whether a server cannot be read from before values are released; and looks at
 * all of them anew, as at the end of a call. */
bool omc_loop_is_stalled(const omcache_t *mc);
void omc_loop_forget_stalls(omcache_t *mc);

/* Handles what was read for a call outside of this one, which has run a callback. */
void omc_loop_take_rests(omcache_t *mc, int64_t now);

/* A call waits no longer: doubts those who have kept silent. */
void omc_loop_doubt(omcache_t *mc, int64_t now);

/* Forgets all requests of all servers. */
void omc_loop_forget(omcache_t *mc, int64_t now);

#endif
