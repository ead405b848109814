/*
 * The server for a key; see choice.h.
 */
#include "core/choice.h"

#include "core/handle.h"
#include "core/recovery.h"

struct omc_server *omc_choice_of(omcache_t *mc, const unsigned char *key, size_t key_len,
                                 int64_t now)
{
    struct omc_server *own = omc_fleet_own(mc, key, key_len);

    if (own == NULL || omc_state_is_up(own->state))
        return own;
    omc_recovery_look(mc, own, now);
    return omc_state_is_up(own->state) ? own : omc_fleet_stand_in(mc, key, key_len);
}
