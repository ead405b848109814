/*
 * What there is to do about a server, each derived from its phase and its connection.
 */
#ifndef OMC_LINK_WORK_H
#define OMC_LINK_WORK_H

#include <stdbool.h>

#include "link/link.h"

/* Whether it must be polled, or pushed; recovery.h looks after those that are down. */
bool omc_work_is_there(const struct omc_link *link);

/* What its connection is to be watched for. */
short omc_work_events(const struct omc_link *link);

/* Whether its peer has done something that nobody has looked at yet: it has said something, or
 * taken some of what the kernel was full of. */
bool omc_work_has_come(const struct omc_link *link);

/* Whether it is to be received from at once, though nothing be found about its descriptor. */
bool omc_work_is_pending(const struct omc_link *link);

#endif
