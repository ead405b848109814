/*
 * No wrong data, nothing lost: operations at random over each protocol and through both
 * interfaces, while everything around them goes wrong at random.
 *
 * One world follows the other: a protocol, an interface, faulty peers or real servers
 * that are paused, killed and restarted, in some of these with children that use what they
 * have inherited.  In each, limits, timeouts, server lists and the client itself change all
 * the time, and requests are given up.
 *
 *   SOAK_SECONDS=1800   how long it runs, about; 30 without it
 *   SEED=n              the random numbers of a run before, which it has printed
 *   WORLD=n             only this world of it
 *   PROTOCOL=tls        all of it over TLS
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dice.h"
#include "support/fixture.h"
#include "support/ledger.h"
#include "support/load.h"
#include "support/storm.h"

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KINDS_OF_WORLDS 16
#define WORLD_MS_MAX 2000
#define LATE_MS 1500 /* over a deadline at most; the machine may be busy */

/* What a process that leaks has more and more of. */
struct footprint {
    size_t fds;
    size_t heap; /* bytes that are in use */
    size_t rss;
};

#if defined(__SANITIZE_ADDRESS__)
static const bool heap_is_ours = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
static const bool heap_is_ours = false;
#else
static const bool heap_is_ours = true;
#endif
#else
static const bool heap_is_ours = true;
#endif

static bool is_under_valgrind(void)
{
    return clock_allow(1) > 1;
}

static int64_t duration_ms(void)
{
    const char *seconds = getenv("SOAK_SECONDS");
    if (seconds && *seconds) {
        return strtol(seconds, NULL, 10) * 1000;
    }
    return heap_is_ours && !is_under_valgrind() ? 30000 : 16000;
}

static struct footprint measure(void)
{
    struct footprint footprint = {0};
    long pages = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir)) {
        footprint.fds++;
    }
    if (dir) {
        closedir(dir);
    }
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) == 1) {
        footprint.rss = (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
    }
    if (file) {
        fclose(file);
    }
    footprint.heap = heap_is_ours ? mallinfo2().uordblks : 0;
    return footprint;
}

static struct storm storm_of(unsigned number, uint64_t seed)
{
    return (struct storm){
        .number = number,
        .protocol = (int)(number % 4),
        .watched = number / 4 % 2,
        .real = number / 8 % 2,
        .stable = (number + number / KINDS_OF_WORLDS) % 2,
        .seed = seed,
    };
}

static void run_world(const struct storm *storm, int64_t length_ms)
{
    int64_t begun = clock_ms();
    storm_begin(storm);
    load_async_begin();
    while (clock_ms() - begun < length_ms) {
        storm_blow();
        if (storm->watched) {
            load_async_turn();
        } else {
            load_classic_turn();
        }
        if (storm->real && !storm->watched) {
            load_fork();
        }
    }
    storm_calm();
    load_fork_finish();
    if (storm->watched) {
        load_async_finish();
    }
    storm_rest();
    load_verify();
    storm_end();
}

static void report(void)
{
    printf("%zu operations were accepted, %zu refused: %zu succeeded, %zu missed, %zu failed, %zu "
           "were out of time, %zu cancelled; %zu values were checked\n",
           ledger.operations, ledger.refused, ledger.succeeded, ledger.missed, ledger.failed,
           ledger.expired, ledger.cancelled, ledger.values);
    printf("faults of peers:");
    for (int fault = 1; fault < FAULTS; fault++) {
        printf(" %s %zu%s", fault_name((enum fault)fault), storm_faults[fault],
               fault + 1 < FAULTS ? "," : "\n");
    }
    printf("answers of other requests %zu, torn %zu, out of date %zu, lost writes %zu, without "
           "outcome %zu, with two %zu, with an impossible one %zu\n",
           ledger.foreign, ledger.torn, ledger.stale, ledger.lost, ledger.unended, ledger.doubled,
           ledger.odd);
    printf("%zu children\n", load_forks);
    printf("over a deadline by %" PRId64 " ms at most; without one %" PRId64 " ms at most\n",
           ledger.latest, ledger.longest);
}

static void print_footprint(unsigned worlds, const struct footprint *footprint)
{
    printf("after %u worlds: %zu descriptors, %zu bytes of heap, %zu kB of memory\n", worlds,
           footprint->fds, footprint->heap, footprint->rss / 1024);
    fflush(stdout); /* a test that fails loses it */
}

/* In the second half, when each kind of world has been there, nothing is to grow. */
static void assert_flat(const struct footprint *before, const struct footprint *after)
{
    ck_assert_uint_eq(after->fds, before->fds);
    if (heap_is_ours && !is_under_valgrind()) {
        ck_assert_uint_le(after->heap, before->heap + 50000);
        ck_assert_uint_le(after->rss, before->rss + 8000000);
    }
}

START_TEST(nothing_is_wrong_and_nothing_is_lost)
{
    const char *only = getenv("WORLD");
    int64_t begun = clock_ms(), length = duration_ms();
    int64_t world_ms = length / KINDS_OF_WORLDS / 2;
    uint64_t seed = dice_seed();
    struct footprint before = {0}, after = {0};
    unsigned number = only ? (unsigned)strtoul(only, NULL, 10) : 0;
    world_ms = world_ms < WORLD_MS_MAX ? world_ms : WORLD_MS_MAX;
    fleet_start(&fleet, STORM_SERVERS);
    do {
        struct storm storm = storm_of(number++, seed);
        run_world(&storm, world_ms);
        after = measure();
        if (number <= KINDS_OF_WORLDS || clock_ms() - begun <= length / 2 || only) {
            before = after;
        }
        if (number % KINDS_OF_WORLDS == 0) {
            print_footprint(number, &after);
        }
    } while (clock_ms() - begun < length && !only);
    printf("%u worlds, SEED=%" PRIu64 "\n", number, seed);
    report();
    print_footprint(number, &after);
    assert_flat(&before, &after);
    ck_assert_uint_eq(ledger.wrong, 0);
    ck_assert_int_le(ledger.latest, clock_allow(LATE_MS));
    ck_assert_int_le(ledger.longest, clock_allow(LOAD_LONGEST_MS));
    ck_assert_uint_gt(ledger.succeeded, ledger.operations / 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checker");
    TCase *tcase = fixture_case(suite, "checker");

    tcase_add_test(tcase, nothing_is_wrong_and_nothing_is_lost);
    tcase_set_timeout(tcase, (double)duration_ms() / 1000 * 2 + 60);
    return fixture_run(suite);
}
