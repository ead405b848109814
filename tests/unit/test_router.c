/*
 * The router: which server a key gets, in every distribution.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "route/hash.h"
#include "route/router.h"
#include "support/failing_memory.h"
#include "support/fixture.h"

static struct omc_server_list list;
static struct omc_routing routing;
static struct omc_router router;
static uint32_t seed = 1;

static void forget(void)
{
    omc_router_fini(&router);
    omc_server_list_fini(&list);
    memset(&routing, 0, sizeof(routing));
}

static bool make(const char *servers)
{
    omc_router_fini(&router);
    omc_server_list_fini(&list);
    assert_rc(omc_server_list_parse(&list, servers), OMCACHE_OK);
    return omc_router_init(&router, &routing, &list);
}

static bool make_classic(const omcache_dist_t *dist, const char *servers)
{
    omc_routing_choose_classic(&routing, dist);
    return make(servers);
}

static bool make_named(const char *distribution, const char *hash, const char *servers)
{
    omc_routing_choose(&routing, omc_distribution_by_name(distribution),
                       hash == NULL ? NULL : omc_hash_by_name(hash));
    return make(servers);
}

static int pick(const char *key, const unsigned char *down)
{
    return omc_router_pick(&router, &routing.keys, (const unsigned char *)key, strlen(key), &seed,
                           down);
}

/* Keys whose servers are found together have the servers that each has. */
static void assert_together(char keys[60][20], const char *found)
{
    for (size_t i = 0; i < 60; i += OMC_HASH_TOGETHER) {
        struct omc_hash_key some[OMC_HASH_TOGETHER];
        int servers[OMC_HASH_TOGETHER];

        for (size_t j = 0; j < OMC_HASH_TOGETHER; j++)
            some[j] = (struct omc_hash_key){(unsigned char *)keys[i + j], strlen(keys[i + j])};
        omc_router_pick_together(&router, some, servers);
        for (size_t j = 0; j < OMC_HASH_TOGETHER; j++)
            ck_assert_int_eq('0' + servers[j], found[i + j]);
    }
}

/* The indexes of key-0, key-7919 ... key-467221, as digits. */
static const char *digits(void)
{
    static char text[61], keys[60][20];

    for (int i = 0; i < 60; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key-%d", i * 7919);
        text[i] = (char)('0' + pick(keys[i], NULL));
    }
    if (omc_router_picks_together(&router, &routing.keys))
        assert_together(keys, text);
    return text;
}

/* Copies digits. */
static void keep(char copy[61], const char *text)
{
    snprintf(copy, 61, "%s", text);
}

static const char *indexes(const omcache_dist_t *dist, const char *servers)
{
    ck_assert(make_classic(dist, servers));
    return digits();
}

START_TEST(keys_go_where_omcache_always_sent_them)
{
    static const char servers[] =
        "10.0.0.1,10.0.0.2:11211,10.0.0.3:11212,cache.example:4000,[::1]:5000";

    ck_assert_str_eq(indexes(&omcache_dist_libmemcached_ketama, servers),
                     "343104200104012220141300311112432232111314444120103144043110");
    ck_assert_str_eq(indexes(&omcache_dist_libmemcached_ketama_weighted, servers),
                     "123343110043044301110411002330140210443410431103101120031014");
    ck_assert_str_eq(indexes(&omcache_dist_libmemcached_ketama_pre1010, servers),
                     "101300100003224403112204220114224122103211110302321201214422");
}
END_TEST

/* Every server has the same points: what was given first has them all. */
START_TEST(equal_points_belong_to_the_server_given_first)
{
    const char *found;

    found = indexes(&omcache_dist_libmemcached_ketama, "b,a,a,b");
    ck_assert_msg(strspn(found, "02") == 60, "sorted as a a b b: %s", found);
    ck_assert_ptr_nonnull(strchr(found, '0'));
    ck_assert_ptr_nonnull(strchr(found, '2'));
}
END_TEST

static uint32_t same_point(const char *hostname, const char *portname, uint32_t point,
                           uint32_t *hashes)
{
    (void)hostname;
    (void)portname;
    hashes[0] = point * 1000;
    return 1;
}

