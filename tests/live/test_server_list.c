/*
 * Server lists: order, description, replacing them, and lists that are no good.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static void assert_server(int index, const char *host, int port)
{
    omcache_server_info_t *info = omcache_server_info(client, index);
    ck_assert_msg(info != NULL, "there is no server %d, expected %s port %d", index, host, port);
    bool same = strcmp(info->hostname, host) == 0 && info->port == port;
    char text[128];
    snprintf(text, sizeof(text), "%s port %d", info->hostname, info->port);
    int own_index = info->server_index;
    int version = info->omcache_version;
    assert_rc(omcache_server_info_free(client, info), OMCACHE_OK);
    ck_assert_msg(same, "server %d is %s, expected %s port %d", index, text, host, port);
    ck_assert_int_eq(own_index, index);
    ck_assert_int_eq(version, OMCACHE_VERSION);
}

static void assert_server_count(int count)
{
    const int outside[] = {count, count + 1, INT_MAX, -1, INT_MIN};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        ck_assert_msg(!omcache_server_info(client, outside[i]), "there is a server %d of %d",
                      outside[i], count);
    }
    if (count > 0) {
        omcache_server_info_t *last = omcache_server_info(client, count - 1);
        ck_assert_msg(last != NULL, "there is no server %d of %d", count - 1, count);
        omcache_server_info_free(NULL, last);
    }
}

/*
 * Reading the list.
 */

START_TEST(lists_are_sorted_by_host_and_port)
{
    client = fixture_client("10.1.0.9:9,10.1.0.8:11211,[::1],10.1.0.9:10,10.1.0.9:2,10.0.0.2,"
                            "10.0.0.10,/run/a.sock");
    assert_server_count(8);
    assert_server(0, "/run/a.sock", 0);
    assert_server(1, "10.0.0.10", 11211);
    assert_server(2, "10.0.0.2", 11211);
    assert_server(3, "10.1.0.8", 11211);
    assert_server(4, "10.1.0.9", 10);
    assert_server(5, "10.1.0.9", 2);
    assert_server(6, "10.1.0.9", 9);
    assert_server(7, "::1", 11211);
}
END_TEST

START_TEST(blanks_and_empty_entries_are_ignored)
{
    client = fixture_client(" , 10.0.0.1:1 ,,\t10.0.0.2:2, , 10.0.0.3 ,");
    assert_server_count(3);
    assert_server(0, "10.0.0.1", 1);
    assert_server(1, "10.0.0.2", 2);
    assert_server(2, "10.0.0.3", 11211);
}
END_TEST

START_TEST(addresses_may_be_ipv6)
{
    client = fixture_client("[::1],[fe80::1]:5000,::2");
    assert_server_count(3);
    assert_server(0, "::1", 11211);
    assert_server(1, "::2", 11211);
    assert_server(2, "fe80::1", 5000);
}
END_TEST

START_TEST(ports_are_not_looked_at)
{
    client = fixture_client("a:99999,b:113333,c:http");
    assert_server_count(3);
    assert_server(0, "a", 99999);
    assert_server(1, "b", 113333);
    assert_server(2, "c", 0);
}
END_TEST

START_TEST(the_list_is_copied)
{
    char list[] = "10.0.0.1:1,10.0.0.2:2";
    client = fixture_client(list);
    memset(list, 'x', sizeof(list) - 1);
    assert_server(0, "10.0.0.1", 1);
    assert_server(1, "10.0.0.2", 2);
}
END_TEST

START_TEST(bad_lists_change_nothing)
{
    static const char *const lists[] = {"[::1", "10.0.0.4,[::1", "[::1]x", "[::1]11211", "["};
    client = fixture_client("10.0.0.1:1,10.0.0.2:2");
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        int rc = omcache_set_servers(client, lists[i]);
        ck_assert_msg(rc == OMCACHE_INVALID, "'%s' gave %s", lists[i], rc_name(rc));
        assert_server_count(2);
        assert_server(0, "10.0.0.1", 1);
        assert_server(1, "10.0.0.2", 2);
    }
}
END_TEST

