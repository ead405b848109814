/*
 * Rows and the heap of deadlines against a sorted list of the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>

#include "base/deadlines.h"
#include "support/fixture.h"

enum {
    MANY = 2000,
};

static struct omc_deadlines deadlines;
static struct omc_deadline entries[MANY];

static void open_heap(void)
{
    omc_deadlines_init(&deadlines);
    ck_assert(omc_deadlines_reserve(&deadlines, MANY));
    for (size_t i = 0; i < MANY; i++)
        entries[i] = (struct omc_deadline){.when = 0};
}

static void close_heap(void)
{
    omc_deadlines_fini(&deadlines);
}

/* Takes all out, earliest first; how many there were. */
static size_t empty(void)
{
    int64_t before = INT64_MIN;
    struct omc_deadline *first;
    size_t count = 0;

    for (; (first = omc_deadlines_first(&deadlines)) != NULL; count++) {
        ck_assert_int_ge(first->when, before);
        before = first->when;
        omc_deadlines_remove(&deadlines, first);
        ck_assert_uint_eq(first->place, 0);
    }
    return count;
}

START_TEST(the_earliest_comes_first)
{
    ck_assert_ptr_null(omc_deadlines_first(&deadlines));
    for (size_t i = 0; i < MANY; i++) {
        omc_deadlines_set(&deadlines, &entries[i], rand() % 500);
        ck_assert_int_le(omc_deadlines_first(&deadlines)->when, entries[i].when);
    }
    ck_assert_uint_eq(empty(), MANY);
}
END_TEST

/* Each is in its order, and there are as many as there should be. */
static void assert_sound(void)
{
    size_t count = deadlines.heaped;

    for (size_t i = 1; i < deadlines.heaped; i++)
        ck_assert_int_ge(deadlines.heap[i]->when, deadlines.heap[(i - 1) / 2]->when);
    for (size_t i = 0; i < OMC_DEADLINES_ROWS; i++) {
        const struct omc_deadline *before = NULL, *one = deadlines.rows[i].first;

        for (; one != NULL; before = one, one = one->behind, count++) {
            ck_assert_ptr_eq(one->before, before);
            ck_assert(before == NULL || one->when >= before->when);
        }
        ck_assert_ptr_eq(deadlines.rows[i].last, before);
    }
    ck_assert_uint_eq(count, deadlines.count);
}

/* As operations are that have a few timeouts: none is in the heap, and they go in any order. */
START_TEST(a_few_durations_need_no_heap)
{
    static const int64_t durations[OMC_DEADLINES_ROWS] = {3600, 100, 7};

    for (size_t i = 0; i < (size_t)5 * MANY; i++) {
        struct omc_deadline *entry = &entries[rand() % MANY];

        if (rand() % 3 == 0)
            omc_deadlines_remove(&deadlines, entry);
        else
            omc_deadlines_set(&deadlines, entry, (int64_t)i + durations[rand() % 3]);
    }
    assert_sound();
    ck_assert_uint_gt(deadlines.count, MANY / 2);
    ck_assert_uint_lt(deadlines.heaped, MANY / 20);
    empty();
}
END_TEST

START_TEST(they_may_be_changed_and_removed_anywhere)
{
    size_t expected = 0;

    for (int step = 0; step < 20 * MANY; step++) {
        struct omc_deadline *entry = &entries[rand() % MANY];

        if (rand() % 3 == 0) {
            expected -= entry->place != 0;
            omc_deadlines_remove(&deadlines, entry);
        } else {
            expected += entry->place == 0;
            omc_deadlines_set(&deadlines, entry, rand() % 500);
        }
        ck_assert_uint_eq(deadlines.count, expected);
        if (step % 1000 == 0)
            assert_sound();
    }
    ck_assert_uint_eq(empty(), expected);
}
END_TEST

START_TEST(a_large_one_gives_its_memory_back)
{
    for (size_t i = 0; i < MANY; i++)
        omc_deadlines_set(&deadlines, &entries[i], (int64_t)(MANY - i));
    ck_assert_uint_ge(deadlines.room, MANY);
    omc_deadlines_trim(&deadlines);
    ck_assert_uint_ge(deadlines.room, MANY);
    empty();
    omc_deadlines_trim(&deadlines);
    ck_assert_uint_eq(deadlines.room, 0);
    ck_assert(omc_deadlines_reserve(&deadlines, 1));
    omc_deadlines_set(&deadlines, &entries[0], 7);
    omc_deadlines_remove(&deadlines, &entries[1]); /* is not in it */
    ck_assert_uint_eq(empty(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadlines");
    TCase *tcase = tcase_create("deadlines");

    tcase_add_checked_fixture(tcase, open_heap, close_heap);
    tcase_add_test(tcase, the_earliest_comes_first);
    tcase_add_test(tcase, a_few_durations_need_no_heap);
    tcase_add_test(tcase, they_may_be_changed_and_removed_anywhere);
    tcase_add_test(tcase, a_large_one_gives_its_memory_back);
    suite_add_tcase(suite, tcase);
    return fixture_run(suite);
}
