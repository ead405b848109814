/*
 * The queue of unanswered requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "link/queue.h"
#include "proto/opcode.h"
#include "support/dice.h"
#include "support/fixture.h"

static struct omc_blocks blocks;

static void push(struct omc_queue *queue, uint32_t tag)
{
    struct omc_pending pending = {.claim.asked = tag};

    ck_assert(omc_queue_reserve(queue));
    omc_queue_push(queue, &pending.ask, &pending.claim);
}

/* Once far from the end of the numbers, once across it. */
static const uint32_t firsts[] = {0, UINT32_MAX - 20};

START_TEST(requests_are_found_by_number)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(omc_queue_next(&queue), first + i);
        push(&queue, i);
    }
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_uint_eq(omc_queue_find(&queue, first + i)->claim.asked, i);
    ck_assert_ptr_null(omc_queue_find(&queue, first - 1));
    ck_assert_ptr_null(omc_queue_find(&queue, first + 100));
    ck_assert_ptr_null(omc_queue_find(&queue, first + 0x80000000));
    omc_queue_fini(&queue);
}
END_TEST

START_TEST(requests_are_settled_in_any_order)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    for (uint32_t i = 0; i < 10; i++)
        push(&queue, i);
    omc_queue_settle(&queue, omc_queue_find(&queue, first + 3));
    ck_assert_ptr_null(omc_queue_find(&queue, first + 3));
    ck_assert_uint_eq(queue.count, 10);
    ck_assert_uint_eq(queue.open, 9);
    for (uint32_t i = 0; i < 3; i++)
        omc_queue_settle(&queue, omc_queue_find(&queue, first + i));
    ck_assert_uint_eq(queue.count, 6); /* the fourth went with the third */
    ck_assert_uint_eq(queue.first, first + 4);
    omc_queue_fini(&queue);
}
END_TEST

START_TEST(forgotten_and_popped_requests_are_not_open)
{
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, 5);
    ck_assert_ptr_null(omc_queue_last(&queue));
    for (uint32_t i = 0; i < 4; i++)
        push(&queue, i);
    ck_assert_uint_eq(omc_queue_last(&queue)->claim.asked, 3);
    omc_queue_pop(&queue);
    ck_assert_uint_eq(queue.open, 3);
    omc_queue_forget(&queue);
    ck_assert_uint_eq(queue.open, 0);
    push(&queue, 9);
    ck_assert_uint_eq(queue.open, 1);
    for (uint32_t number = 5; number < 9; number++)
        omc_queue_settle(&queue, omc_queue_find(&queue, number));
    ck_assert_uint_eq(queue.open, 0);
    ck_assert_uint_eq(queue.count, 0);
    omc_queue_fini(&queue);
}
END_TEST

/* Settled or not, in front of others or behind them. */
START_TEST(half_a_request_stays_until_it_is_whole)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    for (uint32_t i = 0; i < 3; i++)
        push(&queue, i);
    omc_queue_set_half(&queue, omc_queue_find(&queue, first + 1), true);
    omc_queue_settle(&queue, omc_queue_find(&queue, first + 1));
    ck_assert_ptr_null(omc_queue_find(&queue, first + 1));
    ck_assert_uint_eq(queue.open, 2);
    omc_queue_settle(&queue, omc_queue_find(&queue, first));
    ck_assert_uint_eq(queue.first, first + 1); /* it is the oldest now */
    ck_assert_uint_eq(queue.count, 2);
    ck_assert_uint_eq(omc_queue_slot(&queue, first + 1)->claim.asked, 1);
    omc_queue_settle(&queue, omc_queue_find(&queue, first + 2));
    ck_assert_uint_eq(queue.count, 2);
    ck_assert_uint_eq(queue.open, 0);
    omc_queue_set_half(&queue, omc_queue_slot(&queue, first + 1), false);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_eq(queue.first, first + 3);
    push(&queue, 3);
    omc_queue_set_half(&queue, omc_queue_find(&queue, first + 3), true);
    omc_queue_set_half(&queue, omc_queue_find(&queue, first + 3), false);
    ck_assert_uint_eq(omc_queue_find(&queue, first + 3)->claim.asked,
                      3); /* nor does it go for that */
    omc_queue_fini(&queue);
}
END_TEST