/* One line, which says what is wrong with which entry. */
START_TEST(bad_lists_are_explained)
{
    static const struct {
        const char *list;
        const char *entry;
        const char *reason;
    } cases[] = {
        {"10.0.0.4,[::1,10.0.0.5", "\"[::1\"", "bracket"},
        {"10.0.0.4,10.0.0.5/?x", "\"10.0.0.5/?x\"", "weight"},
        {"--SERVER=10.0.0.1:1", "\"--SERVER=10.0.0.1:1\"", "label"},
        {"=10.0.0.1", "\"=10.0.0.1\"", "label"},
        {"tls://blue=10.0.0.1", "\"tls://blue=10.0.0.1\"", "label"},
        {"blue=10.0.0.1,red=10.0.0.2,blue=10.0.0.3", "\"blue\"", "two servers"},
    };
    client = fixture_client("10.0.0.1:1,10.0.0.2:2");
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        recorder_clear();
        assert_rc(omcache_set_servers(client, cases[i].list), OMCACHE_INVALID);
        ck_assert_uint_eq(recorder.line_count, 1);
        ck_assert_msg(recorder_has_line(3, cases[i].entry) && recorder_has_line(3, cases[i].reason),
                      "of %s the log says: %s", cases[i].list, recorder.lines[0].text);
        assert_server_count(2);
    }
}
END_TEST

START_TEST(descriptions_outlive_the_client)
{
    client = fixture_client("10.0.0.1:1,10.0.0.2:2");
    omcache_server_info_t *info = omcache_server_info(client, 1);
    ck_assert_ptr_nonnull(info);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    ck_assert_str_eq(info->hostname, "10.0.0.2");
    omcache_t *mc = client;
    fixture_forget(client);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    ck_assert_str_eq(info->hostname, "10.0.0.2");
    assert_rc(omcache_server_info_free(NULL, info), OMCACHE_OK);
}
END_TEST

START_TEST(long_lists_work)
{
    static char list[64 * 32];
    size_t used = 0;
    for (int i = 0; i < 64; i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "10.1.2.3:%d,", 1000 + i);
    }
    client = fixture_client(list);
    assert_server_count(64);
    for (int i = 0; i < 64; i++) {
        assert_server(i, "10.1.2.3", 1000 + i);
    }
}
END_TEST

/*
 * None and one.
 */

START_TEST(without_servers_nothing_works)
{
    client = fixture_client("10.0.0.1:1");
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_server_count(0);
    const unsigned char *value = (const unsigned char *)"stale";
    size_t len = 5;
    omcache_req_t req;
    omcache_value_t values[1];
    size_t count = 1;
    size_t room = 1;
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("key")), 0);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_flush_all(client, 0, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_NO_SERVERS);
    assert_rc(omcache_get(client, TEXT("key"), &value, &len, NULL, NULL, -1), OMCACHE_NO_SERVERS);
    ck_assert_msg(!value && !len, "a value of %zu bytes", len);
    wire_request(&req, -1, WIRE_GETK, "key");
    assert_rc(omcache_command(client, &req, &count, values, &room, -1), OMCACHE_NO_SERVERS);
    ck_assert_msg(count == 0 && room == 0, "%zu requests, %zu values", count, room);
    drain(client);
}
END_TEST

START_TEST(one_server_has_every_key)
{
    struct peer *peer = peer_start_unreachable(0);
    client = fixture_client(peer_address(peer));
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        ck_assert_int_eq(omcache_server_index_for_key(client, TEXT(key)), 0);
    }
}
END_TEST

START_TEST(duplicates_are_servers_of_their_own)
{
    char list[256];
    fixture_servers(1);
    const char *address = fleet.servers[0].address;
    snprintf(list, sizeof(list), "%s,%s,%s", address, address, address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_server_count(3);
    for (int i = 0; i < 3; i++) {
        assert_server(i, fleet.servers[0].host, fleet.servers[0].port);
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    }
    assert_rc(omcache_noop(client, 3, -1), OMCACHE_NO_SERVERS);
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        store(key, key);
        assert_stored(key, key);
    }
}
END_TEST

/*
 * Replacing the list.
 */

START_TEST(kept_servers_keep_their_connections)
{
    char list[256];
    struct peer *kept = peer_start(1, wire_serve, NULL);
    struct peer *dropped = peer_start(2, wire_serve, NULL);
    struct peer *added = peer_start(0, wire_serve, NULL);
    snprintf(list, sizeof(list), "%s,%s", peer_address(kept), peer_address(dropped));
    client = fixture_client(list);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_OK);

    snprintf(list, sizeof(list), "%s,%s", peer_address(kept), peer_address(added));
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_OK);
    ck_assert_uint_eq(peer_connections(added), 1);
    ck_assert_uint_eq(peer_connections(kept), 1);
    ck_assert_uint_eq(peer_connections(dropped), 1);
}
END_TEST

