/*
 * Handing out the outcomes of batches.
 */
#ifndef OMC_CLIENT_DELIVERY_H
#define OMC_CLIENT_DELIVERY_H

#include "link/queue.h"
#include "omcache.h"
#include "proto/codec.h"

/* Hands out an answer to an order (NULL: it is there no longer): to the response callback and, if
 * its batch is being collected, to the values.  If it was stored there, the depth of the call that
 * it is for, else 0. */
unsigned omc_delivery_of_answer(omcache_t *mc, struct omc_asker *asker,
                                const struct omc_reply *reply);

/* Hands out the failures noted, of the batches set aside, too.  Where none is collected only
 * the response callback is there to be told, or they are lost. */
void omc_delivery_of_failures(omcache_t *mc);

#endif
