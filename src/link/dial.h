/*
 * Dialling: learning the addresses of a server, connecting to one of them, and making the
 * connection safe.  All of these give what has happened by it, or nothing.
 */
#ifndef OMC_LINK_DIAL_H
#define OMC_LINK_DIAL_H

#include <stdint.h>

#include "link/link.h"

/* Learns its addresses: looks up its name if what is known is not fresh.  If that has not ended,
 * omc_names_take_found gives the link when there is more to know, and this is to be called again.
 */
struct omc_news omc_dial_resolve(struct omc_link *link, int64_t now);

/* Begins to connect to them; and goes on with that. */
struct omc_news omc_dial_connect(struct omc_link *link, int64_t now);
struct omc_news omc_dial_step(struct omc_link *link, int64_t now);

/* Goes on with making the connection safe, if it has to be. */
struct omc_news omc_dial_secure(struct omc_link *link);

#endif