START_TEST(half_a_request_stays_while_the_queue_grows)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    push(&queue, 0);
    omc_queue_set_half(&queue, omc_queue_find(&queue, first), true);
    omc_queue_settle(&queue, omc_queue_find(&queue, first));
    for (uint32_t i = 1; i < 100; i++)
        push(&queue, i);
    for (uint32_t i = 1; i < 100; i++)
        omc_queue_settle(&queue, omc_queue_find(&queue, first + i));
    ck_assert_uint_eq(queue.count, 100);
    ck_assert_uint_eq(queue.open, 0);
    omc_queue_set_half(&queue, omc_queue_slot(&queue, first), false);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_le(omc_queue_capacity(&queue), 8);
    omc_queue_fini(&queue);
    omc_blocks_fini(&blocks);
}
END_TEST

START_TEST(a_refused_request_stays_until_it_is_passed)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    for (uint32_t i = 0; i < 3; i++)
        push(&queue, i);
    omc_queue_refuse(&queue, omc_queue_find(&queue, first + 1));
    ck_assert_ptr_null(omc_queue_find(&queue, first + 1));
    ck_assert_uint_eq(queue.open, 2);
    omc_queue_settle(&queue, omc_queue_find(&queue, first));
    ck_assert_uint_eq(queue.first, first + 1);
    omc_queue_pass(&queue, omc_queue_slot(&queue, first + 1));
    ck_assert_uint_eq(queue.first, first + 2);
    omc_queue_refuse(&queue, omc_queue_find(&queue, first + 2));
    omc_queue_pop(&queue);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_eq(queue.open, 0);
    omc_queue_fini(&queue);
}
END_TEST

static void push_for(struct omc_queue *queue, struct omc_asker *asker)
{
    const struct omc_claim claim = {.asker = asker};
    const struct omc_ask ask = {.op = 0};

    asker->number = omc_queue_next(queue);
    ck_assert(omc_queue_reserve(queue));
    omc_queue_push(queue, &ask, &claim);
}

/* Its request stays; that of another, which has got the number since, is not its own. */
START_TEST(who_asked_may_go)
{
    uint32_t first = firsts[_i];
    struct omc_asker asker = {.waits = true}, other = {.waits = true};
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, first);
    push_for(&queue, &asker);
    push_for(&queue, &other);
    omc_queue_release(&queue, &asker);
    ck_assert_ptr_null(omc_queue_find(&queue, first)->claim.asker);
    ck_assert_ptr_eq(omc_queue_find(&queue, first + 1)->claim.asker, &other);
    ck_assert_uint_eq(omc_queue_outstanding(&queue), 2);
    asker.number = other.number;
    omc_queue_release(&queue, &asker);
    ck_assert_ptr_eq(omc_queue_find(&queue, first + 1)->claim.asker, &other);
    omc_queue_settle(&queue, omc_queue_find(&queue, first + 1));
    omc_queue_release(&queue, &other);
    other.number = first + 100;
    omc_queue_release(&queue, &other);
    ck_assert_uint_eq(queue.open, 1);
    omc_queue_fini(&queue);
}
END_TEST

