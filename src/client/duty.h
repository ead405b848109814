/*
 * What is to be done about the servers of a fleet.  Only those are looked at in a turn
 * of the loop that are on one of the lists here, or due.
 */
#ifndef OMC_CLIENT_DUTY_H
#define OMC_CLIENT_DUTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/fleet.h"
#include "client/server.h"
#include "omcache.h"

/* Brings the lists of touch.h up to date, once for all that has happened, and takes servers that
 * have nothing to do off the list of active ones.  Whoever reads what is kept here
 * does that first. */
void omc_duty_update(omcache_t *mc);

/* The earliest deadline of all servers, or OMC_CLOCK_NEVER; and acts on those that
 * have come: on those that are over because something lies in a stream only if answers may be read
 * now, and on none behind them then. */
int64_t omc_duty_deadline(omcache_t *mc);
void omc_duty_check_deadlines(omcache_t *mc, bool reads, int64_t now);

/* Looks at all deadlines anew, after a setting that they depend on. */
void omc_duty_update_deadlines(omcache_t *mc);

/* Tells the application which servers have room again. */
void omc_duty_tell_drained(omcache_t *mc);

#endif
