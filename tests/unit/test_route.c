/*
 * Server lists, hashes, point names and the ring.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/hash.h"
#include "route/ketama.h"
#include "route/ring.h"
#include "route/server_list.h"
#include "support/fixture.h"

/* A list as text: "host|port|order" each, blank separated. */
static const char *list_text(const char *servers)
{
    static char text[1000];
    struct omc_server_list list;
    size_t len = 0;

    if (omc_server_list_parse(&list, servers) != OMCACHE_OK)
        return "INVALID";
    text[0] = '\0';
    for (size_t i = 0; i < list.count; i++)
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s%s|%s|%u", i > 0 ? " " : "",
                             list.names[i].host, list.names[i].port, (unsigned)list.names[i].order);
    omc_server_list_fini(&list);
    return text;
}

START_TEST(lists_are_read)
{
    static const struct {
        const char *servers, *expected;
    } cases[] = {
        {"", ""},
        {" , ,,\t", ""},
        {"a", "a|11211|0"},
        {"a:1", "a|1|0"},
        {" a:1 ,\tb\n", "a|1|0 b|11211|1"},
        {"b,a", "a|11211|1 b|11211|0"},
        {"a:2,a:10,a:9", "a|10|1 a|2|0 a|9|2"},
        {"a,a,a", "a|11211|0 a|11211|1 a|11211|2"},
        {"[::1]", "::1|11211|0"},
        {"[::1]:5000,[::2]", "::1|5000|0 ::2|11211|1"},
        {"::1", "::1|11211|0"},
        {"fe80::1%eth0", "fe80::1%eth0|11211|0"},
        {"a:", "a||0"},
        {":1", "|1|0"},
        {"a:99999,b:http", "a|99999|0 b|http|1"},
        {"[::1", "INVALID"},
        {"a,[::1", "INVALID"},
        {"[::1]x", "INVALID"},
        {"[::1]11211", "INVALID"},
        {"[]", "|11211|0"},
        {"[", "INVALID"},
    };

    ck_assert_str_eq(list_text(cases[_i].servers), cases[_i].expected);
}
END_TEST

/* Values of libmemcached, bytes over 0x7f being signed where char is. */
START_TEST(hashes_are_libmemcached_s)
{
    static const struct {
        const char *bytes;
        uint32_t one_at_a_time, md5;
    } cases[] = {
        {"", 0x00000000, 0xd98c1dd4},         {"a", 0xca2e9442, 0xb975c10c},
        {"foo", 0x238678dd, 0xdb18bdac},      {"hello world", 0x3e4a5a57, 0xbb3bb65e},
        {"\xc3\xa4", 0x5e2e01ea, 0x1cb71984}, {"\x80", 0xc31d4e27, 0x7edd398d},
        {"\xff", 0xae65a494, 0xd44f5900},     {"0123456789abcdef", 0xf02202c7, 0x8daf3240},
    };
    const unsigned char *bytes = (const unsigned char *)cases[_i].bytes;
    size_t len = strlen(cases[_i].bytes);

    if ((char)-1 < 0)
        ck_assert_uint_eq(omc_hash_one_at_a_time(bytes, len), cases[_i].one_at_a_time);
    ck_assert_uint_eq(omc_hash_md5(bytes, len), cases[_i].md5);
}
END_TEST

