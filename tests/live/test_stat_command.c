/*
 * Statistics of real servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"

#include <stdio.h>

#define ROOM 300

static omcache_value_t values[ROOM];

static const omcache_value_t *row(const char *name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (same_bytes(values[i].key, values[i].key_len, name, strlen(name))) {
            return &values[i];
        }
    }
    ck_abort_msg("none of the %zu statistics is %s", count, name);
    return NULL;
}

static void assert_terminated(size_t count)
{
    ck_assert_uint_gt(count, 1);
    for (size_t i = 0; i < count; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
        ck_assert_msg((values[i].key_len == 0) == (i == count - 1),
                      "value %zu of %zu has a key of %zu bytes", i, count, values[i].key_len);
    }
    ck_assert_uint_eq(values[count - 1].data_len, 0);
}

static size_t stat_of(int server, const char *command)
{
    size_t count = ROOM;
    assert_rc(omcache_stat(client, command, values, &count, server, patience), OMCACHE_OK);
    return count;
}

KEY_TEST(stat_gives_rows_and_an_end)
{
    (void)key;
    const char *general[] = {NULL, ""};
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)fleet.servers[server].pid);
    for (size_t i = 0; i < 2; i++) {
        size_t count = stat_of(server, general[i]);
        ck_assert_uint_lt(count, ROOM);
        assert_terminated(count);
        const omcache_value_t *found = row("pid", count);
        assert_text(found->data, found->data_len, pid);
    }
}

KEY_TEST(stat_takes_a_name)
{
    (void)key;
    char port[16];
    snprintf(port, sizeof(port), "%d", fleet.servers[server].port);
    size_t count = stat_of(server, "settings");
    assert_terminated(count);
    const omcache_value_t *found = row("tcpport", count);
    assert_text(found->data, found->data_len, port);
}

/* What the call before has handed out is taken back in this one. */
KEY_TEST(stat_takes_a_name_that_was_handed_out)
{
    const unsigned char *name;
    size_t len;
    assert_rc(
        omcache_set(client, TEXT(key), (const unsigned char *)"settings", 9, 0, 0, 0, patience),
        OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), &name, &len, NULL, NULL, patience), OMCACHE_OK);
    row("tcpport", stat_of(server, (const char *)name));
}

KEY_TEST(stat_fills_the_room_there_is)
{
    (void)key;
    size_t count = 5;
    memset(values, 0, sizeof(values));
    assert_rc(omcache_stat(client, NULL, values, &count, server, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_msg(values[i].key_len > 0, "row %zu has no name", i);
    }
    ck_assert_msg(!values[5].key, "row 5 is written, the room was 5");
    assert_rc(omcache_noop(client, server, patience), OMCACHE_OK);
}

/* With room for the statistics and not for their end, all have come, but something
 * was dropped. */
KEY_TEST(the_end_of_statistics_takes_room)
{
    (void)key;
    size_t rows = stat_of(server, NULL);
    for (size_t room = rows - 1; room <= rows; room++) {
        size_t count = room;
        recorder_clear();
        omcache_set_log_callback(client, 4, recorder_log, NULL);
        assert_rc(omcache_stat(client, NULL, values, &count, server, patience), OMCACHE_OK);
        omcache_set_log_callback(client, 0, NULL, NULL);
        ck_assert_uint_eq(count, room);
        ck_assert_msg((values[room - 1].key_len == 0) == (room == rows),
                      "with room for %zu of %zu the last has the key '%s'", room, rows,
                      printable(values[room - 1].key, values[room - 1].key_len));
        ck_assert_msg(recorder.line_count == (room < rows), "with room for %zu of %zu %zu warnings",
                      room, rows, recorder.line_count);
    }
}

KEY_TEST(stat_without_room_is_for_the_callback)
{
    (void)key;
    size_t rows = stat_of(server, NULL);
    size_t count = 0;
    recorder_clear();
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_rc(omcache_stat(client, NULL, NULL, &count, server, patience), OMCACHE_OK);
    omcache_set_response_callback(client, NULL, NULL);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(recorder.answer_count, rows);
}

KEY_TEST(stat_tells_of_an_unknown_name)
{
    (void)key;
    ck_assert_uint_eq(stat_of(server, "nonsense"), 1);
    assert_rc(values[0].status, OMCACHE_NOT_FOUND);
}

START_TEST(stat_refuses_an_unknown_server)
{
    fixture_variant(_i);
    size_t count = ROOM;
    int rc = omcache_stat(client, NULL, values, &count, (int)fleet.count, patience);
    assert_rc(rc, OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(stat_refuses_a_long_name)
{
    fixture_variant(_i);
    char name[252];
    size_t count = ROOM;
    memset(name, 'x', sizeof(name) - 1);
    name[251] = 0;
    assert_rc(omcache_stat(client, name, values, &count, 0, patience), OMCACHE_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stat_command");
    TCase *tcase = fixture_case(suite, "stat");
    tcase_add_loop_test(tcase, stat_gives_rows_and_an_end, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_takes_a_name, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_takes_a_name_that_was_handed_out, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_fills_the_room_there_is, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_end_of_statistics_takes_room, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_without_room_is_for_the_callback, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_tells_of_an_unknown_name, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_refuses_an_unknown_server, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_refuses_a_long_name, 0, VARIANTS);
    return fixture_run(suite);
}
