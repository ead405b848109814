/*
 * Telling operations of their outcomes.
 */
#ifndef OMC_CLIENT_COMPLETION_H
#define OMC_CLIENT_COMPLETION_H

#include "client/operation.h"
#include "client/server.h"
#include "omcache.h"
#include "proto/codec.h"

/* Tells of an answer; the last one ends the operation.  If a call has taken it that waits, the
 * depth of that, else 0. */
unsigned omc_completion_reply(omcache_t *mc, struct omc_operation *operation,
                              struct omc_server *server, const struct omc_reply *reply);

/* Tells of those that have ended up to now. */
void omc_completion_tell(omcache_t *mc);

#endif
