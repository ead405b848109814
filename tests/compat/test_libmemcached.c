/*
 * omcache_libmemcached.h where it cannot be compared with libmemcached: what is refused,
 * where libmemcached breaks down, and servers that go and come back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache_libmemcached.h>

#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static memcached_st *memc;

static void end(void)
{
    memcached_free(memc);
    memc = NULL;
}

static void add_server(const struct memcached *m)
{
    ck_assert_int_eq(memcached_server_add(memc, m->host, (in_port_t)m->port), MEMCACHED_SUCCESS);
}

static void begin(size_t servers)
{
    memc = memcached_create(NULL);
    ck_assert_ptr_nonnull(memc);
    if (servers > 0) {
        fleet_start(&fleet, servers);
    }
    for (size_t i = 0; i < servers; i++) {
        add_server(&fleet.servers[i]);
    }
}

static memcached_return_t set(const char *key)
{
    return memcached_set(memc, key, strlen(key), "value", 5, 0, 0);
}

static memcached_return_t get(const char *key)
{
    memcached_return_t rc;
    free(memcached_get(memc, key, strlen(key), NULL, NULL, &rc));
    return rc;
}

/*
 * Refusals.
 */

START_TEST(what_would_change_results_is_refused)
{
    begin(1);
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS, 1),
                     MEMCACHED_NOT_SUPPORTED);
    ck_assert_int_eq(memcached_last_error(memc), MEMCACHED_NOT_SUPPORTED);
    ck_assert_str_eq(memcached_last_error_message(memc), "ACTION NOT SUPPORTED");
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_USE_UDP, 1),
                     MEMCACHED_NOT_SUPPORTED);
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_MAX, 1),
                     MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_set_memory_allocators(memc, NULL, NULL, NULL, NULL, NULL),
                     MEMCACHED_NOT_SUPPORTED);
    ck_assert_int_eq(memcached_callback_set(memc, MEMCACHED_CALLBACK_GET_FAILURE, NULL),
                     MEMCACHED_NOT_SUPPORTED);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    end();
}
END_TEST

/* A server that wants a user and a password, which clones have, too. */
START_TEST(credentials_let_in)
{
    char passwords[] = "/tmp/omcache-passwords-XXXXXX";
    struct memcached server;
    int fd = mkstemp(passwords);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "user:word\n", 10), 10);
    close(fd);
    const char *const options[] = {"-Y", passwords, NULL};
    memcached_start_with(&server, FLEET_PORT, options);
    begin(0);
    add_server(&server);
    ck_assert_int_eq(memcached_set_sasl_auth_data(memc, "user", NULL), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_set_sasl_auth_data(NULL, "user", "word"),
                     MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_set_sasl_auth_data(memc, "", "word"), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_set_sasl_auth_data(memc, "user", "word"), MEMCACHED_SUCCESS);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    memcached_st *clone = memcached_clone(NULL, memc);
    ck_assert_ptr_nonnull(clone);
    ck_assert_int_eq(memcached_exist(clone, "a", 1), MEMCACHED_SUCCESS);
    memcached_free(clone);
    ck_assert_int_eq(memcached_destroy_sasl_auth_data(memc), MEMCACHED_SUCCESS);
    memcached_quit(memc);
    ck_assert_int_eq(set("a"), MEMCACHED_AUTH_FAILURE);
    unlink(passwords);
    end();
}
END_TEST

/* Points by one hash and keys by another: that OMcache can do with md5 for keys only. */
START_TEST(a_hash_that_cannot_be_for_keys_alone_is_refused)
{
    begin(2);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 1);
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, MEMCACHED_HASH_CRC),
                     MEMCACHED_NOT_SUPPORTED);
    ck_assert_uint_eq(memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_HASH),
                      MEMCACHED_HASH_DEFAULT);
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, MEMCACHED_HASH_MD5),
                     MEMCACHED_SUCCESS);
    ck_assert_int_eq(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, MEMCACHED_HASH_DEFAULT),
                     MEMCACHED_SUCCESS);
    end();
}
END_TEST

/* Names that OMcache's list of servers cannot have; the others stay as they are. */
START_TEST(impossible_hosts_are_refused)
{
    static const char *const hosts[] = {"a,b", "a=b", "a b", "[::1", "/tmp/a,b"};
    static char longest[MEMCACHED_NI_MAXHOST + 1];
    memset(longest, 'h', sizeof(longest) - 1);
    begin(2);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SORT_HOSTS, 1);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        ck_assert_int_eq(memcached_server_add(memc, hosts[i], 1), MEMCACHED_INVALID_ARGUMENTS);
    }
    ck_assert_int_eq(memcached_server_add(memc, longest, 1), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_uint_eq(memcached_server_count(memc), 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(memcached_server_port(memcached_server_instance_by_position(memc, i)),
                          (unsigned)fleet.servers[i].port);
    }
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    end();
}
END_TEST

