/*
 * The queue of unanswered requests, and the receive buffer with its pins.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/inbox.h"
#include "core/queue.h"
#include "support/fixture.h"

static void push(struct omc_queue *queue, uint32_t tag)
{
    struct omc_pending pending = {.tag = tag};

    ck_assert(omc_queue_reserve(queue));
    omc_queue_push(queue, &pending);
}

/* Once far from the end of the numbers, once across it. */
static const uint32_t firsts[] = {0, UINT32_MAX - 20};

START_TEST(requests_are_found_by_number)
{
    uint32_t first = firsts[_i];
    struct omc_queue queue;

    omc_queue_init(&queue, first);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(omc_queue_next(&queue), first + i);
        push(&queue, i);
    }
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_uint_eq(omc_queue_find(&queue, first + i)->tag, i);
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

    omc_queue_init(&queue, first);
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

    omc_queue_init(&queue, 5);
    ck_assert_ptr_null(omc_queue_last(&queue));
    for (uint32_t i = 0; i < 4; i++)
        push(&queue, i);
    ck_assert_uint_eq(omc_queue_last(&queue)->tag, 3);
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

START_TEST(the_queue_s_memory_goes_with_its_burst)
{
    struct omc_queue queue;

    omc_queue_init(&queue, 0);
    for (uint32_t i = 0; i < 100000; i++)
        push(&queue, i);
    for (uint32_t i = 0; i < 100000; i++)
        omc_queue_settle(&queue, omc_queue_find(&queue, i));
    ck_assert_uint_le(queue.capacity, 1024);
    push(&queue, 1);
    ck_assert_uint_eq(omc_queue_find(&queue, 100000)->tag, 1);
    omc_queue_fini(&queue);
}
END_TEST

static void receive(struct omc_inbox *inbox, const char *text)
{
    size_t len = strlen(text);

    ck_assert_uint_ge(omc_buffer_room(&inbox->buffer), len);
    memcpy(omc_buffer_tail(&inbox->buffer), text, len);
    omc_buffer_commit(&inbox->buffer, len);
}

enum {
    LIMIT = 1 << 20,
};

START_TEST(unpinned_space_is_used_again)
{
    struct omc_inbox inbox;

    omc_inbox_init(&inbox);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(omc_inbox_make_room(&inbox, 0, LIMIT), OMC_INBOX_ROOM);
        receive(&inbox, "0123456789");
        omc_buffer_consume(&inbox.buffer, i % 2 == 0 ? 4 : 16);
    }
    ck_assert_uint_eq(inbox.buffer.capacity, OMC_INBOX_SIZE);
    ck_assert_uint_eq(inbox.level, 0);
    omc_inbox_fini(&inbox);
}
END_TEST

START_TEST(a_message_gets_the_room_it_needs)
{
    struct omc_inbox inbox;

    omc_inbox_init(&inbox);
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 0, 0), OMC_INBOX_ROOM);
    receive(&inbox, "head");
    /* One message may exceed the limit, which is for what is handed out. */
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 100000, 0), OMC_INBOX_ROOM);
    ck_assert_uint_ge(omc_buffer_room(&inbox.buffer), 100000 - 4);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "head", 4);
    omc_buffer_consume(&inbox.buffer, 4);
    omc_inbox_unpin(&inbox, 1);
    ck_assert_uint_eq(inbox.buffer.capacity, 0); /* too large to keep for nothing */
    omc_inbox_fini(&inbox);
}
END_TEST

