/*
 * Clients that lose patience soon, and gets whose outcome is timed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/outage.h"

#include "support/fixture.h"

omcache_t *impatient(const char *servers, uint32_t connect, uint32_t reconnect, uint32_t dead)
{
    omcache_t *mc = fixture_client(servers);
    assert_rc(omcache_set_connect_timeout(mc, connect), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(mc, reconnect), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(mc, dead), OMCACHE_OK);
    return mc;
}

void three_servers(uint32_t connect, uint32_t reconnect, uint32_t dead)
{
    fleet_start(&fleet, 3);
    client = impatient(fleet.list, connect, reconnect, dead);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    }
}

int get(const char *key)
{
    return omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1);
}

int index_of(const char *key)
{
    return omcache_server_index_for_key(client, TEXT(key));
}

void assert_get(const char *key, int expected, int64_t limit)
{
    int64_t start = clock_ms();
    int rc = get(key);
    ck_assert_msg(rc == expected, "get gave %s after %lld ms, expected %s", rc_name(rc),
                  (long long)(clock_ms() - start), rc_name(expected));
    assert_within(start, limit);
}

void await_get(const char *key, int expected, int tries)
{
    int rc = get(key);
    while (rc != expected && --tries > 0) {
        clock_sleep(100);
        rc = get(key);
    }
    ck_assert_msg(rc == expected, "the last get gave %s, expected %s", rc_name(rc),
                  rc_name(expected));
}

void ask_apart(const char *address)
{
    omcache_t *other = fixture_client(address);
    assert_rc(omcache_noop(other, 0, -1), OMCACHE_OK);
    fixture_forget(other);
    assert_rc(omcache_free(other), OMCACHE_OK);
}

int hits(const char *key, int count, const char *address)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        found += get(key) == OMCACHE_OK;
        ask_apart(address);
        clock_sleep(1);
    }
    return found;
}
