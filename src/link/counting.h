/*
 * Going on with a counter that has an initial value, from one answer to the next request.
 */
#ifndef OMC_LINK_COUNTING_H
#define OMC_LINK_COUNTING_H

#include <stdbool.h>

#include "link/counter.h"
#include "link/link.h"
#include "omcache.h"

/* Looks at the answer to a request that has a counter.  True if another request took its place,
 * under the report's number.  Else the reply becomes the answer to the increment, and the counter
 * is freed. */
bool omc_counting_go_on(struct omc_link *link, struct omc_report *report);

#endif
