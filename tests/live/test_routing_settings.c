/*
 * Distributions by name, weights, labels, key prefixes and hash tags, with the
 * values really where they should be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/told.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS 200

static char names[KEYS][16];
static const unsigned char *keys[KEYS];
static size_t lens[KEYS];
static omcache_req_t reqs[KEYS];
static omcache_value_t values[KEYS];

static void name_keys(void)
{
    for (size_t i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "routed-%zu", i);
        keys[i] = (const unsigned char *)names[i];
    }
}

/* Stores all keys and gets them back, one by one and at once. */
static void store_and_get_all(void)
{
    size_t count = KEYS;
    size_t room = KEYS;
    name_keys();
    for (size_t i = 0; i < KEYS; i++) {
        store(names[i], names[i]);
        assert_stored(names[i], names[i]);
    }
    assert_rc(omcache_get_multi(client, keys, lens, KEYS, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, KEYS);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
        assert_bytes(values[i].key, values[i].key_len, values[i].data, values[i].data_len);
    }
}

START_TEST(every_distribution_works)
{
    static const char *const distributions[] = {
        "ketama", "ketama-weighted", "ketama-pre1010", "ketama-spy", "ketama-spy-weighted",
        "modula", "virtual-bucket",  "twemproxy",      "libmc",
    };
    fixture_servers(3);
    assert_rc(omcache_set_distribution(client, distributions[_i], NULL), OMCACHE_OK);
    store_and_get_all();
}
END_TEST

START_TEST(every_hash_works)
{
    static const char *const hashes[] = {"one-at-a-time", "md5",     "crc",      "fnv1_32",
                                         "fnv1a_32",      "fnv1_64", "fnv1a_64", "murmur",
                                         "murmur3",       "jenkins", "hsieh"};
    fixture_servers(3);
    assert_rc(omcache_set_distribution(client, "ketama", hashes[_i]), OMCACHE_OK);
    store_and_get_all();
}
END_TEST

START_TEST(random_uses_every_server)
{
    int counts[3] = {0};
    client = fixture_client("10.0.0.1,10.0.0.2,10.0.0.3");
    assert_rc(omcache_set_distribution(client, "random", NULL), OMCACHE_OK);
    for (int i = 0; i < 300; i++) {
        int index = omcache_server_index_for_key(client, TEXT("key"));
        ck_assert_msg(index >= 0 && index < 3, "index %d", index);
        counts[index]++;
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(counts[i] > 50, "server %d was chosen %d of 300 times", i, counts[i]);
    }
}
END_TEST

