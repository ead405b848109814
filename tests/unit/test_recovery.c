/*
 * Many servers that are down: what requests cost meanwhile, that they are found again, and
 * that it is known which they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/handle.h"
#include "support/failing_calls.h"
#include "support/fixture.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/unusable.h"

enum {
    FEW = 10,
    MANY = 3000,
    GETS = 100,
    FAR = 100000000,
};

/* A client of so many servers at this address, and another one: it has lost all of them. */
static void lost_client(const char *address, int servers, uint32_t reconnect, const char *other)
{
    size_t room = strlen(address) + 12;
    char *list = calloc((size_t)servers * room + strlen(other) + 1, 1), *end = list;

    for (int i = 0; i < servers; i++)
        end += snprintf(end, room, "s%d=%s,", i, address);
    memcpy(end, other, strlen(other) + 1);
    client = impatient(list, 1, reconnect, FAR);
    free(list);
    for (size_t i = 0; i < client->fleet.count; i++)
        omcache_noop(client, (int)i, 0);
    drain(client);
    omcache_set_connect_timeout(client, FAR);
}

/* Whether what is noted of the servers is what their states say. */
static void assert_noted(void)
{
    const struct omc_fleet *all = &client->fleet;
    size_t down = 0;

    for (size_t i = 0; i < all->count; i++) {
        bool is_down = !all->servers[i]->link.up;

        ck_assert_msg(all->down[i] == is_down, "server %zu", i);
        down += is_down;
    }
    ck_assert_uint_eq(all->down_count, down);
}

static int get_number(int number)
{
    char key[16];

    snprintf(key, sizeof(key), "key-%d", number);
    return get(key);
}

/* Microseconds of the processor's for gets that find no server. */
static int64_t cost_of_gets(void)
{
    struct timespec start, end;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (int i = 0; i < GETS; i++)
        assert_rc(get_number(i), OMCACHE_NO_SERVERS);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
}

/* It once was 300 times as much. */
START_TEST(requests_cost_the_same_however_many_are_down)
{
    int64_t few, many;

    lost_client(nobody(), FEW, FAR, "");
    few = cost_of_gets();
    lost_client(nobody(), MANY, FAR, "");
    many = cost_of_gets();
    ck_assert_msg(many <= 30 * few + 2000, "%lld us with %d servers, %lld us with %d",
                  (long long)few, FEW, (long long)many, MANY);
}
END_TEST

/* How many polls gets make while all are being connected to. */
START_TEST(those_that_do_not_answer_are_polled_for_together)
{
    const int servers = 50;
    int64_t start;

    lost_client(peer_address(peer_start_unreachable(0)), servers, 0, "");
    for (int i = 0; i < 20; i++, clock_sleep(1))
        assert_rc(get_number(i), OMCACHE_NO_SERVERS);
    for (int i = 0; i < servers; i++)
        ck_assert_int_eq(client->fleet.servers[i]->link.phase, OMC_PHASE_DIALLING);
    start = clock_ms();
    fail_calls(CALL_POLL, SIZE_MAX, 0, 0);
    for (int i = 0; i < GETS; i++)
        assert_rc(get_number(i), OMCACHE_NO_SERVERS);
    ck_assert_msg((int64_t)failing.made <= clock_ms() - start + 1, "%zu polls in %lld ms",
                  failing.made, (long long)(clock_ms() - start));
    assert_noted();
}
END_TEST

/* However many are being connected to again, a call that waits for another server does not
 * ask after all of them. */
START_TEST(a_wait_is_for_few_of_those_that_do_not_answer)
{
    const int servers = 200;
    int64_t start = clock_ms();

    fleet_start(&fleet, 1);
    lost_client(peer_address(peer_start_unreachable(0)), servers, 0, fleet.list);
    while (omcache_noop(client, 0, -1) != OMCACHE_OK)
        assert_within(start, 5000);
    for (int i = 1; i <= servers; i++) {
        omcache_noop(client, i, 0);
        ck_assert_int_eq(client->fleet.servers[i]->link.phase, OMC_PHASE_DIALLING);
    }
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_noop(client, 0, 300), OMCACHE_AGAIN); /* it does not only wait in a read */
    ck_assert_uint_ge(client->shared.watches.polled_count, 2);
    ck_assert_uint_le(client->shared.watches.polled_count, 1 + OMC_RECOVERY_SOME);
    memcached_resume(&fleet.servers[0]);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_noted();
}
END_TEST

