/*
 * Looking up names with each allocation failing, the library's own and those that c-ares
 * makes for it; and with system calls failing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ares.h>
#include <check.h>
#include <stdio.h>

#include "support/dnsmasq.h"
#include "support/failing_calls.h"
#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/flows.h"
#include "support/told.h"
#include "support/watcher.h"

static struct dnsmasq dns;
static struct watcher loop;
static char servers[64];

/* What c-ares may come to: without memory it says that it found nothing. */
static void judge(int rc)
{
    ck_assert_msg(rc == OMCACHE_OK || rc == OMCACHE_NOT_FOUND || rc == OMCACHE_NO_MEMORY ||
                      rc == OMCACHE_NO_DESCRIPTORS || rc == OMCACHE_NO_SERVERS ||
                      rc == OMCACHE_SERVER_FAILURE,
                  "%s without memory", rc_name(rc));
}

static void use_names(omcache_t *mc)
{
    struct told told = {.calls = 0};
    size_t due = 0;

    told_clear();
    watcher_init(&loop, mc);
    judge(omcache_set_dns_servers(mc, dns.address));
    judge(omcache_set_servers(mc, servers));
    judge(omcache_noop(mc, 0, 5000));
    judge(omcache_get(mc, TEXT("key"), NULL, NULL, NULL, NULL, 5000));
    judge(omcache_set_dns_servers(mc, dns.address));
    for (int i = 0; i < 4; i++) {
        char key[16];
        int rc;

        snprintf(key, sizeof(key), "key-%d", i);
        rc = omcache_async_get(mc, TEXT(key), 5000, told_reply, &told);
        judge(rc);
        due += rc == OMCACHE_OK;
    }
    watcher_run(&loop, &told_count, due);
    if (due > 0)
        judge(told.status);
    /* It ends with lookups under way. */
    judge(omcache_set_dns_servers(mc, dns.address));
    judge(omcache_set_servers(mc, "three.test,localhost:1,no.such.name.test"));
    omcache_noop(mc, 0, 0);
    omcache_noop(mc, 1, 0);
    omcache_noop(mc, 2, 0);
}

/* A client's life, after which nothing may be left. */
static void live(size_t from)
{
    size_t fds = flow_open_fds();
    int64_t begun = clock_ms();
    omcache_t *mc = omcache_init();

    if (mc != NULL) {
        assert_rc(omcache_set_reconnect_timeout(mc, 10), OMCACHE_OK);
        /* There is a lookup that c-ares never ends if it never gets memory. */
        assert_rc(omcache_set_connect_timeout(mc, 300), OMCACHE_OK);
        use_names(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
        ck_assert_uint_eq(loop.count, 0);
    }
    ck_assert_msg(memory_alive == 0, "%zu blocks left with number %zu failing", memory_alive, from);
    ck_assert_msg(flow_open_fds() == fds, "descriptors leak with number %zu failing", from);
    ck_assert_msg(clock_ms() - begun < clock_allow(4000), "%zu takes %lld ms", from,
                  (long long)(clock_ms() - begun));
}

static bool run_with_failures(size_t from, size_t count)
{
    memory_fail(from, count);
    live(from);
    return memory_stop_failing();
}

static void *ares_new(size_t size)
{
    return memory_is_failing() ? NULL : memory_note(malloc(size));
}

static void *ares_resize(void *old, size_t size)
{
    if (memory_is_failing())
        return NULL;
    return old == NULL ? memory_note(malloc(size)) : realloc(old, size);
}

static void begin(void)
{
    char hosts[128];

    fleet_start(&fleet, 2);
    snprintf(hosts, sizeof(hosts), "%s one.test\n%s two.test", fleet.servers[0].host,
             fleet.servers[1].host);
    snprintf(servers, sizeof(servers), "one.test:%d,two.test:%d", fleet.servers[0].port,
             fleet.servers[1].port);
    dnsmasq_configure_lookups();
    dnsmasq_start(&dns, hosts, NULL);
}

START_TEST(no_lookup_may_fail_badly)
{
    static const size_t counts[] = {1, SIZE_MAX / 2};
    size_t failed = 0;

    if (_i & 1)
        ck_assert_int_eq(
            ares_library_init_mem(ARES_LIB_INIT_ALL, ares_new, omc_memory_free, ares_resize), 0);
    begin();
    for (size_t from = 1; run_with_failures(from, counts[_i / 2]); from += 1 + from / 50)
        failed++;
    ck_assert_uint_gt(failed, 20);
    if (_i & 1)
        ares_library_cleanup();
}
END_TEST

static const struct {
    enum failing_call call;
    int error;
} failures[] = {
    {CALL_SOCKET, EMFILE},         {CALL_SOCKET, ENOBUFS},
    {CALL_SOCKET, EACCES},         {CALL_CONNECT, ENETUNREACH},
    {CALL_CONNECT, EACCES},        {CALL_CONNECT, EADDRNOTAVAIL},
    {CALL_SENDMSG, EPERM},         {CALL_SENDMSG, ENOBUFS},
    {CALL_SENDMSG, ECONNREFUSED},  {CALL_SENDMSG, EAGAIN},
    {CALL_RECVFROM, ECONNREFUSED}, {CALL_RECVFROM, ENOMEM},
    {CALL_RECVFROM, EHOSTUNREACH}, {CALL_RECVFROM, EAGAIN},
    {CALL_RECVFROM, EINTR},        {CALL_POLL, EINTR},
    {CALL_POLL, ENOMEM},
};

enum {
    FAILURES = sizeof(failures) / sizeof(failures[0]),
};

START_TEST(no_system_call_may_fail_badly)
{
    size_t from = 1;
    bool failed;

    begin();
    do {
        fail_calls(failures[_i].call, from, 1, failures[_i].error);
        live(from);
        failed = stop_failing_calls();
        ck_assert(failed || from > 1);
        from += 1 + from / 4;
    } while (failed);
    if (failures[_i].call != CALL_POLL) { /* the test has to poll, too */
        fail_calls(failures[_i].call, 1, SIZE_MAX / 2, failures[_i].error);
        live(1);
        stop_failing_calls();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names_errors");
    TCase *tcase = fixture_case(suite, "names_errors");

    tcase_add_loop_test(tcase, no_lookup_may_fail_badly, 0, 4);
    tcase_add_loop_test(tcase, no_system_call_may_fail_badly, 0, FAILURES);
    return fixture_run(suite);
}