START_TEST(what_is_unknown_changes_nothing)
{
    client = fixture_client("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4");
    assert_rc(omcache_set_distribution(client, "modula", "md5"), OMCACHE_OK);
    int before = omcache_server_index_for_key(client, TEXT("key"));
    assert_rc(omcache_set_distribution(client, "modulo", NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution(client, "ketama", "sha1"), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution(client, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution(NULL, "ketama", NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_servers(client, "10.0.0.1/?x"), OMCACHE_INVALID);
    assert_rc(omcache_set_servers(client, "=10.0.0.1"), OMCACHE_INVALID);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("key")), before);
}
END_TEST

START_TEST(weights_count_where_they_are_known)
{
    int counts[2] = {0};
    client = fixture_client("10.0.0.1/?1,10.0.0.2/?9");
    assert_rc(omcache_set_distribution(client, "ketama-weighted", NULL), OMCACHE_OK);
    name_keys();
    for (size_t i = 0; i < KEYS; i++) {
        counts[omcache_server_index_for_key(client, keys[i], lens[i])]++;
    }
    ck_assert_msg(counts[0] < KEYS / 4, "%d of %d keys at a tenth of the weight", counts[0], KEYS);
    ck_assert_msg(counts[0] > 0, "no key at a tenth of the weight");
}
END_TEST

START_TEST(a_server_may_move_and_keep_its_keys)
{
    char list[200];
    fixture_servers(2);
    snprintf(list, sizeof(list), "red=%s,blue=%s", fleet.servers[0].address,
             fleet.servers[1].address);
    client = fixture_client(list);
    store_and_get_all();
    /* The two change places: each key's value is looked for where it is not. */
    snprintf(list, sizeof(list), "blue=%s,red=%s", fleet.servers[0].address,
             fleet.servers[1].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    for (size_t i = 0; i < KEYS; i++) {
        assert_missing(names[i]);
    }
    snprintf(list, sizeof(list), "blue=%s,red=%s", fleet.servers[1].address,
             fleet.servers[0].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    for (size_t i = 0; i < KEYS; i++) {
        assert_stored(names[i], names[i]);
    }
}
END_TEST

START_TEST(unix_sockets_are_servers)
{
    NOT_OVER_TLS;
    char path[32];
    char list[100];
    fixture_servers(1);
    snprintf(path, sizeof(path), "/tmp/omc-test-%d.sock", (int)getpid());
    memcached_start_socket(&fleet.servers[1], path);
    snprintf(list, sizeof(list), "%s/?2,%s", path, fleet.servers[0].address);
    client = fixture_client(list);
    omcache_server_info_t *info = omcache_server_info(client, 0);
    ck_assert_str_eq(info->hostname, path);
    ck_assert_int_eq(info->port, 0);
    omcache_server_info_free(client, info);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    store_and_get_all();
    const char *key = key_for(0);
    store(key, "in the socket's server");
    omcache_t *alone = fixture_client(path);
    assert_rc(omcache_get(alone, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);

    memcached_kill(&fleet.servers[1]);
    unlink(path);
    clock_sleep(20);
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
}
END_TEST

START_TEST(a_path_too_long_for_a_socket_fails)
{
    char path[200] = "/";
    memset(path + 1, 'x', sizeof(path) - 2);
    client = fixture_client(path);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 200);
}
END_TEST

/*
 * Prefixes.
 */

START_TEST(a_prefix_is_sent_and_taken_off_again)
{
    fixture_servers(3);
    omcache_t *plain = fixture_client(fleet.list);
    assert_rc(omcache_set_key_prefix(client, "app:", 4, _i), OMCACHE_OK);
    store_and_get_all();
    drain(client); /* of the multi-get the end may still be on the way */
    assert_rc(omcache_set_response_callback(client, recorder_answer, NULL), OMCACHE_OK);
    assert_stored("routed-7", "routed-7");
    ck_assert_msg(recorder.answer_count == 1, "answers: %s", recorder_summary());
    ck_assert_str_eq(recorder.answers[0].key, "routed-7");
    omcache_set_response_callback(client, NULL, NULL);

    /* Without the prefix they are not there, with it in the key they are, provided
     * that the servers were chosen in the same way. */
    assert_rc(omcache_get(plain, TEXT("routed-7"), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    size_t found = 0;
    for (size_t i = 0; i < KEYS; i++) {
        char whole[32];
        snprintf(whole, sizeof(whole), "app:%.15s", names[i]);
        found += omcache_get(plain, TEXT(whole), NULL, NULL, NULL, NULL, -1) == OMCACHE_OK;
    }
    if (_i) {
        ck_assert_uint_eq(found, KEYS);
    } else {
        ck_assert_msg(found > 0 && found < KEYS, "%zu of %d", found, KEYS);
    }
}
END_TEST

START_TEST(a_prefix_applies_to_every_command)
{
    uint64_t number;
    fixture_servers(1);
    omcache_t *plain = fixture_client(fleet.list);
    assert_rc(omcache_set_key_prefix(client, "p", 1, 0), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_append(client, TEXT("k"), TEXT("w"), 0, -1), OMCACHE_OK);
    assert_rc(omcache_touch(client, TEXT("k"), 100, -1), OMCACHE_OK);
    assert_rc(omcache_increment(client, TEXT("n"), 1, 5, 0, &number, -1), OMCACHE_OK);
    assert_rc(omcache_get(plain, TEXT("pk"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_rc(omcache_get(plain, TEXT("pn"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_rc(omcache_delete(client, TEXT("k"), -1), OMCACHE_OK);
    assert_rc(omcache_get(plain, TEXT("pk"), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);

    size_t room = KEYS; /* names of statistics are no keys */
    assert_rc(omcache_stat(client, "items", values, &room, 0, -1), OMCACHE_OK);
    ck_assert_uint_gt(room, 1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

START_TEST(prefix_and_key_share_250_bytes)
{
    unsigned char key[250];
    unsigned char prefix[250];
    memset(key, 'k', sizeof(key));
    memset(prefix, 'p', sizeof(prefix));
    fixture_servers(1);
    assert_rc(omcache_set_key_prefix(client, prefix, 250, 0), OMCACHE_INVALID);
    assert_rc(omcache_set_key_prefix(client, NULL, 1, 0), OMCACHE_INVALID);
    assert_rc(omcache_set_key_prefix(NULL, prefix, 1, 0), OMCACHE_INVALID);
    assert_rc(omcache_set_key_prefix(client, prefix, 200, 0), OMCACHE_OK);
    assert_rc(omcache_set(client, key, 50, key, 1, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set(client, key, 51, key, 1, 0, 0, 0, -1), OMCACHE_INVALID);
    keys[0] = key;
    lens[0] = 51;
    size_t count = 1;
    assert_rc(omcache_get_multi(client, keys, lens, 1, reqs, &count, NULL, NULL, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_set_key_prefix(client, NULL, 0, 0), OMCACHE_OK);
    assert_rc(omcache_set(client, key, 250, key, 1, 0, 0, 0, -1), OMCACHE_OK);
}
END_TEST

START_TEST(a_late_answer_loses_the_prefix_it_was_asked_with)
{
    fixture_servers(1);
    assert_rc(omcache_set_key_prefix(client, "old:", 4, 0), OMCACHE_OK);
    store("key", "value");
    assert_rc(omcache_set_response_callback(client, recorder_answer, NULL), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_key_prefix(client, "longer and new:", 15, 0), OMCACHE_OK);
    drain(client);
    ck_assert_uint_ge(recorder.answer_count, 1);
    ck_assert_str_eq(recorder.answers[0].key, "key");
}
END_TEST

/* One after the other, as text has them on one line. */
START_TEST(gets_of_one_key_by_two_prefixes_are_two)
{
    fixture_servers(1);
    assert_rc(omcache_set_key_prefix(client, "tenant2:", 8, 0), OMCACHE_OK);
    store("key", "secret of 2");
    for (int i = 0; i < 2; i++) {
        static struct told told[2];
        memset(told, 0, sizeof(told));
        assert_rc(omcache_set_key_prefix(client, "tenant1:", 8, 0), OMCACHE_OK);
        assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[0]), OMCACHE_OK);
        assert_rc(omcache_set_key_prefix(client, i == 0 ? "tenant2:" : NULL, i == 0 ? 8 : 0, 0),
                  OMCACHE_OK);
        assert_rc(i == 0 ? omcache_async_get(client, "key", 3, -1, told_reply, &told[1])
                         : omcache_async_get(client, "tenant2:key", 11, -1, told_reply, &told[1]),
                  OMCACHE_OK);
        drain(client);
        assert_rc(told[0].status, OMCACHE_NOT_FOUND);
        assert_rc(told[1].status, OMCACHE_OK);
    }
    /* The same where nobody waits for the first one. */
    assert_rc(omcache_set_key_prefix(client, "tenant1:", 8, 0), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_key_prefix(client, "tenant2:", 8, 0), OMCACHE_OK);
    assert_stored("key", "secret of 2");
}
END_TEST

/* Prefixed requests that were never sent move without a second prefix. */
START_TEST(a_prefix_moves_along_once)
{
    fixture_servers(3);
    memcached_kill(&fleet.servers[1]);
    client = fixture_client(fleet.list);
    assert_rc(omcache_set_key_prefix(client, "ns:", 3, _i), OMCACHE_OK);
    omcache_set_buffering(client, 1);
    name_keys();
    for (size_t i = 0; i < KEYS; i++) {
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    drain(client);
    for (size_t i = 0; i < KEYS; i++) {
        assert_stored(names[i], names[i]);
    }
}
END_TEST

/* Whoever asks for it later does so with the prefix that it was stored with. */
START_TEST(requests_move_by_the_prefix_they_were_made_with)
{
    bool was_hashed = _i != 2;
    bool is_hashed = _i != 1;
    fixture_servers(3);
    memcached_kill(&fleet.servers[1]);
    client = fixture_client(fleet.list);
    assert_rc(omcache_set_key_prefix(client, "old:", 4, was_hashed), OMCACHE_OK);
    omcache_set_buffering(client, 1);
    name_keys();
    for (size_t i = 0; i < KEYS; i++) {
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    assert_rc(omcache_set_key_prefix(client, "another:", 8, is_hashed), OMCACHE_OK);
    drain(client);
    assert_rc(omcache_set_key_prefix(client, "old:", 4, was_hashed), OMCACHE_OK);
    for (size_t i = 0; i < KEYS; i++) {
        assert_stored(names[i], names[i]);
    }
}
END_TEST

/*
 * Hash tags.
 */

START_TEST(tagged_keys_stay_together)
{
    client =
        fixture_client("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8");
    assert_rc(omcache_set_hash_tag(client, "{}"), OMCACHE_OK);
    int index = omcache_server_index_for_key(client, TEXT("42"));
    for (int i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof(key), "user:{42}:%d", i);
        ck_assert_int_eq(omcache_server_index_for_key(client, TEXT(key)), index);
    }
    assert_rc(omcache_set_hash_tag(client, NULL), OMCACHE_OK);
    int moved = 0;
    for (int i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof(key), "user:{42}:%d", i);
        moved += omcache_server_index_for_key(client, TEXT(key)) != index;
    }
    ck_assert_int_gt(moved, 50);
}
END_TEST

START_TEST(a_tag_has_two_characters)
{
    client = fixture_client("10.0.0.1,10.0.0.2");
    assert_rc(omcache_set_hash_tag(client, ""), OMCACHE_INVALID);
    assert_rc(omcache_set_hash_tag(client, "{"), OMCACHE_INVALID);
    assert_rc(omcache_set_hash_tag(client, "{}}"), OMCACHE_INVALID);
    assert_rc(omcache_set_hash_tag(NULL, "{}"), OMCACHE_INVALID);
    assert_rc(omcache_set_hash_tag(client, "$$"), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("routing_settings");
    TCase *choice = fixture_case(suite, "choice");
    tcase_add_loop_test(choice, every_distribution_works, 0, 9);
    tcase_add_loop_test(choice, every_hash_works, 0, 11);
    tcase_add_test(choice, random_uses_every_server);
    tcase_add_test(choice, what_is_unknown_changes_nothing);
    tcase_add_test(choice, weights_count_where_they_are_known);
    tcase_add_test(choice, a_server_may_move_and_keep_its_keys);
    tcase_add_test(choice, unix_sockets_are_servers);
    tcase_add_test(choice, a_path_too_long_for_a_socket_fails);
    TCase *prefix = fixture_case(suite, "prefix");
    tcase_add_loop_test(prefix, a_prefix_is_sent_and_taken_off_again, 0, 2);
    tcase_add_test(prefix, a_prefix_applies_to_every_command);
    tcase_add_test(prefix, prefix_and_key_share_250_bytes);
    tcase_add_test(prefix, a_late_answer_loses_the_prefix_it_was_asked_with);
    tcase_add_loop_test(prefix, a_prefix_moves_along_once, 0, 2);
    tcase_add_test(prefix, gets_of_one_key_by_two_prefixes_are_two);
    tcase_add_loop_test(prefix, requests_move_by_the_prefix_they_were_made_with, 0, 3);
    TCase *tag = fixture_case(suite, "tag");
    tcase_add_test(tag, tagged_keys_stay_together);
    tcase_add_test(tag, a_tag_has_two_characters);
    return fixture_run(suite);
}
