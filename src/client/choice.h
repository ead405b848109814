/*
 * The server for a key.
 */
#ifndef OMC_CLIENT_CHOICE_H
#define OMC_CLIENT_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "client/handle.h"
#include "client/pick.h"
#include "client/server.h"
#include "omcache.h"
#include "proto/ask.h"

/* The usable server for a key that belongs to `own`, which is down; or NULL. */
struct omc_server *omc_choice_instead(omcache_t *mc, struct omc_server *own,
                                      const unsigned char *key, size_t key_len, int64_t now);

/* The usable server for a key, or NULL.  If the one that it belongs to is down, that is reason to
 * look after it. */
static inline struct omc_server *omc_choice_of(omcache_t *mc, const unsigned char *key,
                                               size_t key_len, int64_t now)
{
    struct omc_server *own = omc_pick_own(mc, key, key_len);

    return own == NULL || own->link.up ? own : omc_choice_instead(mc, own, key, key_len, now);
}

/* The server that a request names (-1: none), or the usable one for its key; or NULL. */
static inline struct omc_server *omc_choice_for(omcache_t *mc, const struct omc_ask *ask,
                                                int server_index, int64_t now)
{
    if (server_index == -1)
        return omc_choice_of(mc, ask->key, ask->key_len, now);
    return omc_fleet_server(&mc->fleet, server_index);
}

#endif
