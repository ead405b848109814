/*
 * Copies of what waiting requests point to, and the blocks that they are in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link/store.h"
#include "proto/ask.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "support/codec.h"
#include "support/dice.h"
#include "support/failing_memory.h"
#include "support/fixture.h"

enum {
    MANY = 300,
    BLOCK_MAX = 32 * 1024, /* as in store.c */
    LARGE = 200 * 1024,
};

static struct omc_blocks blocks;
static struct omc_store copies;
static unsigned char bytes[LARGE + 1000];

static void open_store(void)
{
    memory_stop_failing();
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 ^ i >> 8);
    dice_begin(1, 0);
    omc_blocks_init(&blocks);
    copies = (struct omc_store){.blocks = &blocks};
}

/* Nothing is left, and nothing is where the next one would go. */
static void close_store(void)
{
    memory_stop_failing();
    ck_assert_ptr_null(copies.current);
    omc_blocks_fini(&blocks);
    ck_assert_uint_eq(memory_alive, 0);
}

/* A request and the copy of it. */
struct pair {
    struct omc_ask original;
    struct omc_ask copy;
    struct omc_store_block *block;
};

static struct pair make(uint8_t key_len, uint8_t extra_len, uint32_t value_len)
{
    return (struct pair){.original = {.key = bytes + dice(300),
                                      .value = bytes + dice(700),
                                      .extra = bytes + dice(500),
                                      .cas = dice(1000),
                                      .key_len = key_len,
                                      .extra_len = extra_len,
                                      .value_len = value_len}};
}

static void keep(struct pair *pair)
{
    pair->copy = pair->original;
    pair->block = omc_store_keep(&copies, &pair->copy);
    ck_assert_ptr_nonnull(pair->block);
}

static bool is_part(const struct omc_store_block *block, const unsigned char *at, size_t len)
{
    return at >= block->bytes && at + len <= (const unsigned char *)block + block->size;
}

/* That the copy says the same, in memory of its own. */
static void assert_copy(const struct pair *pair)
{
    const struct omc_ask *one = &pair->original, *other = &pair->copy;

    assert_bytes(other->key, other->key_len, one->key, one->key_len);
    assert_bytes(other->extra, other->extra_len, one->extra, one->extra_len);
    assert_bytes(other->value, other->value_len, one->value, one->value_len);
    ck_assert_uint_eq(other->cas, one->cas);
    ck_assert(is_part(pair->block, other->key, other->key_len));
    ck_assert(is_part(pair->block, other->extra, other->extra_len));
    ck_assert(is_part(pair->block, other->value, other->value_len));
}

START_TEST(copies_say_the_same)
{
    static const uint32_t lens[] = {0, 1, 900, 1024, 5000, BLOCK_MAX, 65536, LARGE};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct pair pair = make((uint8_t)dice(251), (uint8_t)dice(256), lens[i]);

        keep(&pair);
        assert_copy(&pair);
        omc_store_release(&copies, pair.block);
        ck_assert_ptr_null(copies.current);
    }
}
END_TEST

/* Also where it just fits a block, or the rest of one, or just does not. */
START_TEST(copies_of_each_length_fit)
{
    for (uint32_t around = OMC_BLOCKS_LEAST; around <= 2 * 65536; around *= 2) {
        for (uint32_t len = around - 40; len <= around + 8; len++) {
            struct pair first = make(0, 0, len), second = make(0, 0, len % 40);

            keep(&first);
            keep(&second);
            if (!is_part(first.block, first.copy.value, len) ||
                !is_part(second.block, second.copy.value, len % 40))
                ck_abort_msg("%u bytes are not in their block", len);
            omc_store_release(&copies, first.block);
            omc_store_release(&copies, second.block);
        }
    }
}
END_TEST

/* What has no bytes points to none. */
START_TEST(a_request_without_bytes_can_be_kept)
{
    struct pair pair = {.original = {.op = OMC_OP_NOOP}};

    keep(&pair);
    assert_copy(&pair);
    omc_store_release(&copies, pair.block);
}
END_TEST

/* In any order, of any size: a block lasts as long as anything in it, and no longer. */
START_TEST(a_block_goes_with_the_last_that_is_in_it)
{
    static struct pair pairs[MANY];

    dice_begin(1, (uint64_t)_i);
    for (unsigned i = 0; i < MANY; i++) {
        pairs[i] = make((uint8_t)dice(251), 0, dice_once_in(20) ? dice(LARGE) : dice(400));
        keep(&pairs[i]);
    }
    ck_assert_uint_ge(memory_alive, 3);
    for (unsigned left = MANY; left > 0; left--) {
        unsigned i = _i == 0 ? MANY - left : _i == 1 ? left - 1 : dice(left);
        struct omc_store_block *block = pairs[i].block;
        unsigned holders = 0;

        for (unsigned j = 0; j < MANY; j++) {
            holders += pairs[j].block == block;
            if (pairs[j].block == block && dice_once_in(5))
                assert_copy(&pairs[j]);
        }
        ck_assert_uint_eq(block->holders, holders);
        omc_store_release(&copies, block);
        if (_i >= 2) {
            pairs[i] = pairs[left - 1];
            i = left - 1;
        }
        pairs[i].block = NULL;
    }
}
END_TEST

/* How many blocks there are that somebody has. */
static size_t blocks_held(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < OMC_BLOCKS_SIZES; i++) {
        for (const struct omc_block *block = blocks.kept[i]; block != NULL; block = block->next)
            kept++;
    }
    return memory_alive - kept;
}

