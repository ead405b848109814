/*
 * Batches: their orders, and those who ask.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>

#include "client/batch.h"
#include "link/link.h"
#include "support/failing_memory.h"
#include "support/fixture.h"

enum {
    FIRST = 7,   /* number of the first request on the link, */
    MANY = 5000, /* and how many make a batch get other memory */
};

static struct omc_shared shared;
static struct omc_link server_link;
static struct omc_batch batch;

static void begin(void)
{
    omc_pool_init(&shared.pool);
    omc_link_init(&server_link, &shared, FIRST);
    omc_batch_init(&batch, 1);
}

static void end(void)
{
    omc_batch_fini(&batch);
    omc_link_fini(&server_link);
    omc_pool_fini(&shared.pool);
}

/* Orders and queues a get of that key, as the next one of the batch. */
static struct omc_asker *order(const char *key)
{
    uint32_t place = (uint32_t)batch.count;
    struct omc_order *next = &batch.orders[place];
    const struct omc_claim claim = {.asker = &next->asker};

    next->ask = (struct omc_ask){
        .op = OMC_OP_GETK,
        .key = (const unsigned char *)key,
        .key_len = (uint8_t)strlen(key),
    };
    omc_batch_order(next, &next->ask, -1, true);
    assert_rc(omc_link_submit(&server_link, &next->ask, &claim, SIZE_MAX), OMCACHE_OK);
    omc_batch_add(&batch, place);
    return &next->asker;
}

static const struct omc_asker *asker_of(uint32_t number)
{
    return omc_queue_find(&server_link.conn.queue, number)->claim.asker;
}

START_TEST(who_asks_knows_where)
{
    struct omc_asker *first, *second;

    begin();
    ck_assert(omc_batch_begin(&batch, 2));
    first = order("first");
    second = order("second");
    ck_assert_ptr_eq(first->link, &server_link);
    ck_assert_uint_eq(first->number, FIRST);
    ck_assert_uint_eq(second->number, FIRST + 1);
    ck_assert_ptr_eq(asker_of(FIRST + 1), second);
    ck_assert_ptr_eq(omc_batch_of(&batch, second), &batch);
    ck_assert_ptr_null(omc_batch_of(&batch, NULL));
    end();
}
END_TEST

/* Another call may have other keys at the same places. */
START_TEST(a_key_comes_with_its_length)
{
    const char *shorter = "k";
    struct omc_asker *asker;

    begin();
    ck_assert(omc_batch_begin(&batch, 1));
    asker = order("a-long-key");
    omc_batch_set_waiting(&batch, false);
    ck_assert_ptr_null(asker->key);
    ck_assert(!asker->waits);
    batch.orders[0].ask.key = (const unsigned char *)shorter;
    batch.orders[0].ask.key_len = 1;
    omc_batch_set_waiting(&batch, true);
    ck_assert(asker->waits);
    assert_text(asker->key, asker->key_len, shorter);
    end();
}
END_TEST

START_TEST(the_next_batch_takes_nothing_over)
{
    size_t count = _i == 0 ? 1 : MANY;

    begin();
    ck_assert(omc_batch_begin(&batch, 2));
    order("first");
    omc_batch_settle(&batch, order("second"));
    ck_assert(omc_batch_begin(&batch, count));
    ck_assert_ptr_null(asker_of(FIRST));
    ck_assert_uint_eq(batch.count + batch.left, 0);
    ck_assert_uint_eq(batch.first, 3);
    end();
}
END_TEST

/* Each of the allocations that a larger one needs. */
START_TEST(a_batch_stays_if_there_is_no_memory_for_the_next)
{
    struct omc_asker *asker;

    begin();
    ck_assert(omc_batch_begin(&batch, 1));
    asker = order("key");
    memory_fail((size_t)_i + 1, 1);
    ck_assert(!omc_batch_begin(&batch, MANY));
    ck_assert(memory_stop_failing());
    ck_assert_ptr_eq(asker_of(FIRST), asker);
    ck_assert_ptr_eq(omc_batch_of(&batch, asker), &batch);
    ck_assert_uint_eq(batch.count, 1);
    ck_assert_uint_eq(batch.left, 1);
    ck_assert(omc_batch_begin(&batch, MANY));
    ck_assert_ptr_null(asker_of(FIRST));
    end();
    ck_assert_uint_eq(memory_alive, 0);
}
END_TEST

/* Less memory is only wanted: the next batch begins without. */
START_TEST(a_batch_begins_if_there_is_no_memory_to_shrink)
{
    begin();
    ck_assert(omc_batch_begin(&batch, MANY));
    order("key");
    memory_fail((size_t)_i + 1, 1);
    ck_assert(omc_batch_begin(&batch, 1));
    ck_assert(memory_stop_failing());
    ck_assert_ptr_null(asker_of(FIRST));
    order("next");
    ck_assert(omc_batch_begin(&batch, 1));
    ck_assert_uint_lt(batch.room, MANY);
    end();
    ck_assert_uint_eq(memory_alive, 0);
}
END_TEST

/* A call inside of a callback has a batch of its own. */
START_TEST(batches_are_set_aside)
{
    struct omc_asker *outer_asker, *inner_asker;
    struct omc_batch outer;

    begin();
    ck_assert(omc_batch_begin(&batch, 1));
    outer_asker = order("outer");
    omc_batch_push(&batch, &outer);
    ck_assert_ptr_eq(omc_batch_of(&batch, outer_asker), &outer);
    ck_assert(omc_batch_begin(&batch, 1));
    inner_asker = order("inner");
    ck_assert_ptr_eq(omc_batch_of(&batch, inner_asker), &batch);
    omc_batch_pop(&batch, &outer);
    ck_assert_ptr_null(asker_of(FIRST + 1));
    ck_assert_ptr_eq(asker_of(FIRST), outer_asker);
    ck_assert_ptr_eq(omc_batch_of(&batch, outer_asker), &batch);
    ck_assert_uint_eq(batch.next_tag, 3);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tcase = fixture_case(suite, "batch");

    tcase_add_test(tcase, who_asks_knows_where);
    tcase_add_test(tcase, a_key_comes_with_its_length);
    tcase_add_loop_test(tcase, the_next_batch_takes_nothing_over, 0, 2);
    tcase_add_loop_test(tcase, a_batch_stays_if_there_is_no_memory_for_the_next, 0, 3);
    tcase_add_loop_test(tcase, a_batch_begins_if_there_is_no_memory_to_shrink, 0, 3);
    tcase_add_test(tcase, batches_are_set_aside);
    return fixture_run(suite);
}
