/*
 * Arguments at the far ends of what functions take, that no other test has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include <limits.h>

START_TEST(a_negative_index_is_no_server)
{
    omcache_value_t values[2];
    size_t count = 2;
    fixture_servers(1);
    assert_rc(omcache_noop(client, -1, 100), OMCACHE_NO_SERVERS);
    assert_rc(omcache_flush_all(client, 0, -1, 100), OMCACHE_NO_SERVERS);
    assert_rc(omcache_stat(client, NULL, values, &count, -1, 100), OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(count, 0);
    assert_rc(omcache_stat(client, NULL, NULL, NULL, -1, 100), OMCACHE_NO_SERVERS);
}
END_TEST

/* Ports are text that only a connection looks at. */
START_TEST(the_port_of_a_server_info_is_the_nearest_number)
{
    static const struct {
        const char *servers;
        int port;
    } cases[] = {
        {"127.0.0.1:99999999999", INT_MAX},
        {"127.0.0.1:-99999999999", INT_MIN},
        {"127.0.0.1:x", 0},
    };
    omcache_server_info_t *info;
    client = fixture_client("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_rc(omcache_set_servers(client, cases[i].servers), OMCACHE_OK);
        info = omcache_server_info(client, 0);
        ck_assert_ptr_nonnull(info);
        ck_assert_int_eq(info->port, cases[i].port);
        assert_rc(omcache_server_info_free(client, info), OMCACHE_OK);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("corners");
    TCase *tcase = fixture_case(suite, "corners");
    tcase_add_test(tcase, a_negative_index_is_no_server);
    tcase_add_test(tcase, the_port_of_a_server_info_is_the_nearest_number);
    return fixture_run(suite);
}
