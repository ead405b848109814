/*
 * Calling the response callback.
 */
#ifndef OMC_CLIENT_RESPOND_H
#define OMC_CLIENT_RESPOND_H

#include "client/handle.h"
#include "omcache.h"

/* Calls the response callback, which there must be. */
void omc_respond_call(omcache_t *mc, const omcache_value_t *value);

static inline void omc_respond(omcache_t *mc, const omcache_value_t *value)
{
    if (mc->response_func != NULL)
        omc_respond_call(mc, value);
}

#endif
