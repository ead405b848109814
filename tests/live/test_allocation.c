/*
 * That logging allocates nothing: this program counts the allocations of everything
 * in it, and the library makes as many of them with a log callback as without.
 * Facts: tests/facts/servers.txt, 9.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <stdbool.h>
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

int main(void)
{
    Suite *suite = suite_create("allocation");
    TCase *tcase = fixture_case(suite, "allocation");
    tcase_add_test(tcase, logging_allocates_nothing);
    return fixture_run(suite);
}
