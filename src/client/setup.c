/*
 * Making and ending a handle.
 */
#include "client/setup.h"

#include "base/clock.h"
#include "base/memory.h"
#include "client/completion.h"
#include "client/handle.h"
#include "client/members.h"
#include "client/security.h"
#include "client/tell.h"

static const struct omc_settings defaults = {
    .connect_timeout = 10000,
    .reconnect_timeout = 10000,
    .dead_timeout = 10000,
    .keepalive = 60,
    .recv_limit = (size_t)1056 * 1024,
};

enum {
    SEND_LIMIT = 10 * 1024 * 1024,
};

omcache_t *omc_setup_new(const struct omc_routing *routing, uint32_t first, uint32_t seed)
{
    omcache_t *mc = omc_memory_new(1, sizeof(*mc));

    if (mc == NULL)
        return NULL;
    mc->shared.settings = defaults;
    mc->send_limit = SEND_LIMIT;
    mc->failover = true;
    omc_pool_init(&mc->shared.pool);
    omc_names_init(&mc->shared.names, &mc->shared.watches);
    omc_fleet_init(&mc->fleet, routing);
    omc_batch_init(&mc->batch, first);
    omc_deadlines_init(&mc->deadlines);
    omc_operation_init(&mc->operations);
    mc->told_deadline = OMC_CLOCK_NEVER;
    omc_process_init(&mc->process);
    /* A thousand clients may have been started in the same second. */
    mc->shared.random = first ^ (seed << 16) ^ (uint32_t)((uintptr_t)mc >> 4);
    return mc;
}

void omc_setup_start_anew(omcache_t *mc)
{
    omc_process_note(&mc->process);
    mc->shared.random ^= (uint32_t)mc->process.pid << 16; /* not what the parent will draw */
    omc_members_start_anew(mc);
    omc_batch_end(&mc->batch);
    mc->told_deadline = OMC_CLOCK_NEVER;
    omc_log(&mc->log, OMC_LOG_INFO, "forked: this process has connections of its own from now on");
}

void omc_setup_end(omcache_t *mc)
{
    mc->doomed = true;
    mc->ended = true;
    mc->shared.depth++;                    /* what the callbacks call is not to free it */
    omc_operation_let_go(&mc->operations); /* there is no later */
    omc_members_cancel(mc);
    while (mc->operations.ended.first != NULL)
        omc_completion_tell(mc);
    omc_tell_watches(mc);
    mc->shared.depth--;
}

void omc_setup_free(omcache_t *mc)
{
    omc_members_fini(&mc->fleet);
    omc_members_free_dropped(mc, true);
    omc_deadlines_fini(&mc->deadlines);
    omc_operation_fini(&mc->operations);
    omc_names_fini(&mc->shared.names);
    omc_watch_fini(&mc->shared.watches);
    omc_batch_fini(&mc->batch);
    omc_pool_fini(&mc->shared.pool);
    omc_security_end(mc);
    omc_process_fini(&mc->process);
    omc_memory_free(mc->reply_bytes);
    omc_memory_free(mc->replies);
    omc_memory_free(mc);
}
