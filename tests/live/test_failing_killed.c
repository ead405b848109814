/*
 * Servers that die, hang and come back while they are in use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <stdio.h>

/*
 * A killed server.
 */

START_TEST(keys_of_a_killed_server_move_on)
{
    three_servers(500, 300, 500);
    const char *lost = key_for(1);
    const char *kept[] = {key_for(0), key_for(2)};
    store(lost, "lost");
    store(kept[0], "kept");
    store(kept[1], "kept");

    memcached_kill(&fleet.servers[1]);
    int64_t start = clock_ms();
    await_get(lost, OMCACHE_NOT_FOUND, 3);
    assert_within(start, 1000);
    ck_assert_msg(index_of(lost) == 0 || index_of(lost) == 2, "index %d", index_of(lost));
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    store(lost, "elsewhere");
    assert_stored(lost, "elsewhere");
    assert_stored(kept[0], "kept");
    assert_stored(kept[1], "kept");
}
END_TEST

START_TEST(a_restarted_server_comes_back)
{
    three_servers(500, 300, 500);
    const char *key = key_for(1);
    store(key, "lost");
    memcached_kill(&fleet.servers[1]);
    await_get(key, OMCACHE_NOT_FOUND, 3);
    store(key, "elsewhere");

    memcached_restart(&fleet.servers[1]);
    clock_sleep(350);
    await_get(key, OMCACHE_NOT_FOUND, 10);
    ck_assert_int_eq(index_of(key), 1);
    store(key, "home");
    omcache_t *alone = fixture_client(fleet.servers[1].address);
    assert_rc(omcache_get(alone, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}
END_TEST

START_TEST(the_only_server_comes_back)
{
    fleet_start(&fleet, 1);
    client = impatient(fleet.list, 500, 300, 500);
    store("key", "value");
    memcached_kill(&fleet.servers[0]);
    for (int i = 0; i < 5; i++) {
        assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    }
    memcached_restart(&fleet.servers[0]);
    clock_sleep(350);
    await_get("key", OMCACHE_NOT_FOUND, 10);
    store("key", "new");
    assert_stored("key", "new");
}
END_TEST

START_TEST(a_failed_server_is_left_alone_for_its_time)
{
    three_servers(500, 60000, 500);
    const char *key = key_for(1);
    memcached_kill(&fleet.servers[1]);
    await_get(key, OMCACHE_NOT_FOUND, 3);
    memcached_restart(&fleet.servers[1]);
    int64_t start = clock_ms();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_ne(index_of(key), 1);
        assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
        assert_rc(get(key), OMCACHE_NOT_FOUND);
        clock_sleep(10);
    }
    assert_within(start, 3000);
}
END_TEST

/* Gets 30 keys of three servers, one of which owes its answers for good. */
START_TEST(a_multi_get_reports_the_keys_of_a_silent_server)
{
    three_servers(500, 5000, 300);
    const char *names[30];
    const unsigned char *keys[30];
    size_t lens[30];
    omcache_req_t reqs[30];
    omcache_value_t values[30];
    size_t count = 30;
    size_t room = 30;
    for (size_t i = 0; i < 30; i++) {
        names[i] = key_for(i % 3);
        keys[i] = (const unsigned char *)names[i];
        lens[i] = strlen(names[i]);
        store(names[i], "value");
    }
    memcached_pause(&fleet.servers[1]);
    int64_t start = clock_ms();
    int rc = omcache_get_multi(client, keys, lens, 30, reqs, &count, values, &room, -1);
    assert_within(start, 1000);
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 30);
    for (size_t i = 0; i < room; i++) {
        size_t which = 0;
        while (which < 30 &&
               !same_bytes(values[i].key, values[i].key_len, names[which], strlen(names[which]))) {
            which++;
        }
        ck_assert_msg(which < 30, "a value has the key '%s'",
                      printable(values[i].key, values[i].key_len));
        assert_rc(values[i].status, which % 3 == 1 ? OMCACHE_SERVER_FAILURE : OMCACHE_OK);
        ck_assert_msg(which % 3 != 1 || !values[i].data, "a failure has data");
    }
}
END_TEST

START_TEST(a_batch_leaves_out_what_names_a_dead_server)
{
    three_servers(500, 5000, 500);
    omcache_req_t reqs[10];
    size_t count = 10;
    const char *keys[10];
    const char *lost = key_for(1);
    memcached_kill(&fleet.servers[1]);
    await_get(lost, OMCACHE_NOT_FOUND, 5);
    for (size_t i = 0; i < 10; i++) {
        keys[i] = key_for(i % 2 ? 2 : 0);
        wire_request(&reqs[i], i == 5 ? 1 : -1, WIRE_GETK, keys[i]);
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_msg(count == 9, "%zu of 10 requests were accepted, one names a dead server", count);
    drain(client);
}
END_TEST

/*
 * A suspended server.
 */

START_TEST(a_suspended_server_keeps_answers_for_later)
{
    three_servers(1000, 1000, 20000);
    const char *slow = key_for(1);
    const char *other = key_for(1);
    store(slow, "slow");
    store(other, "other");
    memcached_pause(&fleet.servers[1]);
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT(slow), NULL, NULL, NULL, NULL, 100), OMCACHE_AGAIN);
    ck_assert_msg(clock_ms() - start >= 90, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 1000);
    memcached_resume(&fleet.servers[1]);
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_stored(other, "other");
    ck_assert_msg(recorder.answer_count == 2, "answers: %s", recorder_summary());
    ck_assert_str_eq(recorder.answers[0].data, "slow");
}
END_TEST

START_TEST(nothing_waits_for_a_suspended_server_unasked)
{
    three_servers(20000, 20000, 20000);
    const char *key = key_for(1);
    static unsigned char value[500000];
    memcached_pause(&fleet.servers[1]);
    int64_t start = clock_ms();
    for (int i = 0; i < 60; i++) { /* the kernel takes some, the send limit is 10 MiB */
        int rc = omcache_set(client, TEXT(key), value, sizeof(value), 0, 0, 0, 0);
        assert_rc_either(rc, OMCACHE_BUFFERED, OMCACHE_BUFFER_FULL);
    }
    assert_rc(omcache_set(client, TEXT(key), value, sizeof(value), 0, 0, 0, 0),
              OMCACHE_BUFFER_FULL);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_AGAIN);
    assert_within(start, 5000);
    store(key_for(0), "others work on");
    memcached_resume(&fleet.servers[1]);
    drain(client);
    assert_rc(get(key), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_killed");
    TCase *killed = fixture_case(suite, "killed");
    tcase_add_test(killed, keys_of_a_killed_server_move_on);
    tcase_add_test(killed, a_restarted_server_comes_back);
    tcase_add_test(killed, the_only_server_comes_back);
    tcase_add_test(killed, a_failed_server_is_left_alone_for_its_time);
    tcase_add_test(killed, a_batch_leaves_out_what_names_a_dead_server);
    TCase *suspended = fixture_case(suite, "suspended");
    tcase_add_test(suspended, a_multi_get_reports_the_keys_of_a_silent_server);
    tcase_add_test(suspended, a_suspended_server_keeps_answers_for_later);
    tcase_add_test(suspended, nothing_waits_for_a_suspended_server_unasked);
    return fixture_run(suite);
}
