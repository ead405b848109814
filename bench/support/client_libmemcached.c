/*
 * libmemcached, over both of its protocols.  It is set up to do as we do: the same
 * distribution of keys, and no waiting of the kernel's for more to send.
 */
#include <libmemcached/memcached.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/parts.h"

struct theirs {
    memcached_st *mc;
    memcached_result_st result;
    size_t keys, value_len;
    const char *value;
    const char *key_pointers[BENCH_KEYS_MAX];
    size_t key_lens[BENCH_KEYS_MAX];
};

enum { TEXT, BINARY };

static void choose(struct theirs *theirs, memcached_behavior_t behavior, uint64_t value)
{
    bench_need(memcached_behavior_set(theirs->mc, behavior, value) == MEMCACHED_SUCCESS,
               "a setting of libmemcached");
}

static void *open_client(const struct bench_work *work, int protocol)
{
    struct theirs *theirs = bench_memory(1, sizeof(*theirs));
    memcached_server_st *servers = memcached_servers_parse(work->servers);

    bench_need(servers != NULL, "memory");
    theirs->mc = memcached_create(NULL);
    bench_need(theirs->mc != NULL && memcached_result_create(theirs->mc, &theirs->result) != NULL,
               "memory");
    theirs->keys = work->keys;
    theirs->value = (const char *)work->value;
    theirs->value_len = work->value_len;
    for (size_t i = 0; i < work->keys; i++) {
        theirs->key_pointers[i] = (const char *)bench_key(i, work->value_len);
        theirs->key_lens[i] = BENCH_KEY_LEN;
    }
    choose(theirs, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, protocol == BINARY);
    choose(theirs, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    choose(theirs, MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT);
    choose(theirs, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, work->buffering);
    bench_need(memcached_server_push(theirs->mc, servers) == MEMCACHED_SUCCESS, "servers");
    memcached_server_list_free(servers);
    return theirs;
}

static void close_client(void *client)
{
    struct theirs *theirs = client;

    memcached_result_free(&theirs->result);
    memcached_free(theirs->mc);
    free(theirs);
}

static void get(void *client, size_t key)
{
    struct theirs *theirs = client;
    memcached_return_t rc;
    uint32_t flags;
    size_t len;
    char *value =
        memcached_get(theirs->mc, theirs->key_pointers[key], BENCH_KEY_LEN, &len, &flags, &rc);

    bench_need(rc == MEMCACHED_SUCCESS && len == theirs->value_len, "libmemcached's get");
    free(value);
}

static void set(void *client, size_t key)
{
    struct theirs *theirs = client;
    memcached_return_t rc = memcached_set(theirs->mc, theirs->key_pointers[key], BENCH_KEY_LEN,
                                          theirs->value, theirs->value_len, 0, 0);

    bench_need(rc == MEMCACHED_SUCCESS, "libmemcached's set");
}

static void get_all(void *client)
{
    struct theirs *theirs = client;
    memcached_return_t rc =
        memcached_mget(theirs->mc, theirs->key_pointers, theirs->key_lens, theirs->keys);
    size_t values = 0;

    bench_need(rc == MEMCACHED_SUCCESS, "libmemcached's multi-get");
    while (memcached_fetch_result(theirs->mc, &theirs->result, &rc) != NULL)
        values += memcached_result_length(&theirs->result) == theirs->value_len;
    bench_need(values == theirs->keys, "all of libmemcached's values");
}

/* There is no call to wait for the answers. */
static void send_all(void *client)
{
    struct theirs *theirs = client;

    for (size_t i = 0; i < theirs->keys; i++) {
        memcached_return_t rc = memcached_set(theirs->mc, theirs->key_pointers[i], BENCH_KEY_LEN,
                                              theirs->value, theirs->value_len, 0, 0);

        bench_need(rc == MEMCACHED_BUFFERED || rc == MEMCACHED_SUCCESS,
                   "libmemcached's buffered set");
    }
    bench_need(memcached_flush_buffers(theirs->mc) == MEMCACHED_SUCCESS, "libmemcached's flush");
}

static unsigned look_up(void *client, size_t key)
{
    struct theirs *theirs = client;

    return memcached_generate_hash(theirs->mc, theirs->key_pointers[key], BENCH_KEY_LEN);
}

static const struct bench_calls calls = {
    .open = open_client,
    .close = close_client,
    .get = get,
    .set = set,
    .get_all = get_all,
    .send_all = send_all,
    .look_up = look_up,
};

/* With BENCH_HEADER the same calls come from omcache_libmemcached.h: a shared object for
 * $BENCH_CLIENT. */
#ifdef BENCH_HEADER
extern const struct bench_client bench_client;
const struct bench_client bench_client = {"header", "OMcache, header", &calls, TEXT};
#else
const struct bench_client bench_libmemcached_binary = {"libmemcached-binary",
                                                       "libmemcached, binary", &calls, BINARY};
const struct bench_client bench_libmemcached_text = {"libmemcached-text", "libmemcached, text",
                                                     &calls, TEXT};
#endif