START_TEST(forgotten_requests_have_nobody_who_asks)
{
    struct omc_asker asker = {.waits = true};
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, 0);
    push_for(&queue, &asker);
    omc_queue_forget(&queue);
    ck_assert(omc_queue_is_forgotten(omc_queue_find(&queue, 0)));
    ck_assert_ptr_null(omc_queue_find(&queue, 0)->claim.asker);
    omc_queue_abandon(&queue, omc_queue_find(&queue, 0));
    ck_assert(omc_queue_is_forgotten(omc_queue_find(&queue, 0)));
    ck_assert_uint_eq(queue.open + queue.idle, 0);
    omc_queue_settle(&queue, omc_queue_find(&queue, 0));
    ck_assert_uint_eq(queue.open + queue.idle + queue.count, 0);
    omc_queue_fini(&queue);
}
END_TEST

START_TEST(the_queue_s_memory_goes_with_its_burst)
{
    uint32_t many = clock_is_slow() ? 10000 : 100000;
    struct omc_queue queue;

    omc_queue_init(&queue, &blocks, 0);
    for (uint32_t i = 0; i < many; i++)
        push(&queue, i);
    for (uint32_t i = 0; i < many; i++)
        omc_queue_settle(&queue, omc_queue_find(&queue, i));
    ck_assert_uint_le(omc_queue_capacity(&queue), 8);
    ck_assert_uint_le(blocks.size, 2 * (size_t)OMC_BLOCKS_KEPT);
    push(&queue, 1);
    ck_assert_uint_eq(omc_queue_find(&queue, many)->claim.asked, 1);
    omc_queue_fini(&queue);
    omc_blocks_fini(&blocks);
}
END_TEST

/* What one queue needs no more is what the next one gets. */
START_TEST(bursts_share_their_memory)
{
    struct omc_queue first, second;
    const union omc_queue_place *slots;

    omc_queue_init(&first, &blocks, 0);
    omc_queue_init(&second, &blocks, 0);
    for (uint32_t i = 0; i < 100; i++)
        push(&first, i);
    slots = first.slots;
    for (uint32_t i = 0; i < 50; i++) /* in both ways to empty it */
        omc_queue_settle(&first, omc_queue_find(&first, i));
    for (uint32_t i = 0; i < 50; i++)
        omc_queue_pop(&first);
    ck_assert_ptr_ne(first.slots, slots);
    for (uint32_t i = 0; i < 100; i++)
        push(&second, i);
    ck_assert_ptr_eq(second.slots, slots);
    omc_queue_fini(&second); /* full as it is */
    push(&first, 1);
    ck_assert_uint_eq(omc_queue_find(&first, 50)->claim.asked, 1);
    omc_queue_fini(&first);
    omc_blocks_fini(&blocks);
}
END_TEST

/* How many that is, by a walk along the queue. */
static uint32_t count_outstanding(const struct omc_queue *queue)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        count += pending != NULL && pending->claim.owner < OMC_OWNER_GONE;
    }
    return count;
}

static void push_any(struct omc_queue *queue)
{
    struct omc_pending pending = {.claim.owner = (uint8_t)dice(OMC_OWNER_LINK + 1)};

    ck_assert(omc_queue_reserve(queue));
    omc_queue_push(queue, &pending.ask, &pending.claim);
}

/* Does anything to the queue that can be done to it. */
static void change(struct omc_queue *queue)
{
    struct omc_pending *any =
        queue->count == 0 ? NULL : omc_queue_find(queue, queue->first + dice(queue->count));

    switch (dice(8)) {
    case 0:
        if (any != NULL)
            omc_queue_abandon(queue, any);
        break;
    case 1:
    case 2:
        if (any != NULL)
            omc_queue_settle(queue, any);
        break;
    case 3:
        if (queue->count > 0)
            omc_queue_pop(queue);
        break;
    case 4:
        if (dice(10) == 0)
            omc_queue_forget(queue);
        break;
    default:
        push_any(queue);
    }
}

START_TEST(those_outstanding_are_counted)
{
    struct omc_queue queue;

    dice_begin(1, (uint64_t)_i);
    omc_queue_init(&queue, &blocks, UINT32_MAX - 100);
    for (int i = 0; i < (clock_is_slow() ? 300 : 3000); i++) {
        change(&queue);
        ck_assert_uint_eq(omc_queue_outstanding(&queue), count_outstanding(&queue));
    }
    omc_queue_fini(&queue);
    omc_blocks_fini(&blocks);
}
END_TEST

