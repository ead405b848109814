/*
 * Which server a key belongs to: libmemcached's answers, and where it is stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include <stdio.h>

#define VECTOR_KEYS 60

/* What the vectors are for.  A library that knows no names knows them as labels, and the
 * address behind this one is sorted as the name would be. */
static const char *vector_servers(void)
{
    static const char named[] =
        "10.0.0.1,10.0.0.2:11211,10.0.0.3:11212,cache.example:4000,[::1]:5000";
    static const char labelled[] =
        "10.0.0.1,10.0.0.2:11211,10.0.0.3:11212,cache.example:4000=[::2]:4000,[::1]:5000";
    return fixture_knows_names() ? named : labelled;
}

/* The indexes of key-0, key-7919, key-15838 ... as classic-api.md has them. */
static const struct {
    omcache_dist_t *method;
    const char *indexes;
} vectors[] = {
    {&omcache_dist_libmemcached_ketama,
     "343104200104012220141300311112432232111314444120103144043110"},
    {&omcache_dist_libmemcached_ketama_weighted,
     "123343110043044301110411002330140210443410431103101120031014"},
    {&omcache_dist_libmemcached_ketama_pre1010,
     "101300100003224403112204220114224122103211110302321201214422"},
};
#define METHODS ((int)(sizeof(vectors) / sizeof(vectors[0])))

static void vector_indexes(char indexes[VECTOR_KEYS + 1])
{
    for (int i = 0; i < VECTOR_KEYS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%d", i * 7919);
        int index = omcache_server_index_for_key(client, TEXT(key));
        ck_assert_msg(index >= 0 && index < 5, "%s belongs to server %d", key, index);
        indexes[i] = (char)('0' + index);
    }
    indexes[VECTOR_KEYS] = 0;
}

START_TEST(keys_go_where_libmemcached_puts_them)
{
    char indexes[VECTOR_KEYS + 1];
    client = fixture_client(vector_servers());
    assert_rc(omcache_set_distribution_method(client, vectors[_i].method), OMCACHE_OK);
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[_i].indexes);
}
END_TEST

START_TEST(ketama_is_the_default)
{
    char indexes[VECTOR_KEYS + 1];
    client = fixture_client(vector_servers());
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[0].indexes);
}
END_TEST

START_TEST(the_method_may_come_before_the_servers)
{
    char indexes[VECTOR_KEYS + 1];
    client = fixture_client("");
    assert_rc(omcache_set_distribution_method(client, vectors[_i].method), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, vector_servers()), OMCACHE_OK);
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[_i].indexes);
}
END_TEST

START_TEST(four_servers_share_evenly)
{
    int shares[4] = {0};
    client = fixture_client("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4");
    assert_rc(omcache_set_distribution_method(client, vectors[_i].method), OMCACHE_OK);
    for (int number = 0; number < 1000; number++) {
        unsigned char key[sizeof(number)];
        memcpy(key, &number, sizeof(number));
        int index = omcache_server_index_for_key(client, key, sizeof(key));
        ck_assert_msg(index >= 0 && index < 4, "index %d", index);
        shares[index]++;
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_msg(shares[i] >= 200 && shares[i] <= 300, "server %d has %d of 1000 keys", i,
                      shares[i]);
    }
}
END_TEST

START_TEST(the_methods_describe_themselves)
{
    static const struct {
        uint32_t points;
        uint32_t entries;
    } expected[] = {{100, 1}, {40, 4}, {40, 4}};
    omcache_dist_t *method = vectors[_i].method;
    ck_assert_int_eq(method->omcache_version, OMCACHE_VERSION);
    ck_assert_uint_eq(method->points_per_server, expected[_i].points);
    ck_assert_uint_eq(method->entries_per_point, expected[_i].entries);
}
END_TEST

static void assert_hash(const omcache_dist_t *method, const char *key, uint32_t expected)
{
    uint32_t hash = method->key_hash_func(TEXT(key));
    ck_assert_msg(hash == expected, "'%s' hashes to %08x, expected %08x", key, hash, expected);
}

