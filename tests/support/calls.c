/*
 * Every function that waits for answers, and peers that let it wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"

#include "support/fixture.h"
#include "support/wire.h"

#include <stdatomic.h>

#define KEY TEXT("key")
#define VALUE TEXT("value")
#define LATE_MS 60

/* What a call leaves as the current batch outlives it. */
static omcache_req_t req;
static omcache_value_t values[8];

static int call_noop(int32_t timeout)
{
    return omcache_noop(client, 0, timeout);
}

static int call_stat(int32_t timeout)
{
    size_t room = 8;
    return omcache_stat(client, NULL, values, &room, 0, timeout);
}

static int call_flush_all(int32_t timeout)
{
    return omcache_flush_all(client, 0, 0, timeout);
}

static int call_set(int32_t timeout)
{
    return omcache_set(client, KEY, VALUE, 0, 0, 0, timeout);
}

static int call_add(int32_t timeout)
{
    return omcache_add(client, KEY, VALUE, 0, 0, timeout);
}

static int call_replace(int32_t timeout)
{
    return omcache_replace(client, KEY, VALUE, 0, 0, timeout);
}

static int call_append(int32_t timeout)
{
    return omcache_append(client, KEY, VALUE, 0, timeout);
}

static int call_prepend(int32_t timeout)
{
    return omcache_prepend(client, KEY, VALUE, 0, timeout);
}

static int call_increment(int32_t timeout)
{
    return omcache_increment(client, KEY, 1, 1, 0, NULL, timeout);
}

static int call_decrement(int32_t timeout)
{
    return omcache_decrement(client, KEY, 1, 1, 0, NULL, timeout);
}

static int call_delete(int32_t timeout)
{
    return omcache_delete(client, KEY, timeout);
}

static int call_touch(int32_t timeout)
{
    return omcache_touch(client, KEY, 0, timeout);
}

static int call_get(int32_t timeout)
{
    return omcache_get(client, KEY, NULL, NULL, NULL, NULL, timeout);
}

static int call_gat(int32_t timeout)
{
    return omcache_gat(client, KEY, NULL, NULL, 0, NULL, NULL, timeout);
}

static const unsigned char *keys[1] = {(const unsigned char *)"key"};
static size_t lens[1] = {3};

static int call_get_multi(int32_t timeout)
{
    size_t count = 1;
    size_t room = 8;
    return omcache_get_multi(client, keys, lens, 1, &req, &count, values, &room, timeout);
}

static int call_gat_multi(int32_t timeout)
{
    time_t expiration = 0;
    size_t count = 1;
    size_t room = 8;
    return omcache_gat_multi(client, keys, lens, &expiration, 1, &req, &count, values, &room,
                             timeout);
}

static int call_command(int32_t timeout)
{
    size_t count = 1;
    size_t room = 8;
    wire_request(&req, -1, WIRE_GETK, "key");
    return omcache_command(client, &req, &count, values, &room, timeout);
}

static int call_command_status(int32_t timeout)
{
    wire_request(&req, -1, WIRE_GETK, "key");
    return omcache_command_status(client, &req, timeout);
}

static int call_io(int32_t timeout)
{
    size_t count = 1;
    size_t room = 8;
    wire_request(&req, -1, WIRE_GETK, "key");
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    return omcache_io(client, &req, &count, values, &room, timeout);
}

static int call_io_without_requests(int32_t timeout)
{
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, 0), OMCACHE_BUFFERED);
    return omcache_io(client, NULL, NULL, NULL, NULL, timeout);
}

const struct call calls[CALLS] = {
    {"noop", call_noop, OMCACHE_BUFFERED, OMCACHE_NO_SERVERS},
    {"stat", call_stat, OMCACHE_BUFFERED, OMCACHE_OK},
    {"flush_all", call_flush_all, OMCACHE_BUFFERED, OMCACHE_NO_SERVERS},
    {"set", call_set, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"add", call_add, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"replace", call_replace, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"append", call_append, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"prepend", call_prepend, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"increment", call_increment, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"decrement", call_decrement, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"delete", call_delete, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"touch", call_touch, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"get", call_get, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"gat", call_gat, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"get_multi", call_get_multi, OMCACHE_BUFFERED, OMCACHE_OK},
    {"gat_multi", call_gat_multi, OMCACHE_BUFFERED, OMCACHE_OK},
    {"command", call_command, OMCACHE_BUFFERED, OMCACHE_OK},
    {"command_status", call_command_status, OMCACHE_BUFFERED, OMCACHE_SERVER_FAILURE},
    {"io", call_io, OMCACHE_AGAIN, OMCACHE_OK},
    {"io without requests", call_io_without_requests, OMCACHE_AGAIN, OMCACHE_OK},
};

void peer_deaf(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    if (wire_read(peer, &request) && wire_answer(peer, &request)) {
        peer_drain(peer);
    }
}

static bool key_begins(const struct wire_request *request, const char *with)
{
    size_t len = strlen(with);
    return request->key_len >= len && memcmp(request->body + request->extras_len, with, len) == 0;
}

static atomic_bool released;

void peer_release(void)
{
    atomic_store(&released, true);
}

static void await_release(void)
{
    for (int i = 0; i < 10000 && !atomic_load(&released); i++) {
        clock_sleep(1);
    }
}

void peer_moody(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    atomic_store(&released, false);
    while (wire_read(peer, &request)) {
        if (key_begins(&request, "never")) {
            continue;
        }
        if (key_begins(&request, "late")) {
            clock_sleep(LATE_MS);
        }
        if (key_begins(&request, "held")) {
            await_release();
        }
        wire_answer(peer, &request);
    }
}
