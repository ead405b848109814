/*
 * That logging allocates nothing, and that neither does what applications do all the
 * time: this program counts the allocations of everything in it.
 * Facts: tests/facts/servers.txt, 9.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define VISIBLE __attribute__((visibility("default")))

static size_t allocations;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_ASAN)

/* The sanitizer has an allocator of its own, and calls this. */
void __sanitizer_malloc_hook(const volatile void *memory, size_t size);

VISIBLE void __sanitizer_malloc_hook(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
    allocations++;
}

#else

/* The C library's own ones, by the names that they have for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

VISIBLE void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

VISIBLE void *calloc(size_t nmemb, size_t size)
{
    allocations++;
    return __libc_calloc(nmemb, size);
}

VISIBLE void *realloc(void *ptr, size_t size)
{
    allocations++;
    return __libc_realloc(ptr, size);
}

#endif

/* How many allocations a client makes that finds its server down, closes a
 * connection, connects and drops a server with requests. */
static size_t allocations_of_a_day(omcache_log_callback_func *func)
{
    size_t before = allocations;
    omcache_t *mc = omcache_init();
    ck_assert_ptr_nonnull(mc);
    assert_rc(omcache_set_log_callback(mc, 7, func, NULL), OMCACHE_OK);
    assert_rc(omcache_set_servers(mc, nobody()), OMCACHE_OK);
    assert_rc(omcache_noop(mc, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
    assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_buffering(mc, 1), OMCACHE_OK);
    assert_rc(omcache_noop(mc, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(mc, "/no/such/socket"), OMCACHE_OK);
    assert_rc(omcache_noop(mc, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    return allocations - before;
}

START_TEST(logging_allocates_nothing)
{
    NOT_OVER_TLS;
    fixture_servers(1);
    allocations_of_a_day(recorder_log); /* what is made once is made */
    recorder_clear();
    size_t silent = allocations_of_a_day(NULL);
    ck_assert_uint_eq(recorder.line_count, 0);
    size_t logged = allocations_of_a_day(recorder_log);
    ck_assert_uint_ge(recorder.line_count, 4);
    /* Valgrind puts its allocator in front of ours; then this shows nothing. */
    bool counted = clock_allow(1) == 1;
    ck_assert_msg(silent >= 5 || !counted, "%zu allocations: they are not counted", silent);
    ck_assert_msg(logged == silent, "%zu allocations with %zu lines of log, %zu without", logged,
                  recorder.line_count, silent);
}
END_TEST

/*
 * What is done over and over.
 */

#define KEYS 100
#define OUTSTANDING 256
#define LARGE ((size_t)64 * 1024)

static char names[KEYS][32];
static const unsigned char *keys[KEYS];
static size_t lens[KEYS];
static unsigned char large[LARGE];

/* None of these asserts anything, as that allocates. */

static bool wait_for_one(void)
{
    return omcache_set(client, keys[1], lens[1], TEXT("value"), 0, 0, 0, -1) == OMCACHE_OK &&
           omcache_get(client, keys[1], lens[1], NULL, NULL, NULL, NULL, -1) == OMCACHE_OK;
}

static bool wait_for_much(void)
{
    size_t len = 0;
    return omcache_set(client, TEXT("large"), large, LARGE, 0, 0, 0, -1) == OMCACHE_OK &&
           omcache_get(client, TEXT("large"), NULL, &len, NULL, NULL, -1) == OMCACHE_OK &&
           len == LARGE;
}

static bool wait_for_many(void)
{
    static omcache_req_t reqs[KEYS];
    static omcache_value_t values[KEYS];
    size_t count = KEYS;
    size_t room = KEYS;
    return omcache_get_multi(client, keys, lens, KEYS, reqs, &count, values, &room, -1) ==
               OMCACHE_OK &&
           room == KEYS;
}

static bool set_many(void)
{
    bool done = omcache_set_buffering(client, 1) == OMCACHE_OK;
    for (size_t i = 0; i < KEYS && done; i++) {
        done = omcache_set(client, keys[i], lens[i], TEXT("value"), 0, 0, 0, 0) == OMCACHE_BUFFERED;
    }
    return done && omcache_set_buffering(client, 0) == OMCACHE_OK &&
           omcache_io(client, NULL, NULL, NULL, NULL, -1) == OMCACHE_OK;
}

static size_t told;

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    told += omcache_reply_status(reply) == OMCACHE_OK;
}

static bool run_operations(void)
{
    bool done = true;
    told = 0;
    for (size_t i = 0; i < OUTSTANDING && done; i++) {
        done = omcache_async_get(client, keys[i % KEYS], lens[i % KEYS], 60000, on_reply, NULL) ==
               OMCACHE_OK;
    }
    return done && omcache_io(client, NULL, NULL, NULL, NULL, -1) == OMCACHE_OK &&
           told == OUTSTANDING;
}

static bool (*const habits[])(void) = {wait_for_one, wait_for_much, wait_for_many, set_many,
                                       run_operations};
#define HABITS ((int)(sizeof(habits) / sizeof(habits[0])))

/* One server with so many connections; labels put them on the ring. */
static void connect_often(size_t connections)
{
    char list[8192] = "";
    for (size_t i = 0; i < connections; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof(list) - len, "%sserver-%zu=%s", i > 0 ? "," : "", i,
                 fleet.list);
    }
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
}

START_TEST(habits_allocate_nothing)
{
    NOT_OVER_TLS;
    static const size_t connections[] = {1, 10, 100};
    fixture_servers(1);
    connect_often(connections[_i]);
    for (size_t i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "a-key-of-some-length-%zu", i);
        keys[i] = (const unsigned char *)names[i];
        store(names[i], "value");
    }
    for (int i = 0; i < HABITS; i++) {
        size_t least = SIZE_MAX;
        for (int round = 0; round < 10; round++) {
            size_t before = allocations;
            bool done = habits[i]();
            size_t count = allocations - before;
            ck_assert_msg(done, "habit %d went wrong", i);
            /* Once in a while answers come in more pieces at a time than ever before. */
            least = count < least ? count : least;
        }
        ck_assert_msg(least == 0, "%zu allocations by habit %d", least, i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cost_allocations");
    TCase *tcase = fixture_case(suite, "allocation");
    tcase_add_test(tcase, logging_allocates_nothing);
    tcase_add_loop_test(tcase, habits_allocate_nothing, 0, 3);
    return fixture_run(suite);
}
