/*
 * What connected servers cost that have nothing to do: the memory that each holds, also
 * after it had much to do, and a get from one of 1,000, against a get from the only one.
 * Each "server" is a connection of its own to one memcached.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "omcache.h"
#include "support/loop.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    MANY = 1000, /* servers */
    GETS = 500,  /* in a round */
    BURST = 64,
    BURST_VALUE = 100 * 1024,
    SERVER_BYTES = 4096,  /* that one may hold, at most */
    KEPT_BYTES = 1 << 17, /* that may be held after a burst besides, at most */
};

#define TARGET 1.3

static const unsigned char key[] = "a key of twenty-four b.";

/* A client with an event loop of its own. */
struct client {
    omcache_t *mc;
    int epoll;
    size_t done;
};

static struct client alone, fleet;

/* Bytes of the heap. */
static struct {
    size_t server;
    size_t before, during, after; /* a burst */
} held;

static void turn(struct client *client)
{
    struct epoll_event events[64];
    int count = epoll_wait(client->epoll, events, 64, omcache_next_timeout(client->mc));

    for (int i = 0; i < count; i++)
        omcache_process_fd(client->mc, events[i].data.fd, (short)events[i].events);
    if (count == 0)
        omcache_process_timeouts(client->mc);
}

static void done(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct client *client = context;

    (void)mc;
    bench_need(omcache_reply_status(reply) == OMCACHE_OK, "a good answer");
    client->done++;
}

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static int set(struct client *client, const unsigned char *value, size_t len, int32_t timeout_msec)
{
    return omcache_set(client->mc, key, sizeof(key), value, len, 0, 0, 0, timeout_msec);
}

static void get(struct client *client)
{
    const unsigned char *value;
    size_t len;

    bench_need(omcache_get(client->mc, key, sizeof(key), &value, &len, NULL, NULL, -1) ==
                   OMCACHE_OK,
               "a get");
}

/* As many large values at once as there is room for, and one got. */
static void measure_burst(struct client *client)
{
    static unsigned char large[BURST_VALUE];

    get(client);
    held.before = heap();
    omcache_set_buffering(client->mc, 1);
    for (int i = 0; i < BURST; i++)
        bench_need(set(client, large, sizeof(large), 0) == OMCACHE_BUFFERED, "room for a burst");
    held.during = heap();
    omcache_set_buffering(client->mc, 0);
    bench_need(omcache_io(client->mc, NULL, NULL, NULL, NULL, -1) == OMCACHE_OK, "to end a burst");
    get(client);
    bench_need(set(client, key, sizeof(key), -1) == OMCACHE_OK, "a set");
    get(client);
    held.after = heap();
}

/* Connects to all servers, so that nothing is left to be done for them. */
static void open_client(struct client *client, const char *address, int servers)
{
    char *list = calloc((size_t)servers, strlen(address) + 1), *end = list;

    bench_need(list != NULL, "memory");
    for (int i = 0; i < servers; i++)
        end += sprintf(end, "%s%s", i == 0 ? "" : ",", address);
    client->mc = omcache_init();
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->done = 0;
    bench_need(client->mc != NULL && client->epoll >= 0, "a client");
    bench_need(omcache_set_servers(client->mc, list) == OMCACHE_OK, "servers");
    free(list);
    omcache_set_watch_callback(client->mc, bench_loop_watch, &client->epoll);
    for (int i = 0; i < servers; i++) {
        bench_need(omcache_async_noop(client->mc, i, -1, done, client) == OMCACHE_OK, "a no-op");
        while (client->done <= (size_t)i)
            turn(client);
    }
    bench_need(set(client, key, sizeof(key), -1) == OMCACHE_OK, "to store a value");
}

static void get_waiting(void *context)
{
    struct client *client = context;

    for (int i = 0; i < GETS; i++)
        get(client);
}

static void get_async(void *context)
{
    struct client *client = context;

    client->done = 0;
    for (size_t i = 0; i < GETS; i++) {
        bench_need(omcache_async_get(client->mc, key, sizeof(key), 1000, done, client) ==
                       OMCACHE_OK,
                   "an asynchronous get");
        while (client->done <= i)
            turn(client);
    }
}

/* The parts' places below. */
enum {
    WAIT_ALONE,
    WAIT_FLEET,
    ASYNC_ALONE,
    ASYNC_FLEET,
    PARTS,
};

static const struct bench_part parts[PARTS] = {
    [WAIT_ALONE] = {"wait-alone", get_waiting, &alone, 0},
    [WAIT_FLEET] = {"wait-fleet", get_waiting, &fleet, 0},
    [ASYNC_ALONE] = {"async-alone", get_async, &alone, 0},
    [ASYNC_FLEET] = {"async-fleet", get_async, &fleet, 0},
};

static void report_pair(const char *what, double one, double many, const char *unit)
{
    if (isnan(one) || isnan(many))
        return;
    printf("\n%s, %s per operation\n", what, unit);
    printf("  %4d server   %12.2f\n", 1, one / GETS);
    printf("  %4d servers  %12.2f\n", MANY, many / GETS);
    printf("  ratio         %12.2f   (at most %.1f: %s)\n", many / one, TARGET,
           bench_verdict(many / one, TARGET));
}

static void report_memory(void)
{
    printf("\nMemory, bytes of the heap\n");
    printf("  a connected server, idle  %9zu   (at most %d: %s)\n", held.server, SERVER_BYTES,
           bench_verdict((double)held.server, SERVER_BYTES));
    printf("  all before a burst        %9zu\n", held.before);
    printf("  all in it                 %9zu\n", held.during);
    printf("  all after it              %9zu   (at most %d more than before: %s)\n", held.after,
           KEPT_BYTES, bench_verdict((double)held.after, (double)(held.before + KEPT_BYTES)));
}

static void report(const double *figures, enum bench_measure measure)
{
    const char *unit = bench_unit(measure);

    if (measure == BENCH_WALL) /* no target */
        return;
    if (measure == BENCH_CPU)
        report_memory();
    report_pair("Waiting gets", figures[WAIT_ALONE], figures[WAIT_FLEET], unit);
    report_pair("Asynchronous gets, one outstanding", figures[ASYNC_ALONE], figures[ASYNC_FLEET],
                unit);
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, PARTS, report};
    const char *address;
    size_t before;
    int code;

    address = bench_server_start(1);
    open_client(&alone, address, 1);
    measure_burst(&alone);
    before = heap();
    open_client(&fleet, address, MANY);
    held.server = (heap() - before) / MANY;
    code = bench_main(&bench, argc, argv);
    omcache_free(alone.mc);
    omcache_free(fleet.mc);
    bench_server_stop();
    return code;
}