START_TEST(ties_follow_the_list_as_given_not_as_sorted)
{
    omcache_dist_t dist = {
        .points_per_server = 5,
        .entries_per_point = 1,
        .point_hash_func = same_point,
        .key_hash_func = omc_hash_one_at_a_time,
    };

    ck_assert_str_eq(indexes(&dist, "z,m,a") + 59, "2");
    ck_assert_msg(strspn(indexes(&dist, "m,z,a"), "1") == 60, "sorted as a m z");
    ck_assert_msg(strspn(indexes(&dist, "a,m,z"), "0") == 60, "sorted as a m z");
}
END_TEST

static uint32_t last_key_hash(const unsigned char *key, size_t key_len)
{
    (void)key_len;
    return key[0] == 'm' ? UINT32_MAX : key[0] == 'z' ? 0 : 1001;
}

static uint32_t one_point_each(const char *hostname, const char *portname, uint32_t point,
                               uint32_t *hashes)
{
    (void)portname;
    (void)point;
    hashes[0] = (uint32_t)(hostname[0] - 'a' + 1) * 1000;
    return 1;
}

START_TEST(lookups_go_up_go_round_and_skip)
{
    omcache_dist_t dist = {
        .points_per_server = 1,
        .entries_per_point = 1,
        .point_hash_func = one_point_each,
        .key_hash_func = last_key_hash,
    };
    static const unsigned char all[3] = {0}, not_b[] = {0, 1, 0}, none[] = {1, 1, 1},
                               only_a[] = {0, 1, 1};

    ck_assert(make_classic(&dist, "a,b,c"));
    ck_assert_int_eq(pick("m", all), 0);
    ck_assert_int_eq(pick("z", all), 0);
    ck_assert_int_eq(pick("o", all), 1);
    ck_assert_int_eq(pick("o", not_b), 2);
    ck_assert_int_eq(pick("o", only_a), 0);
    ck_assert_int_eq(pick("o", none), -1);
}
END_TEST

/* A point function that claims more than the method allows. */
static uint32_t greedy(const char *hostname, const char *portname, uint32_t point, uint32_t *hashes)
{
    (void)hostname;
    (void)portname;
    hashes[0] = point;
    hashes[1] = point + 1;
    return 1000;
}

START_TEST(custom_methods_are_kept_in_bounds)
{
    omcache_dist_t dist = {
        .points_per_server = 3,
        .entries_per_point = 2,
        .point_hash_func = greedy,
        .key_hash_func = omc_hash_one_at_a_time,
    };

    ck_assert(make_classic(&dist, "a,b"));
    ck_assert_uint_eq(router.ring.count, 12);
    dist.points_per_server = dist.entries_per_point = UINT32_MAX;
    ck_assert(!make_classic(&dist, "a,b"));
    ck_assert_ptr_null(router.ring.points);
}
END_TEST

static uint32_t no_point(const char *hostname, const char *portname, uint32_t point,
                         uint32_t *hashes)
{
    (void)hostname;
    (void)portname;
    hashes[0] = point; /* which it does not claim */
    return 0;
}

/* Points are asked for as many as the method says by then: it is the application's. */
START_TEST(a_custom_method_may_give_no_points)
{
    omcache_dist_t dist = {
        .points_per_server = 5,
        .entries_per_point = 1,
        .point_hash_func = no_point,
        .key_hash_func = omc_hash_one_at_a_time,
    };

    ck_assert(make_classic(&dist, "a,b"));
    ck_assert_int_eq(pick("key", NULL), -1);
    dist.point_hash_func = same_point;
    ck_assert(make("a,b"));
    ck_assert_int_eq(pick("key", NULL), 0);
    dist.points_per_server = 0;
    ck_assert(make("a,b"));
    ck_assert_int_eq(pick("key", NULL), -1);
    ck_assert(make("a"));
    ck_assert_int_eq(pick("key", NULL), 0); /* no point is needed for one */
}
END_TEST

/* Makes the router with one allocation after the other failing: there is none then.  How many
 * have failed. */
