/*
 * The base floor: comparing, buffers, deadlines, log lines, status texts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/copy.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "support/fixture.h"

/* More than an address space holds is not there either. */
START_TEST(memory_checks_for_overflow)
{
    ck_assert_ptr_null(omc_memory_copy_string("", SIZE_MAX / 2));
    ck_assert_ptr_null(omc_memory_new(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(omc_memory_resize(NULL, SIZE_MAX / 2, 3));
}
END_TEST

/* Of each length, and with a difference at each place. */
START_TEST(bytes_are_compared)
{
    unsigned char a[40], b[40];

    for (size_t len = 0; len <= sizeof(a); len++) {
        unsigned char *ours = memset(a + sizeof(a) - len, 'a', len);
        unsigned char *theirs = memset(b, 'a', len);

        ck_assert(omc_copy_equals(ours, theirs, len));
        for (size_t i = 0; i < len; i++) {
            theirs[i] ^= 0x80;
            ck_assert(!omc_copy_equals(ours, theirs, len));
            theirs[i] ^= 0x80;
        }
    }
}
END_TEST

/* The smallest and the largest number of each step are counted there and nowhere else. */
START_TEST(numbers_are_counted_in_their_steps)
{
    uint64_t *counts = omc_histogram_new();

    for (size_t step = 0; step < OMC_HISTOGRAM_STEPS; step++) {
        uint64_t end = omc_histogram_bound(step + 1);

        ck_assert_uint_gt(end, omc_histogram_bound(step));
        omc_histogram_count(counts, (uint32_t)omc_histogram_bound(step), 1);
        ck_assert_uint_eq(counts[step], 1);
        omc_histogram_count(counts, (uint32_t)(end - 1), 1);
        ck_assert_uint_eq(counts[step], 2);
    }
    ck_assert_uint_eq(omc_histogram_bound(0), 0);
    ck_assert_uint_eq(omc_histogram_bound(OMC_HISTOGRAM_STEPS), (uint64_t)UINT32_MAX + 1);
    omc_histogram_free(counts);
}
END_TEST

START_TEST(deadlines)
{
    ck_assert_int_eq(omc_clock_after(1000, 0), 1000);
    ck_assert_int_eq(omc_clock_after(1000, 5), 1005);
    ck_assert_int_eq(omc_clock_after(1000, -1), OMC_CLOCK_NEVER);
    ck_assert_int_eq(omc_clock_after(1000, INT32_MIN), OMC_CLOCK_NEVER);
    ck_assert_int_eq(omc_clock_after(INT64_MAX - 1, 5), OMC_CLOCK_NEVER);
    ck_assert_int_eq(omc_clock_left(1000, 1005), 5);
    ck_assert_int_eq(omc_clock_left(1005, 1005), 0);
    ck_assert_int_eq(omc_clock_left(2000, 1005), 0);
    ck_assert_int_eq(omc_clock_left(1000, OMC_CLOCK_NEVER), -1);
    ck_assert_int_eq(omc_clock_left(0, INT64_MAX - 1), INT_MAX);
}
END_TEST

START_TEST(the_clock_goes_forward)
{
    int64_t before = omc_clock_usec();

    ck_assert_int_gt(before, 0);
    ck_assert_int_ge(omc_clock_usec(), before);
}
END_TEST

struct seen {
    struct omc_log *log;
    int calls;
    int level;
    char line[600];
};

static void see(void *context, int level, const char *msg)
{
    struct seen *seen = context;

    seen->calls++;
    seen->level = level;
    snprintf(seen->line, sizeof(seen->line), "%s", msg);
    omc_log(seen->log, OMC_LOG_ERROR, "from within");
}

START_TEST(log_lines_pass_by_level_and_are_cut)
{
    struct seen seen = {0};
    struct omc_log log = {.func = see, .context = &seen, .level = OMC_LOG_NOTICE};
    char longer[1000];

    seen.log = &log;
    omc_log(&log, OMC_LOG_INFO, "no");
    ck_assert_int_eq(seen.calls, 0);
    omc_log(&log, OMC_LOG_NOTICE, "%s=%d", "x", 5);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_int_eq(seen.level, 5);
    ck_assert_str_eq(seen.line, "x=5");
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    omc_log(&log, OMC_LOG_ERROR, "%s", longer);
    ck_assert_int_eq(seen.calls, 2);
    ck_assert_uint_eq(strlen(seen.line), 511);
    log.func = NULL;
    omc_log(&log, OMC_LOG_ERROR, "nobody");
    ck_assert_int_eq(seen.calls, 2);
}
END_TEST

START_TEST(levels_and_codes_have_names)
{
    ck_assert_str_eq(omc_log_level_name(3), "ERR");
    ck_assert_str_eq(omc_log_level_name(7), "DEBUG");
    ck_assert_str_eq(omc_log_level_name(8), "UNKNOWN");
    ck_assert_str_eq(omc_log_level_name(-1), "UNKNOWN");
    ck_assert_str_eq(omc_status_text(4), "Unknown");
    ck_assert_str_ne(omc_status_text(OMCACHE_SERVER_FAILURE), "Unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = fixture_case(suite, "base");

    tcase_add_test(tcase, memory_checks_for_overflow);
    tcase_add_test(tcase, bytes_are_compared);
    tcase_add_test(tcase, numbers_are_counted_in_their_steps);
    tcase_add_test(tcase, deadlines);
    tcase_add_test(tcase, the_clock_goes_forward);
    tcase_add_test(tcase, log_lines_pass_by_level_and_are_cut);
    tcase_add_test(tcase, levels_and_codes_have_names);
    return fixture_run(suite);
}