START_TEST(kept_servers_keep_their_requests)
{
    char list[256];
    fixture_servers(3);
    const char *key = key_for(1);
    omcache_t *alone = fixture_client(fleet.servers[1].address);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    snprintf(list, sizeof(list), "%s,%s", fleet.servers[1].address, fleet.servers[2].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    drain(client);
    assert_rc(omcache_get(alone, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}
END_TEST

START_TEST(requests_to_a_dropped_server_fail)
{
    fixture_servers(3);
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    const char *keys[] = {key_for(0), key_for(2)};
    store(keys[0], "value");
    store(keys[1], "value");
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    wire_request(&reqs[0], -1, WIRE_GETK, keys[0]);
    wire_request(&reqs[1], -1, WIRE_GETK, keys[1]);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(client, fleet.servers[2].address), OMCACHE_OK);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 2);
    size_t failed = values[0].status == OMCACHE_OK;
    assert_rc(values[failed].status, OMCACHE_SERVER_FAILURE);
    assert_text(values[failed].key, values[failed].key_len, keys[0]);
    ck_assert_ptr_null(values[failed].data);
    assert_rc(values[1 - failed].status, OMCACHE_OK);
    assert_text(values[1 - failed].key, values[1 - failed].key_len, keys[1]);
}
END_TEST

START_TEST(indexes_may_shift_under_a_batch)
{
    fixture_servers(3);
    omcache_req_t reqs[4];
    omcache_value_t values[4];
    size_t count = 4;
    size_t room = 4;
    char list[256];
    snprintf(list, sizeof(list), "%s,%s", fleet.servers[1].address, fleet.servers[2].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    for (size_t i = 0; i < 4; i++) {
        const char *key = key_for(i % 2);
        store(key, key);
        wire_request(&reqs[i], -1, WIRE_GETK, key);
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
        assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
    }
}
END_TEST

START_TEST(lists_may_change_often)
{
    char list[1024];
    fixture_servers(3);
    for (int i = 0; i < 8; i++) {
        snprintf(list, sizeof(list), "%s,%s:113333,%s,%s", fleet.list, fleet.servers[0].host,
                 fleet.list, fleet.servers[i % 3].address);
        assert_rc(omcache_set_servers(client, i % 2 ? fleet.list : list), OMCACHE_OK);
        assert_server_count(i % 2 ? 3 : 8);
        assert_rc(omcache_noop(client, i % 2 ? 2 : 7, -1), OMCACHE_OK);
    }
}
END_TEST

/*
 * IPv6.
 */

START_TEST(servers_may_have_ipv6_addresses)
{
    struct memcached m;
    char list[64];
    int port = loopback_free_port("::1");
    if (port < 0) {
        printf("skipped servers_may_have_ipv6_addresses: no IPv6 loopback: %s\n", strerror(errno));
        return;
    }
    memcached_start_at(&m, "::1", port);
    snprintf(list, sizeof(list), "[::1]:%d", port);
    client = fixture_client(list);
    assert_server(0, "::1", port);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

static void add_lists(TCase *tcase)
{
    tcase_add_test(tcase, lists_are_sorted_by_host_and_port);
    tcase_add_test(tcase, blanks_and_empty_entries_are_ignored);
    tcase_add_test(tcase, addresses_may_be_ipv6);
    tcase_add_test(tcase, ports_are_not_looked_at);
    tcase_add_test(tcase, the_list_is_copied);
    tcase_add_test(tcase, bad_lists_change_nothing);
    tcase_add_test(tcase, bad_lists_are_explained);
    tcase_add_test(tcase, descriptions_outlive_the_client);
    tcase_add_test(tcase, long_lists_work);
}

static void add_use(TCase *tcase)
{
    tcase_add_test(tcase, without_servers_nothing_works);
    tcase_add_test(tcase, one_server_has_every_key);
    tcase_add_test(tcase, duplicates_are_servers_of_their_own);
    tcase_add_test(tcase, kept_servers_keep_their_connections);
    tcase_add_test(tcase, kept_servers_keep_their_requests);
    tcase_add_test(tcase, requests_to_a_dropped_server_fail);
    tcase_add_test(tcase, indexes_may_shift_under_a_batch);
    tcase_add_test(tcase, lists_may_change_often);
    tcase_add_test(tcase, servers_may_have_ipv6_addresses);
}

int main(void)
{
    Suite *suite = suite_create("server_list");
    add_lists(fixture_case(suite, "lists"));
    add_use(fixture_case(suite, "use"));
    return fixture_run(suite);
}