static size_t fail_to_make(void)
{
    for (size_t from = 1;; from++) {
        size_t alive = memory_alive;
        bool is_made;

        memory_fail(from, 1);
        is_made = omc_router_init(&router, &routing, &list);
        if (!memory_stop_failing()) {
            ck_assert(is_made);
            return from - 1;
        }
        ck_assert(!is_made);
        ck_assert_uint_eq(memory_alive, alive);
        ck_assert_uint_eq(router.count, 0);
        ck_assert_int_eq(pick("key", NULL), -1);
    }
}

/* A ring without some of the points would send keys to other servers. */
START_TEST(without_memory_there_is_no_router)
{
    omcache_dist_t custom = {
        .points_per_server = 3,
        .entries_per_point = 2,
        .point_hash_func = greedy,
        .key_hash_func = omc_hash_one_at_a_time,
    };
    char servers[310] = "b,"; /* one of them with a name that needs memory of its own */

    memset(servers + 2, 'a', sizeof(servers) - 3);
    ck_assert(make_named("modula", NULL, servers));
    omc_router_fini(&router);
    ck_assert_uint_eq(fail_to_make(), 1); /* the order of the servers */
    ck_assert(make_classic(&omcache_dist_libmemcached_ketama, servers));
    omc_router_fini(&router);
    ck_assert_uint_eq(fail_to_make(), 5); /* also the points, a name, and two for sorting */
    ck_assert(make_classic(&omcache_dist_libmemcached_ketama_weighted, servers));
    omc_router_fini(&router);
    ck_assert_uint_eq(fail_to_make(), 5);
    ck_assert(make_classic(&custom, servers));
    omc_router_fini(&router);
    ck_assert_uint_eq(fail_to_make(), 6); /* also the hashes of a point, for each server */
}
END_TEST

START_TEST(an_empty_list_has_no_server)
{
    ck_assert(make_classic(&omcache_dist_libmemcached_ketama, ""));
    ck_assert_int_eq(pick("k", NULL), -1);
}
END_TEST

/* A copy of a classic method, and the same by name. */
START_TEST(classic_methods_have_names)
{
    static const char servers[] = "h1,h2:5,h3,h4,h5";
    omcache_dist_t copy = omcache_dist_libmemcached_ketama_weighted;
    char expected[61];

    keep(expected, indexes(&omcache_dist_libmemcached_ketama, servers));
    ck_assert(make_named("ketama", NULL, servers));
    ck_assert_str_eq(digits(), expected);
    keep(expected, indexes(&copy, servers));
    ck_assert(make_named("ketama-weighted", NULL, servers));
    ck_assert_str_eq(digits(), expected);
    keep(expected, indexes(&omcache_dist_libmemcached_ketama_pre1010, servers));
    ck_assert(make_named("ketama-pre1010", NULL, servers));
    ck_assert_str_eq(digits(), expected);
    ck_assert(make_named("ketama-weighted", "one-at-a-time", servers));
    ck_assert_str_eq(digits(), expected);
    ck_assert_ptr_null(omc_distribution_by_name("ketama_weighted"));
}
END_TEST

/* A method that points only resemble is made by calling it. */
START_TEST(a_method_of_its_own_size_is_called)
{
    omcache_dist_t dist = omcache_dist_libmemcached_ketama_weighted;

    dist.points_per_server = 7;
    ck_assert(make_classic(&dist, "a,b"));
    ck_assert_uint_eq(router.ring.count, (size_t)2 * 7 * 4);
}
END_TEST

START_TEST(a_label_keeps_the_keys_when_the_address_changes)
{
    char before[61];

    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"ketama", "ketama-weighted", "ketama-spy"};

        ck_assert(make_named(names[i], NULL, "red=10.0.0.1:5000,green=10.0.0.2,blue=10.0.0.3"));
        keep(before, digits());
        ck_assert(make_named(names[i], NULL, "red=10.0.0.1:9,green=10.0.0.2:7,blue=10.0.0.4"));
        ck_assert_str_eq(digits(), before);
        ck_assert(make_named(names[i], NULL, "10.0.0.1:9,10.0.0.2:7,10.0.0.4"));
        ck_assert_str_ne(digits(), before);
    }
    /* A label counts like a host on the default port. */
    ck_assert(make_named("ketama", NULL, "a=10.0.0.1:5,b=10.0.0.2:5"));
    keep(before, digits());
    ck_assert(make_named("ketama", NULL, "a,b"));
    ck_assert_str_eq(digits(), before);
}
END_TEST

