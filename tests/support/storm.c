/*
 * Servers that go wrong at random.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/storm.h"

#include "support/dice.h"
#include "support/fixture.h"
#include "support/ledger.h"

#include <stdio.h>

#define PEER_CHANCE 12
#define PEER_PAUSE_MS 12

struct watcher storm_loop;
size_t storm_faults[FAULTS];
size_t storm_renewals;

static struct {
    struct storm storm;
    bool calm;
    const char *addresses[STORM_SERVERS];
    struct faulty faulty[STORM_SERVERS];
    /* Of real servers: which one is paused or killed, and until when; one at a time. */
    struct memcached *victim;
    int64_t until;
} now;

static void start_peers(void)
{
    enum faulty_speech speech = FAULTY_SPEAKS_ALL;
    if (now.storm.protocol == OMCACHE_PROTOCOL_AUTO) {
        speech = (enum faulty_speech)dice(3);
    }
    fixture_secure_peers();
    for (int i = 0; i < STORM_SERVERS; i++) {
        struct faulty *faulty = &now.faulty[i];
        memset(faulty, 0, sizeof(*faulty));
        faulty->seed = now.storm.seed + now.storm.number;
        faulty->chance = PEER_CHANCE;
        faulty->pause_ms = PEER_PAUSE_MS;
        faulty->speech = speech;
        now.addresses[i] = peer_address(faulty_start(faulty, i));
    }
}

static void list_servers(char *list, size_t size, unsigned chosen)
{
    size_t used = 0;
    list[0] = 0;
    for (unsigned i = 0; i < STORM_SERVERS; i++) {
        if (chosen & 1u << i) {
            used += (size_t)snprintf(list + used, size - used, "%s%s", used ? "," : "",
                                     now.addresses[i]);
        }
    }
}

static void set_servers(unsigned chosen)
{
    char list[200];
    list_servers(list, sizeof(list), chosen);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
}

#define ALL ((1u << STORM_SERVERS) - 1)

static void set_timeouts(void)
{
    assert_rc(omcache_set_connect_timeout(client, (uint32_t)dice_between(100, 400)), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, (uint32_t)dice_between(60, 400)), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, (uint32_t)dice_between(0, 60)), OMCACHE_OK);
}

/* In binary a length that lies shows by the key that it makes, if somebody waits for
 * another; late answers are told as they are. */
static bool late_ones_may_lie(void)
{
    return !now.storm.real && (now.storm.protocol == OMCACHE_PROTOCOL_BINARY ||
                               now.faulty[0].speech == FAULTY_SPEAKS_BINARY);
}

/* Every value that the library has read passes here, late ones included. */
static void on_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    (void)mc;
    (void)context;
    if (!late_ones_may_lie() && value->status == OMCACHE_OK && value->key_len > 4 &&
        value->data_len > 0 && memcmp(value->key, "key-", 4) == 0) {
        ledger_judge(NULL, value->key, value->key_len, value->data, value->data_len);
    }
}

static void open_client(void)
{
    client = omcache_init();
    ck_assert_ptr_nonnull(client);
    assert_rc(omcache_set_protocol(client, now.storm.protocol), OMCACHE_OK);
    assert_rc(omcache_set_response_callback(client, on_answer, NULL), OMCACHE_OK);
    fixture_secure(client);
    set_servers(ALL);
    if (now.storm.stable) {
        assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    }
    if (now.storm.watched) {
        watcher_init(&storm_loop, client);
    }
    set_timeouts();
}

void storm_renew(void)
{
    assert_rc(omcache_free(client), OMCACHE_OK);
    storm_renewals++;
    open_client();
    if (now.calm) {
        storm_calm();
    }
}

void storm_begin(const struct storm *storm)
{
    memset(&now, 0, sizeof(now));
    now.storm = *storm;
    dice_begin(storm->seed, storm->number);
    ledger_begin(storm->number, storm->stable);
    if (!storm->real) {
        start_peers();
    }
    for (size_t i = 0; storm->real && i < STORM_SERVERS; i++) {
        now.addresses[i] = fleet.servers[i].address;
    }
    open_client();
    for (unsigned id = 0; id < LEDGER_KEYS; id++) {
        char key[LEDGER_KEY_ROOM];
        size_t len = ledger_key(key, id);
        ledger_place(id, omcache_server_index_for_key(client, (const unsigned char *)key, len));
    }
}

static void release_victim(void)
{
    if (!now.victim) {
        return;
    }
    if (now.victim->pid > 0) {
        memcached_resume(now.victim);
    } else {
        memcached_restart(now.victim);
    }
    now.victim = NULL;
}

static void hit_server(void)
{
    size_t place = dice(STORM_SERVERS);
    now.victim = &fleet.servers[place];
    now.until = clock_ms() + dice_between(5, 250);
    if (dice_once_in(3)) {
        memcached_kill(now.victim);
        ledger_server_lost((int)place);
    } else {
        memcached_pause(now.victim);
    }
}

static void blow_on_servers(void)
{
    if (now.victim && clock_ms() >= now.until) {
        release_victim();
    } else if (!now.victim && dice_once_in(80)) {
        hit_server();
    }
}