START_TEST(the_hash_functions_can_be_called)
{
    uint32_t hashes[4] = {0};
    assert_hash(&omcache_dist_libmemcached_ketama, "foo", 0x238678dd);
    assert_hash(&omcache_dist_libmemcached_ketama, "key-1", 0x504c659a);
    assert_hash(&omcache_dist_libmemcached_ketama_pre1010, "key-1", 0x504c659a);
    assert_hash(&omcache_dist_libmemcached_ketama_weighted, "foo", 0xdb18bdac);
    assert_hash(&omcache_dist_libmemcached_ketama_weighted, "", 0xd98c1dd4);

    omc_ketama_point_hash_func *points = omcache_dist_libmemcached_ketama.point_hash_func;
    ck_assert_uint_eq(points("127.0.0.1", "11211", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0xc3fb18d3);
    ck_assert_uint_eq(points("127.0.0.1", "11212", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0x06730290);
    points = omcache_dist_libmemcached_ketama_weighted.point_hash_func;
    ck_assert_uint_eq(points("127.0.0.1", "11211", 3, hashes), 4);
    ck_assert_uint_eq(hashes[0], 0x9970ba15);
    ck_assert_uint_eq(hashes[3], 0xfbf27f51);
}
END_TEST

/*
 * A distribution of the caller's own: one point a server, made of its port, and
 * keys that say which point they want.
 */

static uint32_t port_point(const char *host, const char *port, uint32_t point, uint32_t *hashes)
{
    unsigned number = 0;
    (void)host;
    (void)point;
    ck_assert_int_eq(sscanf(port, "%u", &number), 1);
    hashes[0] = number;
    return 1;
}

static uint32_t number_key(const unsigned char *key, size_t key_len)
{
    uint32_t number = 0;
    for (size_t i = 0; i < key_len; i++) {
        number = number * 10 + (uint32_t)(key[i] - '0');
    }
    return number;
}

START_TEST(a_method_may_be_the_callers)
{
    static omcache_dist_t method = {OMCACHE_VERSION, 1, 1, port_point, number_key};
    client = fixture_client("127.0.0.1:1000,127.0.0.1:2000,127.0.0.1:3000");
    assert_rc(omcache_set_distribution_method(client, &method), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("1")), 0);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("1000")), 0);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("1001")), 1);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("2001")), 2);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("3001")), 0);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("4294967295")), 0);
}
END_TEST

/* Nothing is copied: a list set later is distributed by what the method is then. */
static uint32_t no_point(const char *host, const char *port, uint32_t point, uint32_t *hashes)
{
    (void)host;
    (void)port;
    (void)point;
    hashes[0] = 7; /* which is none of so many */
    return 0;
}

/* Keys have no server then, but for a list of one, which needs no points. */
START_TEST(a_method_may_have_no_points)
{
    static omcache_dist_t method = {OMCACHE_VERSION, 1, 1, no_point, number_key};
    fixture_servers(2);
    assert_rc(omcache_set_distribution_method(client, &method), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("7")), -1);
    assert_rc(omcache_set(client, TEXT("7"), TEXT("value"), 0, 0, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, fleet.servers[1].address), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("7")), 0);
    store("7", "value");
    assert_stored("7", "value");
}
END_TEST

START_TEST(a_method_is_used_by_reference)
{
    static omcache_dist_t method;
    char indexes[VECTOR_KEYS + 1];
    method = omcache_dist_libmemcached_ketama;
    client = fixture_client(vector_servers());
    assert_rc(omcache_set_distribution_method(client, &method), OMCACHE_OK);
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[0].indexes);
    method = omcache_dist_libmemcached_ketama_weighted;
    assert_rc(omcache_set_servers(client, vector_servers()), OMCACHE_OK);
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[1].indexes);
}
END_TEST

START_TEST(unusable_methods_are_refused)
{
    char indexes[VECTOR_KEYS + 1];
    omcache_dist_t bad[] = {
        {OMCACHE_VERSION, 1, 1, NULL, number_key},
        {OMCACHE_VERSION, 1, 1, port_point, NULL},
        {OMCACHE_VERSION, 0, 1, port_point, number_key},
        {OMCACHE_VERSION, 1, 0, port_point, number_key},
    };
    client = fixture_client(vector_servers());
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_rc(omcache_set_distribution_method(client, &bad[i]), OMCACHE_INVALID);
    }
    vector_indexes(indexes);
    ck_assert_str_eq(indexes, vectors[0].indexes);
}
END_TEST

/*
 * Where keys really are.
 */

START_TEST(keys_are_stored_where_the_index_says)
{
    omcache_t *alone[3];
    fixture_servers(3);
    assert_rc(omcache_set_distribution_method(client, vectors[_i].method), OMCACHE_OK);
    for (size_t i = 0; i < 3; i++) {
        alone[i] = fixture_client(fleet.servers[i].address);
    }
    for (int number = 0; number < 200; number++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", number);
        int index = omcache_server_index_for_key(client, TEXT(key));
        store(key, "value");
        for (int i = 0; i < 3; i++) {
            int rc = omcache_get(alone[i], TEXT(key), NULL, NULL, NULL, NULL, -1);
            ck_assert_msg(rc == (i == index ? OMCACHE_OK : OMCACHE_NOT_FOUND),
                          "%s belongs to %d, server %d says %s", key, index, i, rc_name(rc));
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("routing_methods");
    TCase *tcase = fixture_case(suite, "distribution");
    tcase_add_loop_test(tcase, keys_go_where_libmemcached_puts_them, 0, METHODS);
    tcase_add_test(tcase, ketama_is_the_default);
    tcase_add_loop_test(tcase, the_method_may_come_before_the_servers, 0, METHODS);
    tcase_add_loop_test(tcase, four_servers_share_evenly, 0, METHODS);
    tcase_add_loop_test(tcase, the_methods_describe_themselves, 0, METHODS);
    tcase_add_test(tcase, the_hash_functions_can_be_called);
    tcase_add_test(tcase, a_method_may_be_the_callers);
    tcase_add_test(tcase, a_method_may_have_no_points);
    tcase_add_test(tcase, a_method_is_used_by_reference);
    tcase_add_test(tcase, unusable_methods_are_refused);
    tcase_add_loop_test(tcase, keys_are_stored_where_the_index_says, 0, METHODS);
    return fixture_run(suite);
}
