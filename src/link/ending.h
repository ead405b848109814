/*
 * What becomes of the requests of a connection that ends.
 */
#ifndef OMC_LINK_ENDING_H
#define OMC_LINK_ENDING_H

#include <stdbool.h>

#include "link/link.h"
#include "link/report.h"

/* Closes the connection, and takes its requests away. */
void omc_ending_begin(struct omc_link *link, enum omc_fate fate, int status);

/* Reports the next of them; false if there are no more. */
bool omc_ending_next(struct omc_link *link, struct omc_report *report);

#endif