static const char *const refused[] = {
    "--SERVER=localhost --USE-UDP",
    "--SERVER=localhost --NUMBER-OF-REPLICAS=1",
    "--SERVER=localhost --CONFIGURE-FILE=\"/etc/memcached.cnf\"",
    "--SERVER=localhost INCLUDE \"/etc/memcached.cnf\"",
    "--SERVER=localhost --LOAD-FROM-FILE=\"/etc/memcached.cnf\"",
    "--SERVER=localhost:65536",
    "--SERVER=localhost --POLL-TIMEOUT=4294967296",
    "--SERVER=10.0.0.1 --SERVER=10.0.0.2 --DISTRIBUTION=consistent --HASH=crc",
};

START_TEST(options_that_cannot_be_honoured_are_refused)
{
    char text[100] = "";
    const char *string = refused[_i];
    ck_assert_ptr_null(memcached(string, strlen(string)));
    ck_assert_int_eq(libmemcached_check_configuration(string, strlen(string), text, sizeof(text)),
                     MEMCACHED_PARSE_ERROR);
    ck_assert_str_ne(text, "");
}
END_TEST

START_TEST(the_environment_configures)
{
    ck_assert_ptr_null(memcached("", 0));
    ck_assert_ptr_null(memcached(NULL, 7));
    setenv("LIBMEMCACHED", "--SERVER=one.example --SERVER=two.example:7", 1);
    memc = memcached(NULL, 0);
    ck_assert_uint_eq(memcached_server_count(memc), 2);
    end();
    setenv("LIBMEMCACHED", "--NONSENSE", 1);
    ck_assert_ptr_null(memcached(NULL, 0));
    unsetenv("LIBMEMCACHED");
    memc = memcached(NULL, 0);
    ck_assert_uint_eq(memcached_server_count(memc), 0);
    end();
}
END_TEST

/*
 * Where libmemcached breaks down.
 */

START_TEST(keys_that_text_cannot_carry_harm_nobody)
{
    static const char *const keys[] = {"a b", "a\nb", "a\r\nset b 0 0 1\r\n1", "\x7f", "\t"};
    begin(1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_int_eq(set(keys[i]), MEMCACHED_CLIENT_ERROR);
        ck_assert_int_eq(get(keys[i]), MEMCACHED_CLIENT_ERROR);
    }
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    ck_assert_int_eq(get("b"), MEMCACHED_NOTFOUND);
    ck_assert_int_eq(get("a"), MEMCACHED_SUCCESS);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_int_eq(set(keys[i]), MEMCACHED_SUCCESS);
        ck_assert_int_eq(get(keys[i]), MEMCACHED_SUCCESS);
    }
    end();
}
END_TEST

