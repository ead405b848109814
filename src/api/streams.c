/*
 * Requests that are answered with lines, for each of which the callback is called.
 */
#include "client/streams.h"
#include "api/async.h"
#include "api/call.h"
#include "omcache.h"

/* Begins one, which somebody has to hear of. */
static int start_listing(omcache_t *mc, uint8_t opcode, const char *what, int server_index,
                         int32_t timeout_msec, omcache_reply_callback_func *func, void *context)
{
    struct omc_ask ask = {
        .op = opcode,
    };

    if (func == NULL)
        return OMCACHE_INVALID;
    return omc_async_start_at(mc, &ask, what, server_index, timeout_msec, func, context);
}

int omcache_async_dump_keys(omcache_t *mc, int server_index, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context)
{
    return start_listing(mc, OMC_OP_DUMP, NULL, server_index, timeout_msec, func, context);
}

int omcache_async_watch(omcache_t *mc, const char *events, int server_index, int32_t timeout_msec,
                        omcache_reply_callback_func *func, void *context)
{
    return start_listing(mc, OMC_OP_WATCH, events, server_index, timeout_msec, func, context);
}

int omcache_end_streams(omcache_t *mc, void *context)
{
    int rc = omc_call_refusal(mc);

    if (rc != OMCACHE_OK)
        return rc;
    omc_call_begin(mc);
    omc_streams_cancel(mc, context);
    omc_call_end(mc);
    return OMCACHE_OK;
}