START_TEST(points_have_libmemcached_s_names)
{
    uint32_t hashes[4] = {0};

    ck_assert_uint_eq(omc_ketama_points_one_at_a_time("127.0.0.1", "11211", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0xc3fb18d3);
    ck_assert_uint_eq(omc_ketama_points_one_at_a_time("127.0.0.1", "11212", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0x06730290);
    ck_assert_uint_eq(hashes[1], 0);
    ck_assert_uint_eq(omc_ketama_points_md5("127.0.0.1", "11211", 3, hashes), 4);
    ck_assert_uint_eq(hashes[0], 0x9970ba15);
    ck_assert_uint_eq(hashes[1], 0xf109de04);
    ck_assert_uint_eq(hashes[2], 0x9f157e79);
    ck_assert_uint_eq(hashes[3], 0xfbf27f51);
    omc_ketama_points_md5("127.0.0.1", "11212", 3, hashes);
    ck_assert_uint_eq(hashes[0], 0x3333f932);
}
END_TEST

START_TEST(the_md5_ring_loses_points_for_some_counts)
{
    static const unsigned char short_counts[] = {25,  47,  50,  55,  61,  71,  94,  100, 107, 109,
                                                 110, 115, 122, 142, 159, 163, 188, 193, 200};

    for (int n = 1; n <= 200; n++) {
        bool is_short = memchr(short_counts, n, sizeof(short_counts)) != NULL;

        ck_assert_msg(omc_ketama_point_count(&omcache_dist_libmemcached_ketama_weighted,
                                             (size_t)n) == (is_short ? 39U : 40U),
                      "%d servers", n);
        ck_assert_uint_eq(omc_ketama_point_count(&omcache_dist_libmemcached_ketama, (size_t)n),
                          100);
    }
}
END_TEST

static bool any(void *context, uint32_t server)
{
    (void)context;
    (void)server;
    return true;
}

/* The indexes of key-0, key-7919 ... key-467221, as digits. */
static const char *indexes(const omcache_dist_t *dist, const char *servers)
{
    static char digits[61];
    struct omc_server_list list;
    struct omc_ring ring;

    assert_rc(omc_server_list_parse(&list, servers), OMCACHE_OK);
    ck_assert(omc_ring_init(&ring, dist, &list));
    for (int i = 0; i < 60; i++) {
        char key[20];
        int len = snprintf(key, sizeof(key), "key-%d", i * 7919);

        digits[i] =
            (char)('0' + omc_ring_pick(&ring, (const unsigned char *)key, (size_t)len, any, NULL));
    }
    omc_ring_fini(&ring);
    omc_server_list_fini(&list);
    return digits;
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

static bool is_allowed(void *context, uint32_t server)
{
    return (*(const unsigned *)context >> server & 1) != 0;
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
    struct omc_server_list list;
    struct omc_ring ring;
    unsigned all = 7, not_b = 5, none = 0, only_a = 1;
    const unsigned char max[] = "m", zero[] = "z", other[] = "o";

    assert_rc(omc_server_list_parse(&list, "a,b,c"), OMCACHE_OK);
    ck_assert(omc_ring_init(&ring, &dist, &list));
    ck_assert_int_eq(omc_ring_pick(&ring, max, 1, is_allowed, &all), 0);
    ck_assert_int_eq(omc_ring_pick(&ring, zero, 1, is_allowed, &all), 0);
    ck_assert_int_eq(omc_ring_pick(&ring, other, 1, is_allowed, &all), 1);
    ck_assert_int_eq(omc_ring_pick(&ring, other, 1, is_allowed, &not_b), 2);
    ck_assert_int_eq(omc_ring_pick(&ring, other, 1, is_allowed, &only_a), 0);
    ck_assert_int_eq(omc_ring_pick(&ring, other, 1, is_allowed, &none), -1);
    omc_ring_fini(&ring);
    omc_server_list_fini(&list);
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
    struct omc_server_list list;
    struct omc_ring ring;

    assert_rc(omc_server_list_parse(&list, "a,b"), OMCACHE_OK);
    ck_assert(omc_ring_init(&ring, &dist, &list));
    ck_assert_uint_eq(ring.count, 12);
    omc_ring_fini(&ring);
    dist.points_per_server = dist.entries_per_point = UINT32_MAX;
    ck_assert(!omc_ring_init(&ring, &dist, &list));
    ck_assert_ptr_null(ring.points);
    omc_server_list_fini(&list);
}
END_TEST

START_TEST(an_empty_ring_has_no_server)
{
    struct omc_server_list list = {NULL, 0};
    struct omc_ring ring;

    ck_assert(omc_ring_init(&ring, &omcache_dist_libmemcached_ketama, &list));
    ck_assert_int_eq(omc_ring_pick(&ring, (const unsigned char *)"k", 1, any, NULL), -1);
    omc_ring_fini(&ring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("route");
    TCase *tcase = fixture_case(suite, "route");

    tcase_add_loop_test(tcase, lists_are_read, 0, 21);
    tcase_add_loop_test(tcase, hashes_are_libmemcached_s, 0, 8);
    tcase_add_test(tcase, points_have_libmemcached_s_names);
    tcase_add_test(tcase, the_md5_ring_loses_points_for_some_counts);
    tcase_add_test(tcase, keys_go_where_omcache_always_sent_them);
    tcase_add_test(tcase, equal_points_belong_to_the_server_given_first);
    tcase_add_test(tcase, ties_follow_the_list_as_given_not_as_sorted);
    tcase_add_test(tcase, lookups_go_up_go_round_and_skip);
    tcase_add_test(tcase, custom_methods_are_kept_in_bounds);
    tcase_add_test(tcase, an_empty_ring_has_no_server);
    return fixture_run(suite);
}