START_TEST(weights_share_out_keys)
{
    int counts[3] = {0};

    ck_assert(make_named("ketama-weighted", NULL, "a/?1,b/?2,c/?5"));
    for (int i = 0; i < 8000; i++) {
        char key[20];

        snprintf(key, sizeof(key), "weight-%d", i);
        counts[pick(key, NULL)]++;
    }
    ck_assert_msg(counts[0] > 700 && counts[0] < 1300, "%d of 1000", counts[0]);
    ck_assert_msg(counts[1] > 1500 && counts[1] < 2500, "%d of 2000", counts[1]);
    ck_assert_msg(counts[2] > 4300 && counts[2] < 5700, "%d of 5000", counts[2]);
}
END_TEST

START_TEST(modula_counts_in_the_order_given)
{
    static const int given[] = {2, 0, 1}; /* sorted they are a, m, z */
    static const unsigned char all[3] = {0}, no_z[] = {0, 0, 1};
    uint32_t hash = omc_hash_one_at_a_time((const unsigned char *)"foo", 3);

    ck_assert(make_named("modula", NULL, "z,a,m"));
    ck_assert_int_eq(pick("foo", NULL), given[hash % 3]);
    ck_assert_int_eq(pick("foo", all), given[hash % 3]);
    ck_assert(make_named("virtual-bucket", NULL, "z,a,m"));
    ck_assert_int_eq(pick("foo", NULL), given[hash & 2]);
    ck_assert_int_ne(pick("foo", no_z), 2);
}
END_TEST

START_TEST(random_chooses_all)
{
    int counts[4] = {0};

    ck_assert(make_named("random", NULL, "a,b,c,d"));
    for (int i = 0; i < 4000; i++)
        counts[pick("the same", NULL)]++;
    for (int i = 0; i < 4; i++)
        ck_assert_msg(counts[i] > 800 && counts[i] < 1200, "%d of 1000", counts[i]);
}
END_TEST

START_TEST(only_what_is_between_the_tag_is_hashed)
{
    static const struct {
        const char *key, *hashed;
    } cases[] = {
        {"user:{42}:name", "42"},
        {"{42}", "42"},
        {"{a}{b}", "a"},
        {"}{a}", "a"},
        {"{a{b}", "a{b"},
        {"{}x", "{}x"},
        {"{}{a}", "{}{a}"},
        {"{a", "{a"},
        {"a}", "a}"},
        {"plain", "plain"},
    };
    const char *key = cases[_i].key, *hashed = cases[_i].hashed;
    struct omc_key_rules rules = {.tag = {'{', '}'}, .has_tag = true};

    ck_assert_uint_eq(omc_key_hash(&rules, omc_hash_md5, (const unsigned char *)key, strlen(key)),
                      omc_hash_md5((const unsigned char *)hashed, strlen(hashed)));
}
END_TEST

START_TEST(a_prefix_is_hashed_only_if_asked)
{
    struct omc_key_rules rules = {.prefix = "ns:", .prefix_len = 3};
    unsigned char key[250] = "key";
    const unsigned char with_nul[] = "a\0b";

    ck_assert_uint_eq(omc_key_hash(&rules, omc_hash_md5, key, 3), omc_hash_md5(key, 3));
    rules.hash_prefix = true;
    ck_assert_uint_eq(omc_key_hash(&rules, omc_hash_md5, key, 3),
                      omc_hash_md5((const unsigned char *)"ns:key", 6));
    ck_assert_uint_ne(omc_key_hash(&rules, omc_hash_md5, key, 247), 0);
    ck_assert_uint_eq(omc_key_hash(&rules, omc_hash_md5, key, 248), 0);
    /* As libmemcached: what is behind a NUL counts as NULs. */
    ck_assert_uint_eq(omc_key_hash(&rules, omc_hash_md5, with_nul, 3),
                      omc_hash_md5((const unsigned char *)"ns:a\0\0", 6));
}
END_TEST

