/*
 * What becomes of the requests of a connection that ends.
 */
#ifndef OMC_CLIENT_ENDING_H
#define OMC_CLIENT_ENDING_H

#include <stddef.h>

#include "client/server.h"
#include "omcache.h"

enum omc_fate {
    OMC_FATE_END,    /* they end with the status */
    OMC_FATE_MOVE,   /* those that were sent; the others go to where they belong now, if possible */
    OMC_FATE_STARVE, /* those that were not sent */
};

/* Takes its requests away.  How many failed. */
size_t omc_ending_of(omcache_t *mc, struct omc_server *server, enum omc_fate fate, int status);

#endif
