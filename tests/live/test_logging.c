/*
 * Texts of return codes and log messages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const int codes[] = {OMCACHE_OK,
                            OMCACHE_NOT_FOUND,
                            OMCACHE_KEY_EXISTS,
                            OMCACHE_TOO_LARGE_VALUE,
                            OMCACHE_NOT_STORED,
                            OMCACHE_DELTA_BAD_VALUE,
                            OMCACHE_FAIL,
                            OMCACHE_AGAIN,
                            OMCACHE_INVALID,
                            OMCACHE_BUFFERED,
                            OMCACHE_BUFFER_FULL,
                            OMCACHE_NO_SERVERS,
                            OMCACHE_SERVER_FAILURE,
                            OMCACHE_TIMEOUT,
                            OMCACHE_CANCELLED,
                            OMCACHE_NO_MEMORY,
                            OMCACHE_NO_DESCRIPTORS,
                            OMCACHE_AUTH_FAILED};
#define CODES (sizeof(codes) / sizeof(codes[0]))

START_TEST(each_code_has_its_text)
{
    ck_assert_uint_eq(CODES, 18);
    for (size_t i = 0; i < CODES; i++) {
        const char *text = omcache_strerror(codes[i]);
        ck_assert_msg(text && *text && strcmp(text, "Unknown") != 0, "code %#x has the text '%s'",
                      (unsigned)codes[i], text ? text : "(NULL)");
        for (size_t other = 0; other < i; other++) {
            ck_assert_msg(strcmp(text, omcache_strerror(codes[other])) != 0,
                          "codes %#x and %#x are both '%s'", (unsigned)codes[other],
                          (unsigned)codes[i], text);
        }
    }
}
END_TEST

static bool is_code(int number)
{
    for (size_t i = 0; i < CODES; i++) {
        if (codes[i] == number) {
            return true;
        }
    }
    return false;
}

START_TEST(other_numbers_are_unknown)
{
    static const int others[] = {INT_MIN, -4096, INT_MAX, 0x10000, 0x20001};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_str_eq(omcache_strerror(others[i]), "Unknown");
    }
    for (int number = -10; number < 0x2000; number++) {
        ck_assert_msg((strcmp(omcache_strerror(number), "Unknown") != 0) == is_code(number),
                      "%#x has the text '%s'", (unsigned)number, omcache_strerror(number));
    }
}
END_TEST

/*
 * omcache_log_stderr
 */

/* What the call writes to standard error; a static string. */
static const char *log_to_stderr(const char *prefix, int level, const char *msg)
{
    static char text[1024];
    char context[32] = "";
    int fds[2];
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    if (prefix) {
        snprintf(context, sizeof(context), "%s", prefix);
    }
    fflush(stderr);
    dup2(fds[1], STDERR_FILENO);
    omcache_log_stderr(prefix ? context : NULL, level, msg);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    ssize_t got = read(fds[0], text, sizeof(text) - 1);
    close(fds[0]);
    text[got > 0 ? got : 0] = 0;
    return text;
}

START_TEST(stderr_gets_prefix_severity_and_message)
{
    ck_assert_str_eq(log_to_stderr("omc: ", 3, "it broke"), "omc: ERR it broke\n");
    ck_assert_str_eq(log_to_stderr("omc: ", 4, "it broke"), "omc: WARNING it broke\n");
    ck_assert_str_eq(log_to_stderr("", 5, "it broke"), "NOTICE it broke\n");
    ck_assert_str_eq(log_to_stderr(NULL, 6, "it broke"), "INFO it broke\n");
    ck_assert_str_eq(log_to_stderr(NULL, 7, "100%s %d%n"), "DEBUG 100%s %d%n\n");
}
END_TEST

START_TEST(stderr_gets_one_line_for_any_severity)
{
    static const int levels[] = {0, 1, 2, 8, 99, -1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        const char *text = log_to_stderr(NULL, levels[i], "message");
        const char *end = strstr(text, " message\n");
        ck_assert_msg(end && end > text && end[9] == 0, "level %d gives '%s'", levels[i], text);
    }
}
END_TEST

/*
 * The log callback.
 */

/* Makes the library log: connecting to one server, failing to reach another. */
static void make_log(omcache_log_callback_func *func, int level, void *context)
{
    client = fixture_client(fleet.list);
    assert_rc(omcache_set_log_callback(client, level, func, context), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, nobody()), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
}

static void assert_lines_up_to(int level)
{
    for (size_t i = 0; i < recorder.line_count; i++) {
        const struct recorded_line *line = &recorder.lines[i];
        ck_assert_msg(line->level >= 3 && line->level <= level,
                      "with level %d came '%s' of severity %d", level, line->text, line->level);
        ck_assert_msg(line->text[0] && !strchr(line->text, '\n'), "the message is '%s'",
                      line->text);
    }
}

