/*
 * A library built without c-ares: it takes addresses and socket paths only, and says so.
 * (What it does with those is what the other tests are about.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"

#include <stdio.h>

START_TEST(names_are_refused_and_change_nothing)
{
    static const char *const names[] = {"localhost", "cache.example:4000", "a", "red=one.test/?2",
                                        "fe80::1%nosuchif0"};
    static const char *const formats[] = {"%s", "127.0.0.1:1,%s", "%s,/run/memcached.sock"};
    char list[128];
    fixture_servers(3);
    const char *key = key_for(1);
    store(key, "value");
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t j = 0; j < 3; j++) {
            recorder_clear();
            snprintf(list, sizeof(list), formats[j], names[i]);
            int rc = omcache_set_servers(client, list);
            ck_assert_msg(rc == OMCACHE_INVALID, "'%s' gave %s", list, rc_name(rc));
            ck_assert_uint_eq(recorder.line_count, 1);
            ck_assert(recorder_has_line(3, ": a name, and this library was built without"));
        }
    }
    ck_assert_msg(recorder_has_line(3, "fe80::1%nosuchif0: a name"), "the line is '%s'",
                  recorder.lines[0].text);
    recorder_clear();
    ck_assert_int_eq(omcache_server_index_for_key(client, TEXT(key)), 1);
    assert_stored(key, "value");
    ck_assert_msg(recorder.line_count == 0, "something was done: %s", recorder.lines[0].text);
}
END_TEST

START_TEST(no_dns_server_is_taken)
{
    client = fixture_client("127.0.0.1:1");
    assert_rc(omcache_set_dns_servers(client, "127.0.0.1"), OMCACHE_INVALID);
    assert_rc(omcache_set_dns_servers(client, ""), OMCACHE_INVALID);
    assert_rc(omcache_set_dns_servers(NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_dns_servers(client, NULL), OMCACHE_OK); /* as it was */
}
END_TEST

START_TEST(names_as_labels_are_taken)
{
    char list[300];
    fixture_servers(1);
    snprintf(list, sizeof(list), "cache.example=%s", fleet.list);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nonames");
    TCase *tcase = fixture_case(suite, "nonames");
    tcase_add_test(tcase, names_are_refused_and_change_nothing);
    tcase_add_test(tcase, no_dns_server_is_taken);
    tcase_add_test(tcase, names_as_labels_are_taken);
    return fixture_run(suite);
}
