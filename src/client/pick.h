/*
 * From a key to a server.  Nothing is done by it: choice.h also looks after one that is down.
 */
#ifndef OMC_CLIENT_PICK_H
#define OMC_CLIENT_PICK_H

#include <stdbool.h>
#include <stddef.h>

#include "client/batch.h"
#include "client/server.h"
#include "link/queue.h"
#include "omcache.h"
#include "route/hash.h"

/* The server that a key belongs to while all are up, or NULL; and the one that takes it while that
 * is down, or NULL. */
struct omc_server *omc_pick_own(omcache_t *mc, const unsigned char *key, size_t key_len);
struct omc_server *omc_pick_stand_in(omcache_t *mc, const unsigned char *key, size_t key_len);

/* omc_pick_own for so many orders at once, OMC_HASH_TOGETHER at most, where
 * omc_router_picks_together; false if one of them names its server. */
bool omc_pick_together(const omcache_t *mc, const struct omc_order *orders, size_t count,
                       struct omc_server *own[OMC_HASH_TOGETHER]);

/* The usable server for the key of a request that was made before, which has the prefix of then in
 * it; or NULL. */
struct omc_server *omc_pick_again(omcache_t *mc, const struct omc_ask *ask,
                                  const struct omc_claim *claim);

#endif
