/*
 * Telling the application what to watch its descriptors for.
 */
#ifndef OMC_CLIENT_TELL_H
#define OMC_CLIENT_TELL_H

#include <stdbool.h>

#include "client/handle.h"
#include "omcache.h"

/* Sets who is told, from all that is open on; func NULL: nobody. */
void omc_tell_set_watch_callback(omcache_t *mc, omcache_watch_callback_func *func, void *context);

/* Whether there may be something to be told; and tells of it. */
static inline bool omc_tell_has_news(const omcache_t *mc)
{
    return omc_watch_has_news(&mc->shared.watches);
}
void omc_tell_watches(omcache_t *mc);

#endif