START_TEST(arguments_may_be_null)
{
    memcached_return_t rc = MEMCACHED_SUCCESS;
    const char *keys[] = {NULL};
    size_t lens[] = {3};
    ck_assert_int_eq(memcached_set(NULL, "a", 1, "b", 1, 0, 0), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_ptr_null(memcached_get(NULL, "a", 1, NULL, NULL, &rc));
    ck_assert_int_eq(rc, MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_ptr_null(memcached_fetch(NULL, NULL, NULL, NULL, NULL, &rc));
    ck_assert_ptr_null(memcached_fetch_result(NULL, NULL, &rc));
    ck_assert_ptr_null(memcached_stat(NULL, NULL, &rc));
    ck_assert_ptr_null(memcached_server_by_key(NULL, "a", 1, &rc));
    ck_assert_int_eq(memcached_mget(NULL, keys, lens, 1), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_flush(NULL, 0), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_flush_buffers(NULL), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_version(NULL), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_push(NULL, NULL), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_uint_eq(memcached_server_count(NULL), 0);
    memcached_quit(NULL);
    memcached_servers_reset(NULL);
    memcached_free(NULL);
    begin(1);
    ck_assert_int_eq(memcached_set(memc, NULL, 1, "b", 1, 0, 0), MEMCACHED_BAD_KEY_PROVIDED);
    ck_assert_int_eq(memcached_mget(memc, keys, lens, 1), MEMCACHED_BAD_KEY_PROVIDED);
    ck_assert_ptr_null(memcached_server_instance_by_position(memc, 1));
    ck_assert_int_eq(memcached_set_by_key(memc, "", 0, "a", 1, "b", 1, 0, 0),
                     MEMCACHED_BAD_KEY_PROVIDED);
    end();
}
END_TEST

START_TEST(many_values_are_kept_until_they_are_fetched)
{
    enum { COUNT = 3000 };
    static char names[COUNT][16];
    static const char *keys[COUNT];
    static size_t lens[COUNT];
    memcached_return_t rc;
    int found = 0;
    begin(3);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_NOREPLY, 1);
    for (int i = 0; i < COUNT; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "many-%d", i);
        keys[i] = names[i];
        ck_assert_int_eq(memcached_set(memc, keys[i], lens[i], keys[i], lens[i], 0, 0),
                         MEMCACHED_SUCCESS);
    }
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_NOREPLY, 0);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(memcached_mget(memc, keys, lens, COUNT), MEMCACHED_SUCCESS);
    }
    for (;;) {
        memcached_result_st *result = memcached_fetch_result(memc, NULL, &rc);
        if (result == NULL) {
            break;
        }
        ck_assert(same_bytes(memcached_result_value(result), memcached_result_length(result),
                             memcached_result_key_value(result),
                             memcached_result_key_length(result)));
        found++;
        memcached_result_free(result);
    }
    ck_assert_int_eq(found, COUNT);
    end();
}
END_TEST

START_TEST(a_result_may_be_given_its_own_value)
{
    memcached_result_st *result = memcached_result_create(NULL, NULL);
    for (size_t len = 8; len < 20; len++) {
        ck_assert_int_eq(memcached_result_set_value(result, "12345678901234567890", len),
                         MEMCACHED_SUCCESS);
        const char *value = memcached_result_value(result);
        ck_assert_int_eq(memcached_result_set_value(result, value, len + 1), MEMCACHED_SUCCESS);
        ck_assert_uint_eq(memcached_result_length(result), len + 1);
        ck_assert_int_eq(memcmp(memcached_result_value(result), "12345678901234567890", len), 0);
    }
    memcached_result_free(result);
}
END_TEST

START_TEST(a_value_must_be_there)
{
    begin(1);
    ck_assert_int_eq(memcached_set(memc, "k", 1, NULL, 5, 0, 0), MEMCACHED_INVALID_ARGUMENTS);
    ck_assert_int_eq(memcached_set(memc, "k", 1, NULL, 0, 0, 0), MEMCACHED_SUCCESS);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
    ck_assert_int_eq(memcached_set(memc, "k", 1, NULL, 5, 0, 0), MEMCACHED_INVALID_ARGUMENTS);
    end();
}
END_TEST

/*
 * Servers that go and come back.
 */

START_TEST(a_server_is_left_alone_and_tried_again)
{
    begin(1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 1);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    memcached_kill(&fleet.servers[0]);
    ck_assert_int_eq(get("a"), MEMCACHED_CONNECTION_FAILURE);
    ck_assert_ptr_nonnull(strstr(memcached_last_error_message(memc), fleet.servers[0].host));
    ck_assert_int_eq(get("a"), MEMCACHED_SERVER_TEMPORARILY_DISABLED);
    memcached_restart(&fleet.servers[0]);
    ck_assert_int_eq(get("a"), MEMCACHED_SERVER_TEMPORARILY_DISABLED);
    clock_sleep(2100);
    ck_assert_int_eq(get("a"), MEMCACHED_NOTFOUND);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    end();
}
END_TEST

START_TEST(a_restart_that_nobody_noticed_costs_nothing)
{
    begin(1);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    memcached_kill(&fleet.servers[0]);
    memcached_restart(&fleet.servers[0]);
    clock_sleep(20);
    ck_assert_int_eq(get("a"), MEMCACHED_NOTFOUND);
    end();
}
END_TEST

START_TEST(other_servers_go_on)
{
    char key[16];
    int failed = 0;
    begin(3);
    memcached_kill(&fleet.servers[1]);
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        memcached_return_t rc = set(key);
        const memcached_instance_st *server = memcached_server_by_key(memc, key, strlen(key), NULL);
        bool is_down = memcached_server_port(server) == fleet.servers[1].port;
        ck_assert_int_eq(rc != MEMCACHED_SUCCESS, is_down);
        if (is_down) {
            ck_assert_int_eq(rc, failed == 0 ? MEMCACHED_CONNECTION_FAILURE
                                             : MEMCACHED_SERVER_TEMPORARILY_DISABLED);
            failed++;
        }
    }
    ck_assert_int_gt(failed, 5);
    end();
}
END_TEST

