/*
 * From bytes to reports: reading a server's answers and matching them to its requests.
 */
#ifndef OMC_LINK_MATCH_H
#define OMC_LINK_MATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"
#include "link/report.h"

/* Reads once.  The connection may have ended. */
void omc_match_read(struct omc_link *link);

/* The same in two steps, and it waits for something to read, but not for long: a number of bytes,
 * or OMC_SOCKET_AGAIN if there is nothing yet, or what omc_stream_receive has; and notes that. */
ssize_t omc_match_await(struct omc_link *link);
void omc_match_note(struct omc_link *link, ssize_t taken);

/* Looks whether there is something to read, and only then reads it; false if there is nothing. */
bool omc_match_look(struct omc_link *link);

/* Goes on with what was read.  False if there is nothing more.  Else it has something to report, or
 * the link has news, or it is to be called again. */
bool omc_match_next(struct omc_link *link, int64_t now, struct omc_report *report);

#endif