START_TEST(what_is_pinned_neither_moves_nor_changes)
{
    const unsigned char *handed_out[100];
    struct omc_inbox inbox;
    size_t count = 0;

    omc_inbox_init(&inbox);
    for (;;) {
        enum omc_inbox_room room = omc_inbox_make_room(&inbox, 20000, LIMIT);

        if (room == OMC_INBOX_STALLED)
            break;
        ck_assert_int_eq(room, OMC_INBOX_ROOM);
        receive(&inbox, "a value and a piece");
        handed_out[count++] = omc_buffer_data(&inbox.buffer);
        omc_buffer_consume(&inbox.buffer, 7);
        omc_inbox_pin(&inbox, 1);
        /* Pretend that the rest of the message came, too. */
        memset(omc_buffer_tail(&inbox.buffer), 'x', 15000);
        omc_buffer_commit(&inbox.buffer, 15000);
        omc_buffer_consume(&inbox.buffer, omc_buffer_size(&inbox.buffer));
        ck_assert_uint_lt(count, 100);
    }
    ck_assert_msg(count > 20, "only %zu values fit into a MiB", count);
    for (size_t i = 0; i < count; i++)
        ck_assert_mem_eq(handed_out[i], "a value", 7);
    omc_inbox_discard(&inbox);
    for (size_t i = 0; i < count; i++)
        ck_assert_mem_eq(handed_out[i], "a value", 7);
    omc_inbox_unpin(&inbox, 1);
    ck_assert_uint_eq(inbox.level, 0);
    ck_assert_uint_eq(inbox.block_count, 0);
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 20000, LIMIT), OMC_INBOX_ROOM);
    omc_inbox_fini(&inbox);
}
END_TEST

/* As when callbacks make calls, whose callbacks make calls. */
START_TEST(levels_are_taken_back_from_the_deepest)
{
    const unsigned char *handed_out[100];
    struct omc_inbox inbox;
    char text[8];

    omc_inbox_init(&inbox);
    for (unsigned level = 1; level <= 100; level++) {
        size_t room = LIMIT + omc_inbox_size_below(&inbox, level);

        ck_assert_int_eq(omc_inbox_make_room(&inbox, 10000, room), OMC_INBOX_ROOM);
        snprintf(text, sizeof(text), "%u", level);
        receive(&inbox, text);
        handed_out[level - 1] = omc_buffer_data(&inbox.buffer);
        omc_buffer_consume(&inbox.buffer, strlen(text));
        omc_inbox_pin(&inbox, level);
    }
    ck_assert_uint_lt(omc_inbox_size_below(&inbox, 101), 101 * (size_t)OMC_INBOX_SIZE);
    for (unsigned level = 100; level > 0; level--) {
        snprintf(text, sizeof(text), "%u", level);
        ck_assert_mem_eq(handed_out[level - 1], text, strlen(text));
        ck_assert(omc_inbox_unpin(&inbox, level) == (level == 1));
    }
    omc_inbox_fini(&inbox);
}
END_TEST

START_TEST(a_new_block_takes_the_unfinished_message_along)
{
    struct omc_inbox inbox;
    const unsigned char *value;

    omc_inbox_init(&inbox);
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 0, LIMIT), OMC_INBOX_ROOM);
    receive(&inbox, "valuebegin");
    value = omc_buffer_data(&inbox.buffer);
    omc_buffer_consume(&inbox.buffer, 5);
    omc_inbox_pin(&inbox, 1);
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 50000, 40000), OMC_INBOX_STALLED);
    ck_assert_int_eq(omc_inbox_make_room(&inbox, 50000, LIMIT), OMC_INBOX_ROOM);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "begin", 5);
    ck_assert_uint_ge(omc_buffer_room(&inbox.buffer), 50000 - 5);
    ck_assert_mem_eq(value, "value", 5);
    omc_inbox_fini(&inbox);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = fixture_case(suite, "queue");

    tcase_add_loop_test(tcase, requests_are_found_by_number, 0, 2);
    tcase_add_loop_test(tcase, requests_are_settled_in_any_order, 0, 2);
    tcase_add_test(tcase, forgotten_and_popped_requests_are_not_open);
    tcase_add_test(tcase, the_queue_s_memory_goes_with_its_burst);
    tcase_add_test(tcase, unpinned_space_is_used_again);
    tcase_add_test(tcase, a_message_gets_the_room_it_needs);
    tcase_add_test(tcase, what_is_pinned_neither_moves_nor_changes);
    tcase_add_test(tcase, levels_are_taken_back_from_the_deepest);
    tcase_add_test(tcase, a_new_block_takes_the_unfinished_message_along);
    return fixture_run(suite);
}
