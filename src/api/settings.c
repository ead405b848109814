/*
 * A handle's life and its settings.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "api/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "client/duty.h"
#include "client/handle.h"
#include "client/setup.h"
#include "omcache.h"
#include "route/router.h"

omcache_t *omcache_init(void)
{
    struct omc_routing routing = {.custom = NULL};
    uint32_t seed = (uint32_t)getpid() ^ (uint32_t)omc_clock_usec();

    omc_routing_choose_classic(&routing, &omcache_dist_libmemcached_ketama);
    return omc_setup_new(&routing, (uint32_t)time(NULL), seed);
}

int omcache_free(omcache_t *mc)
{
    if (mc == NULL || mc->doomed || omc_call_is_foreign(mc))
        return OMCACHE_INVALID;
    mc->log.func = NULL; /* nor are they called by calls that have not returned */
    mc->response_func = NULL;
    if (omc_handle_is_calling(mc)) {
        mc->doomed = true;
        return OMCACHE_OK;
    }
    omc_call_begin(mc);
    omc_setup_end(mc);
    omc_call_end(mc);
    return OMCACHE_OK;
}

const char *omcache_strerror(int rc)
{
    return omc_status_text(rc);
}

void omcache_log_stderr(void *context, int level, const char *msg)
{
    const char *prefix = context;

    fprintf(stderr, "%s%s %s\n", prefix == NULL ? "" : prefix, omc_log_level_name(level),
            msg == NULL ? "" : msg);
}

int omcache_set_connect_timeout(omcache_t *mc, uint32_t msec)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    mc->shared.settings.connect_timeout = msec;
    omc_duty_update_deadlines(mc);
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_reconnect_timeout(omcache_t *mc, uint32_t msec)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    mc->shared.settings.reconnect_timeout = msec;
    return OMCACHE_OK;
}

int omcache_set_dead_timeout(omcache_t *mc, uint32_t msec)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    /* With 1 at least, what is put off is not due again at once. */
    mc->shared.settings.dead_timeout = msec == 0 ? 1 : msec;
    omc_duty_update_deadlines(mc);
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_keepalive(omcache_t *mc, uint32_t seconds)
{
    if (!omc_call_may_set(mc) || seconds > OMCACHE_KEEPALIVE_MAX)
        return OMCACHE_INVALID;
    omc_call_begin(mc); /* which sees to it that these are this process's connections */
    mc->shared.settings.keepalive = seconds;
    omc_fleet_keep_alive(&mc->fleet, seconds);
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_send_buffer_max_size(omcache_t *mc, size_t size)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    mc->send_limit = size;
    mc->drained = true; /* to be looked at anew */
    omc_call_end(mc);
    return OMCACHE_OK;
}

int omcache_set_recv_buffer_max_size(omcache_t *mc, size_t size)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    /* Codecs add up what is below it with what is around a value. */
    mc->shared.settings.recv_limit = size < PTRDIFF_MAX ? size : PTRDIFF_MAX;
    return OMCACHE_OK;
}

int omcache_set_buffering(omcache_t *mc, uint32_t enabled)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    mc->buffering = enabled != 0;
    return OMCACHE_OK;
}

int omcache_set_failover(omcache_t *mc, int mode)
{
    if (!omc_call_may_set(mc) || (mode != OMCACHE_FAILOVER_NEXT && mode != OMCACHE_FAILOVER_NONE))
        return OMCACHE_INVALID;
    mc->failover = mode == OMCACHE_FAILOVER_NEXT;
    return OMCACHE_OK;
}

int omcache_set_protocol(omcache_t *mc, int protocol)
{
    if (!omc_call_may_set(mc) || protocol < OMCACHE_PROTOCOL_AUTO ||
        protocol > OMCACHE_PROTOCOL_TEXT)
        return OMCACHE_INVALID;
    mc->shared.settings.protocol = protocol;
    return OMCACHE_OK;
}

int omcache_set_log_callback(omcache_t *mc, int level, omcache_log_callback_func *func,
                             void *context)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    mc->log.level = level == 0 ? OMC_LOG_INFO : level;
    mc->log.func = func;
    mc->log.context = context;
    return OMCACHE_OK;
}

int omcache_set_response_callback(omcache_t *mc, omcache_response_callback_func *resp_cb,
                                  void *resp_cb_context)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    mc->response_func = resp_cb;
    mc->response_context = resp_cb_context;
    return OMCACHE_OK;
}
