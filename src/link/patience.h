/*
 * How long a server may take: to connect, to begin to answer, to prove itself beside
 * another connection.
 */
#ifndef OMC_LINK_PATIENCE_H
#define OMC_LINK_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "omcache.h"

/* When its time is over, or OMC_CLOCK_NEVER. */
int64_t omc_patience_deadline(const struct omc_link *link);

/* Why it fails now that its deadline has come; NULL if it does not. */
const char *omc_patience_reason(struct omc_link *link, int64_t now);

#endif
