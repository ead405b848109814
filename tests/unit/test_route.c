/*
 * Server lists, hashes, names and numbers of points.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "route/hash.h"
#include "route/point.h"
#include "route/server_list.h"
#include "support/failing_memory.h"
#include "support/fixture.h"

/* A list as text: "host|port|order" each, blank separated; and behind that a weight
 * other than 1, and a label. */
static const char *list_text(const char *servers)
{
    static char text[1000];
    struct omc_server_list list;
    size_t len = 0;

    if (omc_server_list_parse(&list, servers) != OMCACHE_OK)
        return "INVALID";
    text[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        const struct omc_server_name *name = &list.names[i];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s|%s|%u", i > 0 ? " " : "",
                                name->host, name->port, (unsigned)name->order);
        if (name->weight != 1)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "|%u", (unsigned)name->weight);
        if (name->label != NULL)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "|%s", name->label);
    }
    omc_server_list_fini(&list);
    return text;
}

static const struct {
    const char *servers, *expected;
} lists[] = {
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
    {"[]", "|11211|0"},
    {"[x=a,b", "a|11211|0|[x b|11211|1"},
    {"/run/mc.sock", "/run/mc.sock|0|0"},
    {"/run/a:b=c.sock", "/run/a:b=c.sock|0|0"},
    {"/run/mc.sock/?3", "/run/mc.sock|0|0|3"},
    {"a/?3,b:1/?4294967295,[::1]:2/?20", "::1|2|2|20 a|11211|0|3 b|1|1|4294967295"},
    {"a/?1,b/?0", "a|11211|0 b|11211|1"},
    {"a/?007", "a|11211|0|7"},
    {"one=a:1", "a|1|0|one"},
    {" one = a:1/?2 ", "a|1|0|2|one"},
    {"s=/run/x=y,v=[::1]:5,w=::2", "/run/x=y|0|0|s ::1|5|1|v ::2|11211|2|w"},
    {"tls://a,b=tls://[::1]:5", "::1|5|1|b a|11211|0"},
    {"tls:///run/x=y", "/run/x=y|0|0"},
    {"tls://b=a", "INVALID"},
    {"[::1", "INVALID"},
    {"a,[::1", "INVALID"},
    {"[::1]x", "INVALID"},
    {"[::1]11211", "INVALID"},
    {"[", "INVALID"},
    {"a/?", "INVALID"},
    {"a/?x", "INVALID"},
    {"a/?-1", "INVALID"},
    {"a/?4294967296", "INVALID"},
    {"a/?99999999999999999999999", "INVALID"},
    {"=a", "INVALID"},
    {" =a", "INVALID"},
    {"--SERVER=a:1", "INVALID"},
    {"-=a", "INVALID"},
    {"x y=a", "INVALID"},
    {"x@y=a", "INVALID"},
    {"caf\xc3\xa9=a", "INVALID"},
    {"a-Z_0.9:1=a", "a|11211|0|a-Z_0.9:1"},
    {"h/1.2.3.4:5=a,[::1]:5=[::1]:5", "::1|5|1|[::1]:5 a|11211|0|h/1.2.3.4:5"},
    {"x=a,x=b", "INVALID"},
    {"h:1=h:2,h:1", "INVALID"},
    {"h:1,h:1=g:2", "INVALID"},
    {"h:1=h:2,h:1,h:1,h:1", "INVALID"},
    {"h=g:1,h", "INVALID"},
    {"h:11211=g:1,h", "INVALID"},
    {"h=g:1,h:11211", "INVALID"},
    {"[::1]:5=a,[::1]:5", "INVALID"},
    {"x=a,b,c,d,y=e,x=a:1", "INVALID"},
    {"x=a,x=a,y=b", "a|11211|0|x a|11211|1|x b|11211|2|y"},
};

START_TEST(lists_are_read)
{
    ck_assert_str_eq(list_text(lists[_i].servers), lists[_i].expected);
}
END_TEST

START_TEST(the_front_of_a_wrong_entry_is_told)
{
    struct omc_server_list list;
    char entry[120] = "[";

    assert_rc(omc_server_list_parse(&list, "a,[::1,b"), OMCACHE_INVALID);
    ck_assert_str_eq(list.problem, "\"[::1\": an opening bracket ends with \"]\" or \"]:port\"");
    memset(entry + 1, 'x', sizeof(entry) - 2);
    assert_rc(omc_server_list_parse(&list, entry), OMCACHE_INVALID);
    entry[80] = '\0';
    ck_assert_mem_eq(list.problem + 1, entry, 80);
    ck_assert_str_eq(list.problem + 81, "\": an opening bracket ends with \"]\" or \"]:port\"");
}
END_TEST

