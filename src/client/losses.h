/*
 * Requests that failed or were refused, and nobody was told.
 */
#ifndef OMC_CLIENT_LOSSES_H
#define OMC_CLIENT_LOSSES_H

#include <stddef.h>

#include "client/server.h"
#include "omcache.h"

/* Notes so many of a server that ended with a status, if that is a failure: that a
 * condition was not met is an answer. */
void omc_losses_note(omcache_t *mc, struct omc_server *server, int status, size_t count);

/* Tells the log of what was noted, at most once a second for each server. */
void omc_losses_log(omcache_t *mc);

#endif
