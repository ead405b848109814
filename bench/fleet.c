/*
 * What connected servers cost that have nothing to do: a get from one of 1,000, against
 * a get from the only one.  Each "server" is a connection of its own to one memcached.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "omcache.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    MANY = 1000, /* servers */
    GETS = 500,  /* in a round */
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

static void watch(omcache_t *mc, int fd, short events, void *context)
{
    struct client *client = context;
    struct epoll_event event = {.data.fd = fd};

    (void)mc;
    if (events == 0) {
        epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, NULL);
        return;
    }
    event.events = (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0);
    if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        bench_need(epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "to watch a socket");
}

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
    omcache_set_watch_callback(client->mc, watch, client);
    for (int i = 0; i < servers; i++) {
        bench_need(omcache_async_noop(client->mc, i, -1, done, client) == OMCACHE_OK, "a no-op");
        while (client->done <= (size_t)i)
            turn(client);
    }
    bench_need(omcache_set(client->mc, key, sizeof(key), key, sizeof(key), 0, 0, 0, -1) ==
                   OMCACHE_OK,
               "to store a value");
}

static void get_waiting(struct client *client)
{
    for (int i = 0; i < GETS; i++) {
        const unsigned char *value;
        size_t len;

        bench_need(omcache_get(client->mc, key, sizeof(key), &value, &len, NULL, NULL, -1) ==
                       OMCACHE_OK,
                   "a get");
    }
}

static void get_async(struct client *client)
{
    client->done = 0;
    for (size_t i = 0; i < GETS; i++) {
        bench_need(omcache_async_get(client->mc, key, sizeof(key), 1000, done, client) ==
                       OMCACHE_OK,
                   "an asynchronous get");
        while (client->done <= i)
            turn(client);
    }
}

static void wait_alone(void)
{
    get_waiting(&alone);
}

static void wait_fleet(void)
{
    get_waiting(&fleet);
}

static void async_alone(void)
{
    get_async(&alone);
}

static void async_fleet(void)
{
    get_async(&fleet);
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
    [WAIT_ALONE] = {"wait-alone", wait_alone},
    [WAIT_FLEET] = {"wait-fleet", wait_fleet},
    [ASYNC_ALONE] = {"async-alone", async_alone},
    [ASYNC_FLEET] = {"async-fleet", async_fleet},
};

static void report_pair(const char *what, double one, double many, const char *unit)
{
    printf("\n%s, %s per operation\n", what, unit);
    printf("  %4d server   %12.2f\n", 1, one / GETS);
    printf("  %4d servers  %12.2f\n", MANY, many / GETS);
    printf("  ratio         %12.2f   (at most %.1f: %s)\n", many / one, TARGET,
           many <= TARGET * one ? "reached" : "MISSED");
}

static void report(const double *figures, const char *unit)
{
    report_pair("Waiting gets", figures[WAIT_ALONE], figures[WAIT_FLEET], unit);
    report_pair("Asynchronous gets, one outstanding", figures[ASYNC_ALONE], figures[ASYNC_FLEET],
                unit);
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, PARTS, report};
    struct rlimit files;
    const char *address;
    int code;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    address = bench_server_start();
    open_client(&alone, address, 1);
    open_client(&fleet, address, MANY);
    code = bench_main(&bench, argc, argv);
    omcache_free(alone.mc);
    omcache_free(fleet.mc);
    bench_server_stop();
    return code;
}