/* Values of libmemcached where char is signed; hash names are in its order. */
START_TEST(hashes_are_libmemcached_s)
{
    static const char *const inputs[] = {"",         "a",    "foo",  "hello world",
                                         "\xc3\xa4", "\x80", "\xff", "0123456789abcdef"};
    static const struct {
        const char *name;
        uint32_t values[8];
    } hashes[] = {
        {"one-at-a-time",
         {0x00000000, 0xca2e9442, 0x238678dd, 0x3e4a5a57, 0x5e2e01ea, 0xc31d4e27, 0xae65a494,
          0xf02202c7}},
        {"md5",
         {0xd98c1dd4, 0xb975c10c, 0xdb18bdac, 0xbb3bb65e, 0x1cb71984, 0x7edd398d, 0xd44f5900,
          0x8daf3240}},
        {"crc",
         {0x00000000, 0x000068b7, 0x00000c73, 0x00000d4a, 0x000070b5, 0x00003fba, 0x00007f00,
          0x000068c4}},
        {"fnv1_64",
         {0x84222325, 0x8601b7be, 0x6ba13533, 0xb1910e6f, 0xb4eb7830, 0x79fe485f, 0x79fe4820,
          0x3b82ecc1}},
        {"fnv1a_64",
         {0x84222325, 0x8601ec8c, 0xfed9d577, 0x023cd2e7, 0xb4cc2782, 0x79fdec5f, 0x79fe466e,
          0xe5ad677d}},
        {"fnv1_32",
         {0x811c9dc5, 0x050c5d7e, 0x408f5e13, 0x548da96f, 0x16769ff0, 0xfaf3a29f, 0xfaf3a2e0,
          0x9e1b6f41}},
        {"fnv1a_32",
         {0x811c9dc5, 0xe40c292c, 0xa9f37ed7, 0xd58b3fa7, 0x37fa60e2, 0x04f3b29f, 0xf9f3a14e,
          0x87bc333d}},
        {"hsieh",
         {0x00000000, 0x93642e87, 0x76d4d427, 0x4f799873, 0x2cff97e4, 0xd6f4cb32, 0x02a6dba8,
          0xb89ff08b}},
        {"murmur",
         {0x00000000, 0x4b41757c, 0xc4e0338f, 0x5e19153b, 0x28f4bdfa, 0x90556245, 0xdb530a9c,
          0x02923d2d}},
        {"jenkins",
         {0xdeadbefc, 0xe0a38690, 0x99f84f99, 0x153343fb, 0xb51a1b8d, 0xb16fde48, 0xe1964da8,
          0xe022e949}},
        {"murmur3",
         {0x00000000, 0x8872dbc8, 0xa5f500b2, 0xa292005d, 0xe6846af0, 0xed79afb2, 0x780f613e,
          0x62b4d995}},
    };
    omc_ketama_key_hash_func *hash = omc_hash_by_name(hashes[_i].name);

    ck_assert(hash != NULL);
    for (size_t i = 0; (char)-1 < 0 && i < 8; i++) {
        uint32_t got = hash((const unsigned char *)inputs[i], strlen(inputs[i]));

        ck_assert_msg(got == hashes[_i].values[i], "%s of input %zu is %08x, not %08x",
                      hashes[_i].name, i, (unsigned)got, (unsigned)hashes[_i].values[i]);
    }
}
END_TEST

