/*
 * What to do when something of ours runs out, descriptors, ports or memory: that tells
 * nothing of a server, so none is down for it, and no request goes elsewhere.
 */
#ifndef OMC_CORE_SHORTAGE_H
#define OMC_CORE_SHORTAGE_H

#include <stdint.h>

#include "core/server.h"
#include "omcache.h"

/* Ends what a server was about to do, for want of what an errno tells of.  What waits for
 * its connection fails with omc_shortage_status.  The log tells once of each kind. */
void omc_shortage_note(omcache_t *mc, struct omc_server *server, int error, int64_t now);

/* OMCACHE_NO_MEMORY or OMCACHE_NO_DESCRIPTORS. */
int omc_shortage_status(int error);

#endif
