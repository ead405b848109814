/*
 * The server for a key.
 */
#ifndef OMC_CLIENT_CHOICE_H
#define OMC_CLIENT_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "client/fleet.h"
#include "client/pick.h"
#include "client/server.h"
#include "omcache.h"

/* The same where the one that it belongs to is down. */
struct omc_server *omc_choice_instead(omcache_t *mc, struct omc_server *own,
                                      const unsigned char *key, size_t key_len, int64_t now);

/* The usable server for a key, or NULL.  If the one that it belongs to is down, that is reason to
 * look after it. */
static inline struct omc_server *omc_choice_of(omcache_t *mc, const unsigned char *key,
                                               size_t key_len, int64_t now)
{
    struct omc_server *own = omc_pick_own(mc, key, key_len);

    return own == NULL || omc_state_is_up(own->state)
               ? own
               : omc_choice_instead(mc, own, key, key_len, now);
}

#endif