/* How who asks goes, after which an answer with another key still is another one. */
enum way { NOBODY_ASKS, KEY_GOES, ASKER_GOES, ABANDONED, FORGOTTEN, WAYS };

static void go(struct omc_queue *queue, struct omc_asker *asker, enum way way)
{
    switch (way) {
    case NOBODY_ASKS:
        omc_queue_keep_sum(omc_queue_slot(queue, 0));
        break;
    case KEY_GOES:
        omc_queue_lose_key(queue, asker);
        asker->key = NULL;
        break;
    case ASKER_GOES:
        omc_queue_release(queue, asker);
        break;
    case ABANDONED:
        omc_queue_abandon(queue, omc_queue_slot(queue, 0));
        break;
    default:
        omc_queue_forget(queue);
        break;
    }
}

START_TEST(a_key_is_known_from_others_when_nobody_has_it)
{
    enum way way = (enum way)(_i % WAYS);
    uint8_t prefix_len = _i < WAYS ? 0 : 3;
    unsigned char key[OMC_ASK_KEY_MAX];

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (unsigned char)('a' + i % 26);
    for (size_t len = prefix_len + 1U; len <= sizeof(key); len++) {
        struct omc_asker asker = {.key = key + prefix_len, .key_len = (uint8_t)(len - prefix_len)};
        struct omc_ask ask = {.op = OMC_OP_GETK, .key = key, .key_len = (uint8_t)len};
        struct omc_claim claim = {.asker = way == NOBODY_ASKS ? NULL : &asker,
                                  .prefix_len = prefix_len};
        struct omc_pending *pending;
        struct omc_queue queue;

        omc_queue_init(&queue, &blocks, 0);
        ck_assert(omc_queue_reserve(&queue));
        pending = omc_queue_push(&queue, &ask, &claim);
        if (prefix_len > 0) /* nobody has that */
            omc_queue_keep_sum(pending);
        go(&queue, &asker, way);
        memset(&asker, 0xff, way == KEY_GOES ? 0 : sizeof(asker));
        ck_assert(!omc_queue_has_key(&pending->claim));
        ck_assert(omc_queue_is_about(pending, key, len));
        ck_assert(!omc_queue_is_about(pending, key, len - 1));
        for (size_t i = 0; i < len; i++) {
            key[i] ^= 1;
            ck_assert(!omc_queue_is_about(pending, key, len));
            key[i] ^= 1;
        }
        omc_queue_fini(&queue);
    }
    omc_blocks_fini(&blocks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = fixture_case(suite, "queue");

    tcase_add_loop_test(tcase, requests_are_found_by_number, 0, 2);
    tcase_add_loop_test(tcase, requests_are_settled_in_any_order, 0, 2);
    tcase_add_test(tcase, forgotten_and_popped_requests_are_not_open);
    tcase_add_loop_test(tcase, half_a_request_stays_until_it_is_whole, 0, 2);
    tcase_add_loop_test(tcase, half_a_request_stays_while_the_queue_grows, 0, 2);
    tcase_add_loop_test(tcase, a_refused_request_stays_until_it_is_passed, 0, 2);
    tcase_add_loop_test(tcase, who_asked_may_go, 0, 2);
    tcase_add_test(tcase, forgotten_requests_have_nobody_who_asks);
    tcase_add_loop_test(tcase, a_key_is_known_from_others_when_nobody_has_it, 0, 2 * WAYS);
    tcase_add_test(tcase, the_queue_s_memory_goes_with_its_burst);
    tcase_add_test(tcase, bursts_share_their_memory);
    tcase_add_loop_test(tcase, those_outstanding_are_counted, 0, 20);
    return fixture_run(suite);
}
