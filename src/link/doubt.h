/*
 * Whether a server that keeps silent is still there, found out by a second connection.  If
 * that is answered and the first is not, it takes its place: what was sent fails, and what
 * was not is sent.  For a moment nothing more is sent, so that not much is lost.  A server that
 * answers on neither is only slow, or suspended, for all that can be known: it is given up no
 * sooner for that.
 */
#ifndef OMC_LINK_DOUBT_H
#define OMC_LINK_DOUBT_H

#include <stdint.h>

#include "link/link.h"
#include "omcache.h"

/* The request with that number got no answer within its own time, or the newest one that was
 * sent, when a call has waited in vain: begins to doubt a ready connection on which nothing
 * useful has come since; or, if a second one has proved itself, looks whether somebody still waits.
 */
void omc_doubt_begin(struct omc_link *link, uint32_t number, int64_t now);
void omc_doubt_call(struct omc_link *link, int64_t now);

/* Goes on with what was found about the sockets. */
void omc_doubt_step(struct omc_link *link, int64_t now);

/* When it is to be looked at whatever comes, or OMC_CLOCK_NEVER; and does what is due. */
int64_t omc_doubt_deadline(const struct omc_link *link);
void omc_doubt_check_deadline(struct omc_link *link, int64_t now);

#endif
