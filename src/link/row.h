/*
 * Answers that come in a row, each the usual one to the oldest request, for a call that waits for
 * them and hears of nothing else.  They are handed out at once, without a report of each.
 */
#ifndef OMC_LINK_ROW_H
#define OMC_LINK_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "link/report.h"

/* Hands out those at the front of what was read, and settles their requests, and those in front of
 * them whose silence says that there is nothing.  Whether nothing is left then; the first that is
 * not like that is for match.h. */
bool omc_row_take(struct omc_link *link, struct omc_sink *sink, int64_t now);

#endif
