/*
 * omcache_libmemcached.h as OMcache 0.3 had it, for a program that defines the timeouts
 * before it includes the header, and uses both interfaces on one handle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define MEMCACHED_READ_TIMEOUT 2000
#define MEMCACHED_WRITE_TIMEOUT 1000
#include <omcache_libmemcached.h>

#include "support/fixture.h"

#include <stdio.h>

START_TEST(the_numbers_are_omcaches)
{
    ck_assert_int_eq(MEMCACHED_COMMAND_TIMEOUT, -1);
    ck_assert_int_eq(MEMCACHED_READ_TIMEOUT, 2000);
    ck_assert_int_eq(MEMCACHED_SUCCESS, OMCACHE_OK);
    ck_assert_int_eq(MEMCACHED_NOTFOUND, OMCACHE_NOT_FOUND);
    ck_assert_int_eq(MEMCACHED_FAILURE, OMCACHE_FAIL);
    ck_assert_int_eq(MEMCACHED_BUFFERED, OMCACHE_BUFFERED);
    ck_assert_uint_eq(MEMCACHED_EXPIRATION_NOT_ADD, OMCACHE_DELTA_NO_ADD);
    ck_assert_uint_eq(LIBMEMCACHED_VERSION_HEX, 0x01000003);
}
END_TEST

/* As the program makes its client: a list is parsed, pushed and freed. */
static memcached_st *connect_to(const char *list)
{
    memcached_st *mc = memcached_create(NULL);
    memcached_server_st *servers = memcached_servers_parse(list);
    ck_assert_ptr_nonnull(mc);
    assert_rc(memcached_server_push(mc, servers), MEMCACHED_SUCCESS);
    memcached_server_list_free(servers);
    return mc;
}

START_TEST(both_interfaces_serve_one_handle)
{
    const unsigned char *value;
    size_t len;
    fleet_start(&fleet, 2);
    memcached_st *mc = connect_to(fleet.list);
    assert_rc(omcache_set_log_callback(mc, 0, omcache_log_stderr, NULL), OMCACHE_OK);
    assert_rc(memcached_set(mc, "key", 3, "value", 5, 0, 7), MEMCACHED_SUCCESS);
    uint32_t flags = 0;
    assert_rc(omcache_get(mc, omc_cc_to_cuc("key"), 3, &value, &len, &flags, NULL,
                          MEMCACHED_READ_TIMEOUT),
              OMCACHE_OK);
    ck_assert(same_bytes(value, len, "value", 5));
    ck_assert_uint_eq(flags, 7);
    assert_rc(memcached_add(mc, "key", 3, "more", 4, 0, 0), OMCACHE_KEY_EXISTS);
    assert_rc(memcached_add(mc, "new", 3, "b", 1, 0, 0), MEMCACHED_SUCCESS);
    assert_rc(memcached_replace(mc, "none", 4, "b", 1, 0, 0), MEMCACHED_NOTFOUND);
    assert_rc(memcached_append(mc, "new", 3, "c", 1, 0, 0), MEMCACHED_SUCCESS);
    assert_rc(memcached_prepend(mc, "new", 3, "a", 1, 0, 0), MEMCACHED_SUCCESS);
    int rc;
    char *copy = memcached_get(mc, "new", 3, &len, &flags, &rc);
    assert_rc(rc, MEMCACHED_SUCCESS);
    ck_assert_str_eq(copy, "abc");
    ck_assert_uint_eq(len, 3);
    free(copy);
    ck_assert_ptr_null(memcached_get(mc, "none", 4, &len, &flags, &rc));
    assert_rc(rc, MEMCACHED_NOTFOUND);
    ck_assert_uint_eq(len, 0);
    assert_rc(memcached_touch(mc, "new", 3, 100), MEMCACHED_SUCCESS);
    assert_rc(memcached_delete(mc, "new", 3, 5), MEMCACHED_SUCCESS);
    assert_rc(memcached_delete(mc, "new", 3, 0), MEMCACHED_NOTFOUND);
    ck_assert_str_eq(memcached_strerror(mc, rc), omcache_strerror(OMCACHE_NOT_FOUND));
    memcached_free(mc);
}
END_TEST

START_TEST(counters_count)
{
    uint64_t number = 4711;
    fleet_start(&fleet, 1);
    memcached_st *mc = connect_to(fleet.list);
    assert_rc(
        memcached_increment_with_initial(mc, "n", 1, 5, 0, MEMCACHED_EXPIRATION_NOT_ADD, &number),
        MEMCACHED_NOTFOUND);
    ck_assert_uint_eq(number, 0);
    assert_rc(memcached_increment(mc, "n", 1, 5, &number), MEMCACHED_NOTFOUND);
    assert_rc(memcached_increment_with_initial(mc, "n", 1, 5, 10, 0, &number), MEMCACHED_SUCCESS);
    ck_assert_uint_eq(number, 10);
    assert_rc(memcached_increment(mc, "n", 1, 5, &number), MEMCACHED_SUCCESS);
    ck_assert_uint_eq(number, 15);
    assert_rc(memcached_decrement(mc, "n", 1, 20, &number), MEMCACHED_SUCCESS);
    ck_assert_uint_eq(number, 0);
    assert_rc(memcached_decrement_with_initial(mc, "m", 1, 20, 3, 0, &number), MEMCACHED_SUCCESS);
    ck_assert_uint_eq(number, 3);
    memcached_free(mc);
}
END_TEST