START_TEST(one_that_came_back_is_found_among_many)
{
    int64_t start;
    int rc;

    fleet_start(&fleet, 1);
    memcached_kill(&fleet.servers[0]);
    lost_client(nobody(), 200, 100, fleet.list);
    assert_noted();
    memcached_restart(&fleet.servers[0]);
    start = clock_ms();
    while ((rc = get("key")) == OMCACHE_NO_SERVERS) {
        assert_within(start, 3000);
        clock_sleep(1);
    }
    assert_rc(rc, OMCACHE_NOT_FOUND);
    assert_noted();
}
END_TEST

/* A lookup that finds the first one again takes it, as it does when others are up. */
START_TEST(lookups_fail_only_while_all_are_down)
{
    int64_t start;

    fleet_start(&fleet, 1);
    memcached_kill(&fleet.servers[0]);
    lost_client(nobody(), 1, 100, fleet.list);
    memcached_restart(&fleet.servers[0]);
    start = clock_ms();
    while (index_of("key") == -1) {
        ck_assert_uint_eq(client->fleet.down_count, client->fleet.count);
        assert_within(start, 3000);
        clock_sleep(1);
    }
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
}
END_TEST

/* Where it is in the client's list, which is sorted. */
static int index_of_server(const struct memcached *m)
{
    for (size_t i = 0; i < client->fleet.count; i++) {
        const struct omc_server_name *name = &client->fleet.servers[i]->name;

        if (strcmp(name->host, m->host) == 0 && atoi(name->port) == m->port)
            return (int)i;
    }
    ck_abort_msg("it is not a server of the client's");
}

/* A key that belongs to this server when all are up. */
static const char *key_of(int server)
{
    static char key[16];
    const struct omc_fleet *all = &client->fleet;
    uint32_t random = 0;
    int owner = -1;

    for (int i = 0; owner != server; i++) {
        snprintf(key, sizeof(key), "own-%d", i);
        owner = omc_router_pick(&all->router, &all->routing.keys, TEXT(key), &random, NULL);
    }
    return key;
}

/* It once took 32 lookups. */
START_TEST(lookups_of_its_own_key_find_one_that_came_back_among_many)
{
    const char *key;
    int server;

    fleet_start(&fleet, 1);
    memcached_kill(&fleet.servers[0]);
    lost_client(nobody(), 500, 100, fleet.list);
    server = index_of_server(&fleet.servers[0]);
    key = key_of(server);
    memcached_restart(&fleet.servers[0]);
    clock_sleep(100); /* its pause */
    for (int lookups = 1; index_of(key) != server; lookups++) {
        ck_assert_msg(lookups < 5, "it is not found in %d lookups", lookups);
        ask_apart(fleet.list); /* the machine is not too busy to run it */
        clock_sleep(20);
    }
    assert_rc(get(key), OMCACHE_NOT_FOUND);
    assert_noted();
}
END_TEST

/* Servers fail, are added, removed, aborted and come back. */
START_TEST(it_is_known_which_are_down)
{
    char list[300];

    fleet_start(&fleet, 3);
    client = impatient(fleet.list, 200, 1, 200);
    for (int i = 0; i < 3; i++)
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    assert_noted();
    memcached_kill(&fleet.servers[1]);
    for (int i = 0; i < 20; i++)
        get_number(i);
    ck_assert_uint_eq(client->fleet.down_count, 1);
    assert_noted();
    snprintf(list, sizeof(list), "127.0.0.1:1,%s", fleet.list);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    ck_assert_uint_eq(client->fleet.down_count, 1);
    assert_noted();
    for (int i = 0; i < 40; i++)
        get_number(i);
    ck_assert_uint_eq(client->fleet.down_count, 2);
    assert_noted();
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_noted();
    memcached_restart(&fleet.servers[1]);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    assert_noted();
    for (int i = 0; client->fleet.down_count > 0 && i < 1000; i++, clock_sleep(2))
        get_number(i);
    ck_assert_uint_eq(client->fleet.down_count, 0);
    assert_noted();
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    ck_assert_uint_eq(client->fleet.down_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery");
    TCase *tcase = fixture_case(suite, "many");

    tcase_add_test(tcase, requests_cost_the_same_however_many_are_down);
    tcase_add_test(tcase, those_that_do_not_answer_are_polled_for_together);
    tcase_add_test(tcase, a_wait_is_for_few_of_those_that_do_not_answer);
    tcase_add_test(tcase, one_that_came_back_is_found_among_many);
    tcase_add_test(tcase, lookups_fail_only_while_all_are_down);
    tcase_add_test(tcase, lookups_of_its_own_key_find_one_that_came_back_among_many);
    tcase_add_test(tcase, it_is_known_which_are_down);
    return fixture_run(suite);
}