START_TEST(levels_limit_what_is_logged)
{
    fixture_servers(1);
    size_t lines = 0;
    for (int level = 3; level <= 7; level++) {
        recorder_clear();
        make_log(recorder_log, level, NULL);
        assert_lines_up_to(level);
        ck_assert_msg(recorder.line_count >= lines,
                      "%zu lines with level %d, %zu with the one less", recorder.line_count, level,
                      lines);
        lines = recorder.line_count;
        ck_assert_msg(level < 4 || recorder_has_line(4, nobody()), "no warning names %s", nobody());
        ck_assert_msg(level < 6 || recorder_has_line(6, fleet.servers[0].address),
                      "nothing tells of the connection to %s", fleet.servers[0].address);
    }
}
END_TEST

START_TEST(level_0_is_info)
{
    fixture_servers(1);
    make_log(recorder_log, 0, NULL);
    assert_lines_up_to(6);
    size_t lines = recorder.line_count;
    recorder_clear();
    make_log(recorder_log, 6, NULL);
    ck_assert_uint_gt(lines, 0);
    ck_assert_uint_eq(recorder.line_count, lines);
}
END_TEST

START_TEST(without_a_callback_nothing_is_logged)
{
    fixture_servers(1);
    make_log(NULL, 7, NULL);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, NULL, NULL), OMCACHE_OK);
    assert_rc_either(omcache_delete(client, TEXT("key"), -1), OMCACHE_NO_SERVERS,
                     OMCACHE_SERVER_FAILURE);
    ck_assert_uint_eq(recorder.line_count, 0);
}
END_TEST

static void count_calls(void *context, int level, const char *msg)
{
    (void)level;
    (void)msg;
    (*(size_t *)context)++;
}

START_TEST(the_context_is_passed_on)
{
    size_t calls = 0;
    fixture_servers(1);
    make_log(count_calls, 7, &calls);
    ck_assert_uint_gt(calls, 0);
    assert_rc(omcache_set_log_callback(client, 0, NULL, NULL), OMCACHE_OK);
}
END_TEST

START_TEST(normal_operation_is_quiet)
{
    fixture_servers(3);
    assert_rc(omcache_set_log_callback(client, 5, recorder_log, NULL), OMCACHE_OK);
    for (size_t i = 0; i < 3; i++) {
        store(key_for(i), "value");
        assert_missing(key_for(i));
    }
    ck_assert_msg(recorder.line_count == 0, "%zu messages, the first is '%s'", recorder.line_count,
                  recorder.lines[0].text);
}
END_TEST

START_TEST(normal_operation_tells_of_connections_only)
{
    fixture_servers(3);
    assert_rc(omcache_set_log_callback(client, 6, recorder_log, NULL), OMCACHE_OK);
    for (size_t i = 0; i < 3; i++) {
        const char *key = key_for(i);
        store(key, "value");
        assert_rc(omcache_delete(client, TEXT(key), 0), OMCACHE_BUFFERED);
        drain(client);
        assert_missing(key);
    }
    ck_assert_uint_eq(recorder.line_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(recorder.lines[i].level, 6);
        ck_assert_msg(strstr(recorder.lines[i].text, "connected"), "line %zu is '%s'", i,
                      recorder.lines[i].text);
    }
}
END_TEST

/* What the application or the peer puts into a message cannot break its line. */
START_TEST(odd_names_make_no_second_line)
{
    static const char *const lists[] = {"/two\nlines", "/two\r\nlines", "127.0.0.1:12\n34"};
    client = fixture_client(lists[_i]);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_uint_ge(recorder.line_count, 1);
    for (size_t i = 0; i < recorder.line_count; i++) {
        ck_assert_msg(!strpbrk(recorder.lines[i].text, "\r\n"), "a message is '%s'",
                      printable(recorder.lines[i].text, strlen(recorder.lines[i].text)));
    }
}
END_TEST

START_TEST(long_names_are_cut)
{
    char name[3000];
    memset(name, '/', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    client = fixture_client(name);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_uint_ge(recorder.line_count, 1);
    ck_assert_int_eq(recorder.lines[0].text[0], '/');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("logging");
    TCase *tcase = fixture_case(suite, "logging");
    tcase_add_test(tcase, each_code_has_its_text);
    tcase_add_test(tcase, other_numbers_are_unknown);
    tcase_add_test(tcase, stderr_gets_prefix_severity_and_message);
    tcase_add_test(tcase, stderr_gets_one_line_for_any_severity);
    tcase_add_test(tcase, levels_limit_what_is_logged);
    tcase_add_test(tcase, level_0_is_info);
    tcase_add_test(tcase, without_a_callback_nothing_is_logged);
    tcase_add_test(tcase, the_context_is_passed_on);
    tcase_add_test(tcase, normal_operation_is_quiet);
    tcase_add_test(tcase, normal_operation_tells_of_connections_only);
    tcase_add_loop_test(tcase, odd_names_make_no_second_line, 0, 3);
    tcase_add_test(tcase, long_names_are_cut);
    return fixture_run(suite);
}
