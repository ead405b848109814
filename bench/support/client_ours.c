/*
 * OMcache, over each of its protocols.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "omcache.h"
#include "support/client.h"
#include "support/loop.h"
#include "support/parts.h"

struct ours {
    omcache_t *mc;
    size_t keys, value_len;
    const unsigned char *value;
    const unsigned char *key_pointers[BENCH_KEYS_MAX];
    size_t key_lens[BENCH_KEYS_MAX];
    omcache_req_t reqs[BENCH_KEYS_MAX];
    omcache_value_t values[BENCH_KEYS_MAX];
    int epoll;
    size_t to_ask, to_come; /* asynchronous gets */
};

static void speak_tls(omcache_t *mc, const char *ca)
{
    omcache_tls_t *tls = omcache_tls_new();

    bench_need(tls != NULL && omcache_tls_set_ca_file(tls, ca) == OMCACHE_OK &&
                   omcache_set_tls(mc, tls) == OMCACHE_OK,
               "TLS");
    omcache_tls_free(tls);
}

static void *open_client(const struct bench_work *work, int protocol)
{
    struct ours *ours = bench_memory(1, sizeof(*ours));

    ours->mc = omcache_init();
    ours->keys = work->keys;
    ours->value = work->value;
    ours->value_len = work->value_len;
    for (size_t i = 0; i < work->keys; i++) {
        ours->key_pointers[i] = bench_key(i, work->value_len);
        ours->key_lens[i] = BENCH_KEY_LEN;
    }
    ours->epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_need(ours->mc != NULL && ours->epoll >= 0, "a client");
    omcache_set_protocol(ours->mc, protocol);
    omcache_set_buffering(ours->mc, work->buffering);
    if (work->ca != NULL)
        speak_tls(ours->mc, work->ca);
    if (work->looping)
        omcache_set_watch_callback(ours->mc, bench_loop_watch, &ours->epoll);
    bench_need(omcache_set_servers(ours->mc, work->servers) == OMCACHE_OK, "servers");
    return ours;
}

static void close_client(void *client)
{
    struct ours *ours = client;

    omcache_free(ours->mc);
    close(ours->epoll);
    free(ours);
}

static void get(void *client, size_t key)
{
    struct ours *ours = client;
    const unsigned char *value;
    size_t len;
    int rc =
        omcache_get(ours->mc, ours->key_pointers[key], BENCH_KEY_LEN, &value, &len, NULL, NULL, -1);

    bench_need(rc == OMCACHE_OK && len == ours->value_len, "our get");
}

static void set(void *client, size_t key)
{
    struct ours *ours = client;
    int rc = omcache_set(ours->mc, ours->key_pointers[key], BENCH_KEY_LEN, ours->value,
                         ours->value_len, 0, 0, 0, -1);

    bench_need(rc == OMCACHE_OK, "our set");
}

static void get_all(void *client)
{
    struct ours *ours = client;
    size_t requests = ours->keys, values = ours->keys;
    int rc = omcache_get_multi(ours->mc, ours->key_pointers, ours->key_lens, ours->keys, ours->reqs,
                               &requests, ours->values, &values, -1);

    bench_need(rc == OMCACHE_OK && values == ours->keys, "our multi-get");
}

static void queue_sets(struct ours *ours)
{
    for (size_t i = 0; i < ours->keys; i++) {
        int rc = omcache_set(ours->mc, ours->key_pointers[i], BENCH_KEY_LEN, ours->value,
                             ours->value_len, 0, 0, 0, 0);

        bench_need(rc == OMCACHE_BUFFERED, "our buffered set");
    }
}

static void set_all(void *client)
{
    struct ours *ours = client;

    queue_sets(ours);
    bench_need(omcache_io(ours->mc, NULL, NULL, NULL, NULL, -1) == OMCACHE_OK, "our sets");
}

/* Answers to those before are read, too, if they are there. */
static void send_all(void *client)
{
    struct ours *ours = client;
    int rc;

    queue_sets(ours);
    rc = omcache_io(ours->mc, NULL, NULL, NULL, NULL, 0);
    bench_need(rc == OMCACHE_OK || rc == OMCACHE_AGAIN, "our flush");
}

static void on_value(omcache_t *mc, const omcache_reply_t *reply, void *context);

static void ask(struct ours *ours)
{
    int rc =
        omcache_async_get(ours->mc, ours->key_pointers[0], BENCH_KEY_LEN, 10000, on_value, ours);

    bench_need(rc == OMCACHE_OK, "an asynchronous get");
    ours->to_ask--;
}

static void on_value(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct ours *ours = context;
    size_t len;

    (void)mc;
    omcache_reply_value(reply, &len);
    bench_need(len == ours->value_len, "a value");
    ours->to_come--;
    if (ours->to_ask > 0)
        ask(ours);
}

static void get_async(void *client, size_t count, size_t outstanding)
{
    struct ours *ours = client;

    ours->to_ask = ours->to_come = count;
    for (size_t i = 0; i < outstanding; i++)
        ask(ours);
    while (ours->to_come > 0) {
        struct epoll_event events[16];
        int ready = epoll_wait(ours->epoll, events, 16, omcache_next_timeout(ours->mc));

        for (int i = 0; i < ready; i++)
            omcache_process_fd(ours->mc, events[i].data.fd, (short)events[i].events);
        if (ready == 0)
            omcache_process_timeouts(ours->mc);
    }
}

static unsigned look_up(void *client, size_t key)
{
    struct ours *ours = client;

    return (unsigned)omcache_server_index_for_key(ours->mc, ours->key_pointers[key], BENCH_KEY_LEN);
}

static const struct bench_calls calls = {
    .open = open_client,
    .close = close_client,
    .get = get,
    .set = set,
    .get_all = get_all,
    .set_all = set_all,
    .send_all = send_all,
    .get_async = get_async,
    .look_up = look_up,
};

const struct bench_client bench_ours_binary = {"ours-binary", "OMcache, binary", &calls,
                                               OMCACHE_PROTOCOL_BINARY};
const struct bench_client bench_ours_meta = {"ours-meta", "OMcache, meta", &calls,
                                             OMCACHE_PROTOCOL_META};
const struct bench_client bench_ours_text = {"ours-text", "OMcache, text", &calls,
                                             OMCACHE_PROTOCOL_TEXT};
const struct bench_client bench_ours_auto = {"ours-default", "OMcache, default", &calls,
                                             OMCACHE_PROTOCOL_AUTO};
