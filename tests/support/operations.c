/*
 * What tests of operations stand on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <stdio.h>

struct watcher loop;
struct told told[OPERATIONS_MAX];
size_t rounds;
unsigned char bulk[BULK];

void forget_told(void)
{
    memset(told, 0, sizeof(told));
    told_clear();
}

static void begin(void)
{
    forget_told();
    rounds = 0;
    memset(bulk, 'L', sizeof(bulk));
}

TCase *operations_case(Suite *suite, const char *name)
{
    TCase *tcase = fixture_case(suite, name);
    tcase_add_checked_fixture(tcase, begin, NULL);
    return tcase;
}

void watched_servers(size_t count)
{
    fixture_servers(count);
    watcher_init(&loop, client);
}

void connected_servers(size_t count)
{
    watched_servers(count);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
}

void store_bulk(const char *key, size_t len)
{
    assert_rc(omcache_set(client, TEXT(key), bulk, len, 0, 0, 0, -1), OMCACHE_OK);
}

void async_get(const char *key, omcache_reply_callback_func *func, void *context)
{
    assert_rc(omcache_async_get(client, TEXT(key), -1, func, context), OMCACHE_OK);
}

void take_request(struct puppet *puppet, struct wire_request *request)
{
    while (!puppet_next(puppet, request, 0)) {
        watcher_turn(&loop, 1);
    }
}

void connected_puppets(struct puppet *puppets, size_t count)
{
    char list[100] = "";
    int len = 0;
    struct wire_request request;
    for (size_t i = 0; i < count; i++) {
        puppet_open(&puppets[i], (int)i);
        len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%s", i == 0 ? "" : ",",
                        puppets[i].address);
    }
    client = fixture_client(list);
    watcher_init(&loop, client);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_async_noop(client, (int)i, -1, NULL, NULL), OMCACHE_OK);
        puppet_greet(&puppets[i], &loop);
        take_request(&puppets[i], &request);
        puppet_answer(&puppets[i], &request, 0, NULL, 0);
    }
    while (omcache_next_timeout(client) >= 0) {
        watcher_turn(&loop, 1);
    }
}