/* Of keys of any length, anywhere, and with bytes of both signs. */
START_TEST(four_keys_have_together_the_hashes_that_each_has)
{
    enum { MOST = 260 };
    static unsigned char bytes[OMC_HASH_TOGETHER][MOST];
    struct omc_hash_key keys[OMC_HASH_TOGETHER];
    uint32_t hashes[OMC_HASH_TOGETHER], random = 12345;

    for (int round = 0; round < 2000; round++) {
        uint32_t most = round < 1000 ? 20 : 250;

        for (size_t i = 0; i < OMC_HASH_TOGETHER; i++) {
            for (size_t at = 0; at < MOST; at++)
                bytes[i][at] = (unsigned char)omc_random_next(&random);
            keys[i].bytes = bytes[i] + omc_random_next(&random) % 8;
            keys[i].len = round % 2 == 0 || i == 0 ? omc_random_next(&random) % most : keys[0].len;
        }
        omc_hash_one_at_a_time_of_four(keys, hashes);
        for (size_t i = 0; i < OMC_HASH_TOGETHER; i++)
            ck_assert_uint_eq(hashes[i], omc_hash_one_at_a_time(keys[i].bytes, keys[i].len));
    }
}
END_TEST

START_TEST(no_other_hash_has_a_name)
{
    ck_assert(omc_hash_by_name("") == NULL);
    ck_assert(omc_hash_by_name("MD5") == NULL);
    ck_assert(omc_hash_by_name("md5x") == NULL);
}
END_TEST

START_TEST(points_have_libmemcached_s_names)
{
    uint32_t hashes[4] = {0};

    ck_assert_uint_eq(omc_point_one_at_a_time("127.0.0.1", "11211", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0xc3fb18d3);
    ck_assert_uint_eq(omc_point_one_at_a_time("127.0.0.1", "11212", 3, hashes), 1);
    ck_assert_uint_eq(hashes[0], 0x06730290);
    ck_assert_uint_eq(hashes[1], 0);
    ck_assert_uint_eq(omc_point_md5("127.0.0.1", "11211", 3, hashes), 4);
    ck_assert_uint_eq(hashes[0], 0x9970ba15);
    ck_assert_uint_eq(hashes[1], 0xf109de04);
    ck_assert_uint_eq(hashes[2], 0x9f157e79);
    ck_assert_uint_eq(hashes[3], 0xfbf27f51);
    omc_point_md5("127.0.0.1", "11212", 3, hashes);
    ck_assert_uint_eq(hashes[0], 0x3333f932);
}
END_TEST

/* Such a name has no room but in memory of its own. */
START_TEST(a_point_has_no_hash_without_memory_for_its_name)
{
    uint32_t hashes[4] = {0};
    char host[300] = "";

    memset(host, 'h', sizeof(host) - 1);
    memory_fail(1, SIZE_MAX / 2);
    ck_assert_uint_eq(omc_point_one_at_a_time(host, "11211", 3, hashes), 0);
    ck_assert_uint_eq(omc_point_md5(host, "11211", 3, hashes), 0);
    ck_assert(memory_stop_failing());
    ck_assert_uint_eq(omc_point_one_at_a_time(host, "11211", 3, hashes), 1);
    ck_assert_uint_eq(omc_point_md5(host, "11211", 3, hashes), 4);
    ck_assert_uint_eq(memory_alive, 0);
}
END_TEST

START_TEST(the_md5_ring_loses_points_for_some_counts)
{
    static const unsigned char short_counts[] = {25,  47,  50,  55,  61,  71,  94,  100, 107, 109,
                                                 110, 115, 122, 142, 159, 163, 188, 193, 200};

    for (int n = 1; n <= 200; n++) {
        bool is_short = memchr(short_counts, n, sizeof(short_counts)) != NULL;

        ck_assert_msg(omc_point_share(1, (uint64_t)n, (size_t)n) == (is_short ? 39U : 40U),
                      "%d servers", n);
        ck_assert_msg(omc_point_share(7, (uint64_t)n * 7, (size_t)n) == (is_short ? 39U : 40U),
                      "%d servers of weight 7", n);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("route");
    TCase *tcase = fixture_case(suite, "route");

    tcase_add_loop_test(tcase, lists_are_read, 0, sizeof(lists) / sizeof(lists[0]));
    tcase_add_test(tcase, the_front_of_a_wrong_entry_is_told);
    tcase_add_loop_test(tcase, hashes_are_libmemcached_s, 0, 11);
    tcase_add_test(tcase, four_keys_have_together_the_hashes_that_each_has);
    tcase_add_test(tcase, no_other_hash_has_a_name);
    tcase_add_test(tcase, points_have_libmemcached_s_names);
    tcase_add_test(tcase, a_point_has_no_hash_without_memory_for_its_name);
    tcase_add_test(tcase, the_md5_ring_loses_points_for_some_counts);
    return fixture_run(suite);
}
