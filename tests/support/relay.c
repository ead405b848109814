/*
 * A thread that passes bytes on in both directions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/relay.h"

#include "support/loopback.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define RELAYS_MAX 4
#define PAIRS_MAX 32
#define TURN_MS 20 /* how long it may take until it sees what it was told */

struct pair {
    int ends[2]; /* the client's and the server's; both -1 once it has closed */
    bool lost;
};

struct relay {
    pthread_t thread;
    int listener;
    char address[32];
    const struct memcached *server;
    atomic_bool ends;
    atomic_bool refuses;
    atomic_bool lost; /* what it was told last of the connections that there are, */
    atomic_uint told; /* how often it was told something of them */
    atomic_uint seen; /* and how often it has heard of it */
    atomic_size_t connections;

    struct pair pairs[PAIRS_MAX]; /* the thread's own */
    size_t count;
};

static struct relay relays[RELAYS_MAX];
static size_t relay_count;

static void accept_one(struct relay *relay)
{
    struct pair pair = {.lost = atomic_load(&relay->refuses)};
    pair.ends[0] = accept(relay->listener, NULL, NULL);
    if (pair.ends[0] < 0) {
        return;
    }
    pair.ends[1] = pair.lost ? -1 : loopback_connect(relay->server->host, relay->server->port);
    if (relay->count == PAIRS_MAX || (pair.ends[1] < 0 && !pair.lost)) {
        close(pair.ends[0]);
        return;
    }
    relay->pairs[relay->count++] = pair;
    atomic_fetch_add(&relay->connections, 1);
}

static bool send_all(int fd, const char *bytes, ssize_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            len -= sent;
        } else if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000) != 1) {
            return false;
        }
    }
    return true;
}

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        if (pair->ends[i] >= 0) {
            close(pair->ends[i]);
        }
        pair->ends[i] = -1;
    }
}

/* Passes on what has come from one end; an end that closes closes both. */
static void pass_on(struct pair *pair, int from)
{
    char bytes[65536];
    ssize_t len = recv(pair->ends[from], bytes, sizeof(bytes), MSG_DONTWAIT);
    if (len <= 0 || !send_all(pair->ends[1 - from], bytes, len)) {
        close_pair(pair);
    }
}

/* One wait, and what came of it. */
static void turn(struct relay *relay)
{
    struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = relay->listener, .events = POLLIN}};
    size_t count = relay->count;
    for (size_t i = 0; i < 2 * count; i++) {
        const struct pair *pair = &relay->pairs[i / 2];
        fds[1 + i] = (struct pollfd){.fd = pair->lost ? -1 : pair->ends[i % 2], .events = POLLIN};
    }
    poll(fds, 1 + 2 * count, TURN_MS);
    for (size_t i = 0; i < 2 * count; i++) {
        struct pair *pair = &relay->pairs[i / 2];
        if (fds[1 + i].revents != 0 && pair->ends[0] >= 0) {
            pass_on(pair, (int)(i % 2));
        }
    }
    if (fds[0].revents != 0) {
        accept_one(relay);
    }
}

static void *run(void *context)
{
    struct relay *relay = context;
    while (!atomic_load(&relay->ends)) {
        unsigned told = atomic_load(&relay->told);
        for (size_t i = 0; i < relay->count && told != relay->seen; i++) {
            relay->pairs[i].lost = atomic_load(&relay->lost);
        }
        atomic_store(&relay->seen, told);
        turn(relay);
    }
    for (size_t i = 0; i < relay->count; i++) {
        close_pair(&relay->pairs[i]);
    }
    return NULL;
}

struct relay *relay_start(int number, const struct memcached *server)
{
    ck_assert_uint_lt(relay_count, RELAYS_MAX);
    struct relay *relay = &relays[relay_count];
    char host[LOOPBACK_HOST_SIZE];
    *relay = (struct relay){.server = server};
    snprintf(relay->address, sizeof(relay->address), "%s:%d", loopback_host(host),
             RELAY_PORT + number);
    relay->listener = loopback_listen(host, RELAY_PORT + number, 10);
    ck_assert_int_ge(relay->listener, 0);
    ck_assert_int_eq(pthread_create(&relay->thread, NULL, run, relay), 0);
    relay_count++;
    return relay;
}

void relay_stop_all(void)
{
    for (; relay_count > 0; relay_count--) {
        struct relay *relay = &relays[relay_count - 1];
        atomic_store(&relay->ends, true);
        pthread_join(relay->thread, NULL);
        close(relay->listener);
    }
}

const char *relay_address(const struct relay *relay)
{
    return relay->address;
}

size_t relay_connections(struct relay *relay)
{
    return atomic_load(&relay->connections);
}

static void tell(struct relay *relay, bool lost, bool refuses)
{
    atomic_store(&relay->lost, lost);
    atomic_store(&relay->refuses, refuses);
    unsigned times = atomic_fetch_add(&relay->told, 1) + 1;
    while (atomic_load(&relay->seen) != times) {
        poll(NULL, 0, 1);
    }
}

void relay_vanish(struct relay *relay, bool refuses)
{
    tell(relay, true, refuses);
}

void relay_return(struct relay *relay)
{
    tell(relay, false, false);
}
