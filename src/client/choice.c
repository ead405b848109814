/*
 * The server for a key whose own is down; see choice.h.
 */
#include "client/choice.h"

#include "client/handle.h"
#include "client/recovery.h"

struct omc_server *omc_choice_instead(omcache_t *mc, struct omc_server *own,
                                      const unsigned char *key, size_t key_len, int64_t now)
{
    omc_recovery_look(mc, own, now);
    return own->link.up ? own : omc_pick_stand_in(mc, key, key_len);
}