START_TEST(small_ones_share_a_block)
{
    static struct pair pairs[MANY];
    size_t held;

    for (unsigned i = 0; i < MANY; i++) {
        pairs[i] = make(20, 0, 30);
        keep(&pairs[i]);
    }
    held = blocks_held();
    ck_assert_uint_le(held, 6); /* 1, 2, 4, 8 and 16 KiB */
    ck_assert_uint_ge(held, 2);
    for (unsigned i = 0; i < MANY; i++)
        omc_store_release(&copies, pairs[i].block);
    ck_assert_uint_eq(blocks_held(), 0);
}
END_TEST

/* The first ones go while others come: there never are many blocks. */
START_TEST(blocks_are_used_again)
{
    static struct pair pairs[MANY];

    for (unsigned i = 0; i < 100 * MANY; i++) {
        struct pair *pair = &pairs[i % MANY];

        if (i >= MANY)
            omc_store_release(&copies, pair->block);
        *pair = make(20, 0, 30);
        keep(pair);
        if (memory_alive > 20)
            ck_abort_msg("%zu blocks", memory_alive);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_copy(&pairs[i]);
        omc_store_release(&copies, pairs[i].block);
    }
}
END_TEST

/* What is larger than blocks are has one that is not kept, and small ones go on behind it. */
START_TEST(a_large_one_has_a_block_to_itself)
{
    struct pair first = make(10, 0, 10), large = make(10, 0, LARGE), last = make(10, 0, 10);

    keep(&first);
    keep(&large);
    keep(&last);
    ck_assert_ptr_ne(first.block, large.block);
    ck_assert_ptr_ne(last.block, large.block);
    ck_assert_uint_ge(large.block->size, LARGE + 10);
    ck_assert_uint_lt(large.block->size, LARGE + 1000);
    ck_assert_uint_le(last.block->size, BLOCK_MAX);
    omc_store_release(&copies, large.block);
    ck_assert_uint_eq(blocks_held(), 2);
    assert_copy(&first);
    assert_copy(&last);
    omc_store_release(&copies, last.block);
    omc_store_release(&copies, first.block);
    ck_assert_uint_le(blocks.size, (size_t)2 * BLOCK_MAX);
}
END_TEST

/* The request is as it was, and what was kept before is, too. */
START_TEST(without_memory_nothing_changes)
{
    struct pair first = make(10, 3, 100), second = make(200, 0, _i == 0 ? 2000 : LARGE);
    struct omc_store_block *current;

    second.copy = second.original;
    memory_fail(1, SIZE_MAX / 2);
    ck_assert_ptr_null(omc_store_keep(&copies, &second.copy));
    ck_assert_ptr_null(copies.current);
    memory_stop_failing();
    keep(&first);
    current = copies.current;
    memory_fail(1, SIZE_MAX / 2);
    ck_assert_ptr_null(omc_store_keep(&copies, &second.copy));
    ck_assert_mem_eq(&second.copy, &second.original, sizeof(second.copy));
    ck_assert_ptr_eq(copies.current, current);
    assert_copy(&first);
    memory_stop_failing();
    keep(&second);
    assert_copy(&second);
    assert_copy(&first);
    omc_store_release(&copies, first.block);
    omc_store_release(&copies, second.block);
}
END_TEST

/* It is what the codec makes otherwise, and the request's key and value are in that. */
START_TEST(what_is_encoded_has_the_request_in_it)
{
    static const struct omc_codec *const codecs[] = {&omc_meta_codec, &omc_binary_codec};
    static const uint8_t opcodes[] = {OMC_OP_GETK,      OMC_OP_GATQ,   OMC_OP_SET,  OMC_OP_ADDQ,
                                      OMC_OP_INCREMENT, OMC_OP_DELETE, OMC_OP_TOUCH};
    static const uint32_t lens[] = {0, 1, 1000, 40000};

    for (size_t i = 0; i < sizeof(opcodes) * 4; i++) {
        const struct omc_codec *codec = codecs[_i];
        bool stores = omc_opcode_kind(opcodes[i / 4]) == OMC_KIND_STORE;
        struct order order = {.opcode = opcodes[i / 4],
                              .key = "a-key",
                              .key_len = dice(5) + 1,
                              .data = stores && lens[i % 4] > 0 ? (const char *)bytes : NULL,
                              .data_len = stores ? lens[i % 4] : 0};
        struct omc_pending pending = {.ask = codec_ask(&order)};
        const struct omc_ask *ask = &pending.ask;
        unsigned char *whole;
        size_t len;

        ck_assert(codec->accept(&pending.ask));
        ck_assert(omc_store_encode(&copies, codec, 7, &pending));
        whole = codec_encode(codec, &order, 7, &len);
        assert_bytes(pending.encoded, pending.encoded_len, whole, len);
        free(whole);
        assert_bytes(ask->key, ask->key_len, order.key, order.key_len);
        assert_bytes(ask->value, ask->value_len, order.data, order.data_len);
        ck_assert(ask->key >= pending.encoded && ask->key < pending.encoded + pending.encoded_len);
        ck_assert(is_part(pending.kept, pending.encoded, pending.encoded_len));
        omc_store_release(&copies, pending.kept);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = fixture_case(suite, "store");

    tcase_add_checked_fixture(tcase, open_store, close_store);
    tcase_add_test(tcase, copies_say_the_same);
    tcase_add_test(tcase, copies_of_each_length_fit);
    tcase_add_test(tcase, a_request_without_bytes_can_be_kept);
    tcase_add_loop_test(tcase, what_is_encoded_has_the_request_in_it, 0, 2);
    tcase_add_loop_test(tcase, a_block_goes_with_the_last_that_is_in_it, 0, 6);
    tcase_add_test(tcase, small_ones_share_a_block);
    tcase_add_test(tcase, blocks_are_used_again);
    tcase_add_test(tcase, a_large_one_has_a_block_to_itself);
    tcase_add_loop_test(tcase, without_memory_nothing_changes, 0, 2);
    return fixture_run(suite);
}
