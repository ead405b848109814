/*
 * What to do when something of ours runs out, descriptors, ports or memory: that tells
 * nothing of a server, so none is down for it, and no request goes elsewhere.
 */
#ifndef OMC_LINK_SHORTAGE_H
#define OMC_LINK_SHORTAGE_H

#include "link/link.h"
#include "link/phase.h"

/* What an errno that tells of a shortage means for a server: it ends what it was about to do.
 * What waits for its connection fails with omc_shortage_status.  The log tells once of each
 * kind. */
struct omc_news omc_shortage_news(const struct omc_link *link, int error);

/* OMCACHE_NO_MEMORY or OMCACHE_NO_DESCRIPTORS. */
int omc_shortage_status(int error);

#endif
