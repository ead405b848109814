/*
 * Blocks of memory that are used again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/memory.h"
#include "support/fixture.h"

static struct omc_blocks blocks;

static void *take(size_t size, size_t expected)
{
    void *block = omc_blocks_take(&blocks, &size);

    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(size, expected);
    memset(block, 'x', size);
    return block;
}

START_TEST(a_block_is_found_again_by_its_size)
{
    void *small = take(1, 1024), *middle = take(1025, 2048), *large = take(65536, 65536);

    ck_assert_uint_eq(omc_blocks_size(1), 1024);
    ck_assert_uint_eq(omc_blocks_size(5000), 8192);
    omc_blocks_put(&blocks, small, 1024);
    omc_blocks_put(&blocks, middle, 2048);
    omc_blocks_put(&blocks, large, 65536);
    ck_assert_uint_eq(blocks.size, 1024 + 2048 + 65536);
    ck_assert_ptr_eq(take(40000, 65536), large);
    ck_assert_ptr_eq(take(1500, 2048), middle);
    ck_assert_ptr_eq(take(1024, 1024), small);
    ck_assert_uint_eq(blocks.size, 0);
    omc_blocks_put(&blocks, small, 1024);
    omc_blocks_put(&blocks, middle, 2048);
    omc_blocks_put(&blocks, large, 65536);
    omc_blocks_fini(&blocks);
    ck_assert_uint_eq(blocks.size, 0);
}
END_TEST

START_TEST(what_has_another_size_is_not_kept)
{
    ck_assert_uint_eq(omc_blocks_size(65537), 65537);
    omc_blocks_put(&blocks, take(65537, 65537), 65537);
    omc_blocks_put(&blocks, omc_memory_resize(NULL, 1500, 1), 1500);
    omc_blocks_put(&blocks, omc_memory_resize(NULL, 1023, 1), 1023);
    omc_blocks_put(&blocks, NULL, 0);
    ck_assert_uint_eq(blocks.size, 0);
}
END_TEST

START_TEST(no_more_is_kept_than_is_worth_it)
{
    void *many[300];

    for (size_t i = 0; i < 300; i++)
        many[i] = take(1000, 1024);
    for (size_t i = 0; i < 300; i++)
        omc_blocks_put(&blocks, many[i], 1024);
    ck_assert_uint_eq(blocks.size, OMC_BLOCKS_KEPT);
    omc_blocks_fini(&blocks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("blocks");
    TCase *tcase = fixture_case(suite, "blocks");

    tcase_add_test(tcase, a_block_is_found_again_by_its_size);
    tcase_add_test(tcase, what_has_another_size_is_not_kept);
    tcase_add_test(tcase, no_more_is_kept_than_is_worth_it);
    return fixture_run(suite);
}
