/*
 * What a connected server costs in memory when it has nothing to do, whatever it has
 * done before: 1,000 of them, each a connection of its own to one memcached.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/wire.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SERVERS 1000
#define BURST 50                   /* requests to each at once */
#define LARGE ((size_t)200 * 1024) /* and a value of this size */
#define HIGHEST ((size_t)4096)     /* that each may cost */

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* As many as there may be descriptors for. */
static size_t server_count(void)
{
    struct rlimit files;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_max < SERVERS + 100 ? files.rlim_max - 100 : SERVERS;
}

static void list_servers(size_t count)
{
    size_t len = strlen(fleet.list);
    char *list = calloc(count, len + 2);
    for (size_t i = 0; i < count; i++) {
        memcpy(list + i * (len + 1), fleet.list, len);
        list[i * (len + 1) + len] = i + 1 < count ? ',' : '\0';
    }
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    free(list);
}

/* The same for each server, together; the answers must be as expected. */
static void ask_all(uint8_t opcode, const char *key, const char *data, size_t each, size_t servers)
{
    size_t all = each * servers;
    omcache_req_t *reqs = calloc(all, sizeof(*reqs));
    omcache_value_t *values = calloc(all, sizeof(*values));
    size_t count = all;
    size_t room = all;
    size_t found = 0;
    for (size_t i = 0; i < all; i++) {
        if (data) {
            wire_set(&reqs[i], (int)(i / each), opcode, key, data);
        } else {
            wire_request(&reqs[i], (int)(i / each), opcode, key);
        }
    }
    int rc = omcache_command(client, reqs, &count, values, &room, -1);
    for (;; rc = omcache_io(client, reqs, &count, values, &room, -1)) {
        assert_rc(rc, count ? OMCACHE_AGAIN : OMCACHE_OK);
        for (size_t i = 0; i < room; i++, found++) {
            assert_rc(values[i].status, OMCACHE_OK);
        }
        if (count == 0) {
            break;
        }
        room = all;
    }
    ck_assert_uint_eq(found, all);
    free(reqs);
    free(values);
}

static size_t told;

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    told++;
}

static void finish_operations(size_t count)
{
    while (told < count) {
        omcache_io(client, NULL, NULL, NULL, NULL, 100);
    }
}

/* Waiting, not waiting, with little and with much. */
static void keep_busy(size_t servers)
{
    static unsigned char large[LARGE];
    char value[1000] = "";
    assert_rc(omcache_set(client, TEXT("large"), large, LARGE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, -1), OMCACHE_OK);
    ask_all(WIRE_GETK, "key", NULL, BURST, servers);
    ask_all(WIRE_GETK, "large", NULL, 1, servers);
    memset(value, 'v', sizeof(value) - 1);
    ask_all(WIRE_SET, "key", value, BURST, servers);
    told = 0;
    for (size_t i = 0; i < BURST * servers; i++) {
        assert_rc(omcache_async_noop(client, (int)(i % servers), -1, on_reply, NULL), OMCACHE_OK);
    }
    finish_operations(BURST * servers);
    ask_all(WIRE_GETK, "key", NULL, 2, 1); /* what was needed for many requests is given back */
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK); /* values are released */
}

START_TEST(an_idle_server_costs_little)
{
    NOT_OVER_TLS;
    size_t servers = server_count();
    ck_assert_uint_gt(servers, 0);
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    size_t before = allocated();
    list_servers(servers);
    for (size_t i = 0; i < servers; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
    size_t connected = allocated() - before;
    keep_busy(servers);
    size_t served = allocated() - before;
    if (before == 0) {
        return; /* another allocator, which does not tell */
    }
    printf("%zu bytes for each of %zu connected servers, %zu after bursts\n", connected / servers,
           servers, served / servers);
    ck_assert_uint_gt(connected, 500 * servers);
    ck_assert_msg(served <= HIGHEST * servers, "%zu bytes", served / servers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cost_idle_servers");
    TCase *tcase = fixture_case(suite, "footprint");
    tcase_add_test(tcase, an_idle_server_costs_little);
    return fixture_run(suite);
}