START_TEST(ejected_servers_hand_their_keys_on)
{
    char key[16];
    begin(3);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS, 1);
    memcached_kill(&fleet.servers[2]);
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        ck_assert_int_eq(set(key), MEMCACHED_SUCCESS);
        ck_assert_int_eq(get(key), MEMCACHED_SUCCESS);
    }
    end();
}
END_TEST

START_TEST(a_suspended_server_costs_the_timeout)
{
    begin(1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 100);
    ck_assert_int_eq(set("a"), MEMCACHED_SUCCESS);
    memcached_pause(&fleet.servers[0]);
    int64_t start = clock_ms();
    ck_assert_int_eq(get("a"), MEMCACHED_TIMEOUT);
    ck_assert_int_ge(clock_ms() - start, 99);
    ck_assert_int_lt(clock_ms() - start, 3000);
    memcached_resume(&fleet.servers[0]);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 5000);
    ck_assert_int_eq(get("a"), MEMCACHED_SUCCESS);
    end();
}
END_TEST

/* What is buffered for a server that cannot be reached is told of when it is flushed. */
START_TEST(buffered_requests_that_fail_are_told_of)
{
    begin(1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
    memcached_kill(&fleet.servers[0]);
    ck_assert_int_eq(set("a"), MEMCACHED_BUFFERED);
    ck_assert_int_eq(memcached_flush_buffers(memc), MEMCACHED_CONNECTION_FAILURE);
    end();
}
END_TEST

static const char *key_of(uint32_t server)
{
    static char keys[2][16];
    for (int i = 0; i < 1000; i++) {
        snprintf(keys[server], sizeof(keys[server]), "key-%d", i);
        if (memcached_generate_hash(memc, keys[server], strlen(keys[server])) == server) {
            break;
        }
    }
    return keys[server];
}

/* A call for another server sends them; its own is tried again later all the same. */
START_TEST(buffered_requests_that_another_call_sends_may_fail)
{
    begin(2);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
    const char *a = key_of(0);
    const char *b = key_of(1);
    memcached_kill(&fleet.servers[0]);
    ck_assert_int_eq(set(a), MEMCACHED_BUFFERED);
    ck_assert_int_eq(get(b), MEMCACHED_NOTFOUND);
    ck_assert_int_eq(get(a), MEMCACHED_SERVER_TEMPORARILY_DISABLED);
    ck_assert_int_eq(memcached_flush_buffers(memc), MEMCACHED_SUCCESS);
    memcached_restart(&fleet.servers[0]);
    clock_sleep(2100);
    ck_assert_int_eq(set(a), MEMCACHED_BUFFERED);
    ck_assert_int_eq(memcached_flush_buffers(memc), MEMCACHED_SUCCESS);
    ck_assert_int_eq(get(a), MEMCACHED_SUCCESS);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libmemcached");
    TCase *tcase = fixture_case(suite, "libmemcached");
    tcase_add_test(tcase, what_would_change_results_is_refused);
    tcase_add_test(tcase, credentials_let_in);
    tcase_add_test(tcase, a_hash_that_cannot_be_for_keys_alone_is_refused);
    tcase_add_test(tcase, impossible_hosts_are_refused);
    tcase_add_loop_test(tcase, options_that_cannot_be_honoured_are_refused, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, the_environment_configures);
    tcase_add_test(tcase, keys_that_text_cannot_carry_harm_nobody);
    tcase_add_test(tcase, arguments_may_be_null);
    tcase_add_test(tcase, many_values_are_kept_until_they_are_fetched);
    tcase_add_test(tcase, a_result_may_be_given_its_own_value);
    tcase_add_test(tcase, a_value_must_be_there);
    tcase_add_test(tcase, a_server_is_left_alone_and_tried_again);
    tcase_add_test(tcase, a_restart_that_nobody_noticed_costs_nothing);
    tcase_add_test(tcase, other_servers_go_on);
    tcase_add_test(tcase, ejected_servers_hand_their_keys_on);
    tcase_add_test(tcase, a_suspended_server_costs_the_timeout);
    tcase_add_test(tcase, buffered_requests_that_fail_are_told_of);
    tcase_add_test(tcase, buffered_requests_that_another_call_sends_may_fail);
    return fixture_run(suite);
}
