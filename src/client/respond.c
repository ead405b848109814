/*
 * Calling the response callback; see respond.h.
 */
#include "client/respond.h"

void omc_respond_call(omcache_t *mc, const omcache_value_t *value)
{
    omcache_value_t copy = *value; /* the callback may write to it */

    mc->calling = true;
    mc->response_func(mc, &copy, mc->response_context);
    mc->calling = false;
}
