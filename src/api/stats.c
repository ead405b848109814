/*
 * What is known of a server.
 */
#include <string.h>

#include "base/histogram.h"
#include "client/handle.h"
#include "client/security.h"
#include "omcache.h"

/* Of the members of the first release. */
#define SIZE_MIN \
    (offsetof(omcache_server_stats_t, latency) + sizeof(uint64_t[OMCACHE_LATENCY_BUCKETS]))

_Static_assert(OMCACHE_LATENCY_STEPS == (int)OMC_HISTOGRAM_STEPS, "as many as are counted");

static int32_t state_of(const struct omc_server *server)
{
    if (!server->link.up)
        return OMCACHE_SERVER_DOWN;
    if (server->link.phase == OMC_PHASE_REST)
        return OMCACHE_SERVER_IDLE;
    return server->link.phase == OMC_PHASE_READY ? OMCACHE_SERVER_READY : OMCACHE_SERVER_CONNECTING;
}

int omcache_server_stats(omcache_t *mc, int server_index, omcache_server_stats_t *stats)
{
    const struct omc_counters *counters;
    const struct omc_server *server;
    omcache_server_stats_t all;

    if (mc == NULL || stats == NULL || stats->struct_size < SIZE_MIN)
        return OMCACHE_INVALID;
    server = omc_fleet_server(&mc->fleet, server_index);
    if (server == NULL)
        return OMCACHE_NO_SERVERS;
    counters = &server->link.counters;
    all = (omcache_server_stats_t){
        .struct_size = stats->struct_size < sizeof(all) ? stats->struct_size : sizeof(all),
        .state = state_of(server),
        .last_failure = counters->last_failure,
        .connects = counters->connects,
        .failures = counters->failures,
        .requests = counters->requests,
        .replies = counters->replies,
        .hits = counters->hits,
        .misses = counters->misses,
        .timeouts = counters->timeouts,
        .lost = counters->lost,
        .bytes_in = server->link.conn.bytes_in,
        .bytes_out = server->link.conn.bytes_out,
        .outstanding = omc_queue_outstanding(&server->link.conn.queue),
        .buffered = server->link.conn.unsent,
        .handshakes = counters->handshakes,
    };
    omc_security_describe(server, &all.tls_version, &all.tls_resumed);
    memcpy(all.latency, counters->latency, sizeof(all.latency));
    memcpy(stats, &all, all.struct_size);
    return OMCACHE_OK;
}

int omcache_server_latency(omcache_t *mc, int server_index, uint64_t *counts, size_t *count)
{
    struct omc_counters *counters;
    struct omc_server *server;

    if (mc == NULL || counts == NULL || count == NULL)
        return OMCACHE_INVALID;
    server = omc_fleet_server(&mc->fleet, server_index);
    if (server == NULL)
        return OMCACHE_NO_SERVERS;
    counters = &server->link.counters;
    if (counters->steps == NULL)
        counters->steps = omc_histogram_new();
    if (counters->steps == NULL)
        return OMCACHE_NO_MEMORY;
    if (*count > OMCACHE_LATENCY_STEPS)
        *count = OMCACHE_LATENCY_STEPS;
    memcpy(counts, counters->steps, *count * sizeof(*counts));
    return OMCACHE_OK;
}

uint64_t omcache_latency_bound(size_t step)
{
    return omc_histogram_bound(step < OMCACHE_LATENCY_STEPS ? step : OMCACHE_LATENCY_STEPS);
}