/* A limit is a wide one more often than not. */
static size_t any_limit(void)
{
    return dice_once_in(3) ? (size_t)dice_between(100, 5000) : (size_t)1 << 20;
}

void storm_blow(void)
{
    if (now.storm.real) {
        blow_on_servers();
    }
    if (dice_once_in(40)) {
        assert_rc(omcache_set_send_buffer_max_size(client, any_limit()), OMCACHE_OK);
    }
    if (dice_once_in(40)) {
        assert_rc(omcache_set_recv_buffer_max_size(client, any_limit()), OMCACHE_OK);
    }
    if (dice_once_in(100)) {
        set_timeouts();
    }
    if (dice_once_in(200)) {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    }
    if (dice_once_in(60)) {
        assert_rc(omcache_set_buffering(client, dice(2)), OMCACHE_OK);
    }
    if (!now.storm.stable && dice_once_in(30)) {
        set_servers(dice_once_in(20) ? 0 : 1 + dice(ALL));
    }
    if (!now.storm.stable && dice_once_in(60)) {
        assert_rc(omcache_set_failover(client, (int)dice(2)), OMCACHE_OK);
    }
    if (dice_once_in(500)) {
        storm_renew();
    }
}

void storm_calm(void)
{
    now.calm = true;
    release_victim();
    for (int i = 0; i < STORM_SERVERS; i++) {
        atomic_store(&now.faulty[i].calm, true);
    }
    set_servers(ALL);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 1 << 20), OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 1 << 20), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, 2000), OMCACHE_OK);
    assert_rc(omcache_set_connect_timeout(client, 2000), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
}

#define REST_DEAD_MS 50
#define REST_LONGEST_MS 8000

static omcache_server_stats_t stats_of(int place)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, place, &stats), OMCACHE_OK);
    return stats;
}

/* What an application does that asks nothing. */
static void pass_time(int msec)
{
    int64_t until = clock_ms() + msec;
    while (clock_ms() < until) {
        int count = 0;
        int due = -1;
        if (now.storm.watched) {
            watcher_turn(&storm_loop, 5);
            continue;
        }
        struct pollfd *fds = omcache_poll_fds(client, &count, &due);
        poll(fds, (nfds_t)count, 5);
    }
}

/* Looks keys up, or asks for a sign of life, until a server is in this state; false if that
 * takes too long.  One that is idle is asked, too: its connection may have been made before it
 * was killed, and the hello answered then, so that it was found and lost again.  It takes
 * requests, and only they connect it. */
static bool bring_into(int place, int32_t state, bool ask)
{
    omcache_server_stats_t before = stats_of(place);
    int64_t begun = clock_ms();
    for (size_t looks = 0; stats_of(place).state != state; looks++) {
        if (ask || stats_of(place).state == OMCACHE_SERVER_IDLE) {
            omcache_noop(client, place, 100);
        }
        for (unsigned id = 0; id < LEDGER_KEYS && !ask; id++) {
            char key[LEDGER_KEY_ROOM];
            size_t len = ledger_key(key, id);
            omcache_server_index_for_key(client, (const unsigned char *)key, len);
        }
        pass_time(2);
        if (clock_ms() - begun > clock_allow(REST_LONGEST_MS)) {
            omcache_server_stats_t stats = stats_of(place);
            ledger_wrong(
                &ledger.odd,
                "server %d is not found %s: state %d after %zu looks, connected %zu times, "
                "failed %zu times, last as %d",
                place, ask ? "down" : "again", (int)stats.state, looks,
                (size_t)(stats.connects - before.connects),
                (size_t)(stats.failures - before.failures), (int)stats.last_failure);
            return false;
        }
    }
    return true;
}

void storm_rest(void)
{
    int place = (int)dice(STORM_SERVERS);
    if (!now.storm.real) {
        return;
    }
    memcached_kill(&fleet.servers[place]);
    ledger_server_lost(place);
    bool found = bring_into(place, OMCACHE_SERVER_DOWN, true);
    memcached_restart(&fleet.servers[place]);
    assert_rc(omcache_set_dead_timeout(client, REST_DEAD_MS), OMCACHE_OK);
    if (found && bring_into(place, OMCACHE_SERVER_READY, false)) {
        omcache_server_stats_t before = stats_of(place);
        pass_time(3 * REST_DEAD_MS);
        omcache_server_stats_t after = stats_of(place);
        if (after.failures != before.failures || after.state != before.state) {
            ledger_wrong(&ledger.odd, "server %d has failed while nothing was asked", place);
        }
    }
    assert_rc(omcache_set_dead_timeout(client, 2000), OMCACHE_OK);
}

void storm_end(void)
{
    assert_rc(omcache_free(client), OMCACHE_OK);
    client = NULL;
    peer_stop_all();
    for (int i = 0; !now.storm.real && i < STORM_SERVERS; i++) {
        for (int fault = 0; fault < FAULTS; fault++) {
            storm_faults[fault] += atomic_load(&now.faulty[i].done[fault]);
        }
        faulty_clear(&now.faulty[i]);
    }
}