/* What the cursor's function saw. */
static int seen;

static int see(memcached_st *mc, memcached_server_instance_st server, void *context)
{
    omcache_value_t values[200];
    size_t count = 200;
    ck_assert_str_eq(memcached_server_name(server), fleet.servers[seen].host);
    ck_assert_int_eq(memcached_server_port(server), fleet.servers[seen].port);
    assert_rc(omcache_stat(mc, NULL, values, &count, server->server_index, 1000), OMCACHE_OK);
    ck_assert_uint_gt(count, 20);
    seen++;
    return seen == *(int *)context ? MEMCACHED_SOME_ERRORS : MEMCACHED_SUCCESS;
}

START_TEST(a_cursor_goes_from_server_to_server)
{
    memcached_server_fn functions[] = {see};
    int stop_at = -1;
    fleet_start(&fleet, 3);
    memcached_st *mc = connect_to(fleet.list);
    assert_rc(memcached_server_cursor(mc, functions, &stop_at, 1), MEMCACHED_SUCCESS);
    ck_assert_int_eq(seen, 3);
    seen = 0;
    stop_at = 2;
    ck_assert_int_eq(memcached_server_cursor(mc, functions, &stop_at, 1), MEMCACHED_SOME_ERRORS);
    ck_assert_int_eq(seen, 2);
    memcached_free(mc);
}
END_TEST

START_TEST(a_push_replaces_the_servers)
{
    fleet_start(&fleet, 2);
    memcached_st *mc = connect_to("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3");
    assert_rc(memcached_server_push(mc, fleet.list), MEMCACHED_SUCCESS);
    omcache_server_info_t *info = omcache_server_info(mc, 2);
    ck_assert_ptr_null(info);
    assert_rc(memcached_set(mc, "key", 3, "value", 5, 0, 0), MEMCACHED_SUCCESS);
    assert_rc(memcached_flush(mc, 0), MEMCACHED_SUCCESS);
    assert_rc(omcache_get(mc, omc_cc_to_cuc("key"), 3, NULL, NULL, NULL, NULL, 1000),
              OMCACHE_NOT_FOUND);
    assert_rc(omcache_set(mc, omc_cc_to_cuc("key"), 3, omc_cc_to_cuc("v"), 1, 0, 0, 0, 0),
              MEMCACHED_BUFFERED);
    int rc;
    do {
        rc = memcached_flush_buffers(mc);
    } while (rc == OMCACHE_AGAIN);
    assert_rc(rc, MEMCACHED_SUCCESS);
    memcached_kill(&fleet.servers[0]);
    ck_assert_int_ne(memcached_flush(mc, 0), MEMCACHED_SUCCESS);
    memcached_free(mc);
}
END_TEST

START_TEST(what_has_no_counterpart_fails)
{
    memcached_behavior_t behavior = "ketama";
    memcached_st *mc = connect_to("127.0.0.1:1");
    const char *keys[] = {"a"};
    size_t lens[] = {1};
    int rc = MEMCACHED_SUCCESS;
    ck_assert_int_eq(memcached_behavior_set(mc, behavior, 1), MEMCACHED_FAILURE);
    ck_assert_uint_eq(memcached_behavior_get(mc, behavior), 0);
    ck_assert_int_eq(memcached_mget(mc, keys, lens, 1), MEMCACHED_FAILURE);
    ck_assert_ptr_null(memcached_fetch(mc, NULL, NULL, NULL, NULL, &rc));
    assert_rc(rc, MEMCACHED_FAILURE);
    rc = MEMCACHED_SUCCESS;
    memcached_stat_st *stats = memcached_stat(mc, NULL, &rc);
    ck_assert_ptr_null(stats);
    assert_rc(rc, MEMCACHED_FAILURE);
    ck_assert_ptr_null(memcached_stat_get_keys(mc, stats, &rc));
    ck_assert_ptr_null(memcached_stat_get_value(mc, stats, "pid", &rc));
    memcached_stat_free(mc, stats);
    memcached_free(mc);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classic header");
    TCase *tcase = fixture_case(suite, "classic header");
    tcase_add_test(tcase, the_numbers_are_omcaches);
    tcase_add_test(tcase, both_interfaces_serve_one_handle);
    tcase_add_test(tcase, counters_count);
    tcase_add_test(tcase, a_cursor_goes_from_server_to_server);
    tcase_add_test(tcase, a_push_replaces_the_servers);
    tcase_add_test(tcase, what_has_no_counterpart_fails);
    return fixture_run(suite);
}