START_TEST(removing_a_server_moves_only_its_keys)
{
    static const char *const names[] = {"ketama", "ketama-spy", "libmc"};
    enum { KEYS = 2000 };
    char hosts[KEYS][8];

    for (int mode = 0; mode < 3; mode++) {
        ck_assert(make_named(names[mode], NULL, "a,b,c,d,e:5,f"));
        for (int i = 0; i < KEYS; i++) {
            char key[20];

            snprintf(key, sizeof(key), "move-%d", i);
            snprintf(hosts[i], sizeof(hosts[i]), "%s", list.names[pick(key, NULL)].host);
        }
        ck_assert(make_named(names[mode], NULL, "a,b,d,e:5,f"));
        for (int i = 0; i < KEYS; i++) {
            char key[20];
            const char *now;

            snprintf(key, sizeof(key), "move-%d", i);
            now = list.names[pick(key, NULL)].host;
            ck_assert_msg(strcmp(hosts[i], "c") == 0 || strcmp(hosts[i], now) == 0,
                          "%s moved from %s to %s", key, hosts[i], now);
        }
    }
}
END_TEST

/* The ring's index against a plain search. */
START_TEST(every_hash_finds_its_point)
{
    uint32_t random = 99;

    for (size_t count = 1; count < 3000; count = count * 3 / 2 + 1) {
        struct omc_ring ring;

        ck_assert(omc_ring_init(&ring, count));
        for (size_t i = 0; i < count; i++) /* some hashes twice, some crowded */
            omc_ring_add(&ring, omc_random_next(&random) >> (i % 3 * 8), (uint32_t)i);
        ck_assert(omc_ring_sort(&ring));
        for (size_t i = 0; i + 1 < count; i++)
            ck_assert(ring.points[i].hash < ring.points[i + 1].hash ||
                      (ring.points[i].hash == ring.points[i + 1].hash &&
                       ring.points[i].server < ring.points[i + 1].server));
        for (size_t i = 0; i < 3 * count; i++) {
            uint32_t hash =
                i < count ? ring.points[i].hash : omc_random_next(&random) >> (i % 3 * 8);
            size_t expected = 0;

            while (expected < count && ring.points[expected].hash < hash)
                expected++;
            ck_assert_uint_eq(omc_ring_find(&ring, hash), expected % count);
        }
        omc_ring_fini(&ring);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tcase = fixture_case(suite, "router");

    tcase_add_checked_fixture(tcase, NULL, forget);
    tcase_add_test(tcase, keys_go_where_omcache_always_sent_them);
    tcase_add_test(tcase, equal_points_belong_to_the_server_given_first);
    tcase_add_test(tcase, ties_follow_the_list_as_given_not_as_sorted);
    tcase_add_test(tcase, lookups_go_up_go_round_and_skip);
    tcase_add_test(tcase, custom_methods_are_kept_in_bounds);
    tcase_add_test(tcase, a_custom_method_may_give_no_points);
    tcase_add_test(tcase, without_memory_there_is_no_router);
    tcase_add_test(tcase, an_empty_list_has_no_server);
    tcase_add_test(tcase, classic_methods_have_names);
    tcase_add_test(tcase, a_method_of_its_own_size_is_called);
    tcase_add_test(tcase, a_label_keeps_the_keys_when_the_address_changes);
    tcase_add_test(tcase, weights_share_out_keys);
    tcase_add_test(tcase, modula_counts_in_the_order_given);
    tcase_add_test(tcase, random_chooses_all);
    tcase_add_loop_test(tcase, only_what_is_between_the_tag_is_hashed, 0, 10);
    tcase_add_test(tcase, a_prefix_is_hashed_only_if_asked);
    tcase_add_test(tcase, removing_a_server_moves_only_its_keys);
    tcase_add_test(tcase, every_hash_finds_its_point);
    return fixture_run(suite);
}
