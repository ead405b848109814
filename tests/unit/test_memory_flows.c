/*
 * Every way to use a client, with each allocation failing that it makes, over each
 * protocol; see support/flows.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <time.h>

#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/flows.h"

enum {
    SERVERS = 2,
    PROTOCOLS = 4,
};

/* Seconds of processor time: what waits takes none. */
static double used(clock_t since)
{
    return (double)(clock() - since) / CLOCKS_PER_SEC;
}

/* Whether allocations were made to fail. */
static bool run_with_failures(const struct flow *flow, int protocol, size_t from, size_t count)
{
    size_t fds = flow_open_fds();
    int64_t begun = clock_ms();
    clock_t since = clock();
    bool failed;

    memory_fail(from, count);
    flow_run(flow, protocol, fleet.list);
    failed = memory_stop_failing();
    ck_assert_msg(memory_alive == 0, "%s, protocol %d: %zu blocks left with allocation %zu failing",
                  flow->name, protocol, memory_alive, from);
    ck_assert_msg(flow_open_fds() == fds, "%s, protocol %d: descriptors leak at %zu", flow->name,
                  protocol, from);
    ck_assert_msg(clock_ms() - begun < clock_allow(3000), "%s, protocol %d: %zu takes %lld ms",
                  flow->name, protocol, from, (long long)(clock_ms() - begun));
    ck_assert_msg(used(since) < (double)clock_allow(1), "%s, protocol %d: %zu spins", flow->name,
                  protocol, from);
    return failed;
}

/* Runs a flow with `count` allocations failing from the first on, from the second on, and
 * so forth; with `less`, not from each.  How many runs there were. */
static size_t run_to_the_end(const struct flow *flow, int protocol, size_t count, size_t less)
{
    size_t runs = 0;

    if (clock_allow(1) > 1) /* valgrind */
        less = 5;
    for (size_t from = 1; run_with_failures(flow, protocol, from, count);
         from += 1 + (less > 0 ? from / less : 0))
        runs++;
    return runs;
}

START_TEST(no_flow_may_fail_badly)
{
    const struct flow *flow = &flows[_i / PROTOCOLS];
    int protocol = _i % PROTOCOLS;
    size_t runs;

    fleet_start(&fleet, SERVERS);
    flow_may_lack_memory = false;
    run_with_failures(flow, protocol, SIZE_MAX / 2, 1);
    flow_may_lack_memory = true;
    runs = run_to_the_end(flow, protocol, 1, 0);
    ck_assert_msg(runs >= (clock_allow(1) > 1 ? 5 : 20), "only %zu allocations have failed", runs);
    run_to_the_end(flow, protocol, 3, 10);
    run_to_the_end(flow, protocol, SIZE_MAX / 2, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory_flows");
    TCase *tcase = fixture_case(suite, "memory_flows");

    tcase_add_loop_test(tcase, no_flow_may_fail_badly, 0, FLOWS * PROTOCOLS);
    return fixture_run(suite);
}
