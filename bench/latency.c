/*
 * How long a get takes that is asked for at a fixed rate, whether or not those before it have been
 * answered (an open loop): what waits behind a slow one is counted, too.  It is asked on the time,
 * but no more than 256 are outstanding.  libmemcached waits for each, so its others wait.
 *
 * `make bench` runs it.  Each client has ROUNDS hundredths of a second for each rate.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "omcache.h"
#include "support/client.h"
#include "support/loop.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    OUTSTANDING = 256,
    VALUE = 100, /* bytes */
    ROUNDS = 101,
    ROUNDS_MAX = 10000,
};

static const unsigned rates[] = {1000, 10000, 50000, 100000}; /* a second */

enum { RATES = sizeof(rates) / sizeof(rates[0]) };

/* The gets of one client at one rate. */
static struct {
    size_t count, asked, come;
    double *due; /* in nanoseconds: when each was to be asked, */
    float *took; /* and how long it took from then on */
} run;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void note_answer(size_t number)
{
    run.took[number] = (float)(now() - run.due[number]);
    run.come++;
}

/* What is measured: how to connect, to ask, and to see what has come, without waiting. */
struct subject {
    const struct bench_client *client;
    void (*open)(const struct subject *subject, const char *address);
    void (*ask)(size_t number);
    void (*turn)(void);
    void (*close)(void);
};

/*
 * A bare socket.
 */

enum { HEADER = 24, ANSWER = HEADER + 4 + VALUE };

static struct {
    int fd;
    size_t have;
    unsigned char answers[OUTSTANDING * ANSWER];
} bare;

static void open_bare(const struct subject *subject, const char *address)
{
    (void)subject;
    bare.have = 0;
    bare.fd = bench_server_connect(address);
}

static void ask_bare(size_t number)
{
    unsigned char request[HEADER + BENCH_KEY_LEN] = {0x80, 0, 0, BENCH_KEY_LEN};
    uint32_t opaque = (uint32_t)number;

    request[11] = BENCH_KEY_LEN;
    memcpy(request + 12, &opaque, sizeof(opaque));
    memcpy(request + HEADER, bench_key(0, VALUE), BENCH_KEY_LEN);
    bench_need(send(bare.fd, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request), "to send");
}

static void turn_bare(void)
{
    size_t at = 0;
    ssize_t got =
        recv(bare.fd, bare.answers + bare.have, sizeof(bare.answers) - bare.have, MSG_DONTWAIT);

    if (got <= 0)
        return;
    bare.have += (size_t)got;
    for (; bare.have - at >= ANSWER; at += ANSWER) {
        uint32_t opaque;

        memcpy(&opaque, bare.answers + at + 12, sizeof(opaque));
        note_answer(opaque);
    }
    bare.have -= at;
    memmove(bare.answers, bare.answers + at, bare.have);
}

static void close_bare(void)
{
    close(bare.fd);
}

/*
 * OMcache, in an event loop.
 */

static struct {
    omcache_t *mc;
    int epoll;
} ours;

static void open_ours(const struct subject *subject, const char *address)
{
    ours.mc = omcache_init();
    ours.epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_need(ours.mc != NULL && ours.epoll >= 0, "a client");
    omcache_set_protocol(ours.mc, subject->client->protocol);
    omcache_set_watch_callback(ours.mc, bench_loop_watch, &ours.epoll);
    bench_need(omcache_set_servers(ours.mc, address) == OMCACHE_OK, "servers");
    bench_need(omcache_noop(ours.mc, 0, -1) == OMCACHE_OK, "a connection");
}

static void on_value(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    bench_need(omcache_reply_status(reply) == OMCACHE_OK, "an asynchronous get");
    note_answer((size_t)((double *)context - run.due));
}

static void ask_ours(size_t number)
{
    int rc = omcache_async_get(ours.mc, bench_key(0, VALUE), BENCH_KEY_LEN, 10000, on_value,
                               &run.due[number]);

    bench_need(rc == OMCACHE_OK, "to ask");
}

static void turn_ours(void)
{
    struct epoll_event event;

    if (epoll_wait(ours.epoll, &event, 1, 0) == 1)
        omcache_process_fd(ours.mc, event.data.fd, (short)event.events);
}

static void close_ours(void)
{
    omcache_free(ours.mc);
    close(ours.epoll);
}

/*
 * libmemcached, which waits.
 */

static struct {
    const struct bench_client *client;
    void *opened;
} theirs;

static void open_theirs(const struct subject *subject, const char *address)
{
    const struct bench_work work = {.servers = address,
                                    .server_count = 1,
                                    .keys = 1,
                                    .value_len = VALUE,
                                    .value = bench_value()};

    theirs.client = subject->client;
    theirs.opened = theirs.client->calls->open(&work, theirs.client->protocol);
}

static void ask_theirs(size_t number)
{
    theirs.client->calls->get(theirs.opened, 0);
    note_answer(number);
}

static void turn_theirs(void)
{
}

static void close_theirs(void)
{
    theirs.client->calls->close(theirs.opened);
}

#define OURS(protocol)                                                     \
    {                                                                      \
        &bench_ours_##protocol, open_ours, ask_ours, turn_ours, close_ours \
    }
#define THEIRS(protocol)                                                                   \
    {                                                                                      \
        &bench_libmemcached_##protocol, open_theirs, ask_theirs, turn_theirs, close_theirs \
    }

static const struct subject subjects[] = {
    {&bench_floor, open_bare, ask_bare, turn_bare, close_bare},
    OURS(binary),
    OURS(meta),
    OURS(text),
    THEIRS(binary),
    THEIRS(text),
};

static int by_size(const void *left, const void *right)
{
    const float *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* In microseconds: so many of a thousand took no longer. */
static double quantile(size_t thousandths)
{
    return (double)run.took[(run.count - 1) * thousandths / 1000] / 1e3;
}

static void measure(const struct subject *subject, const char *address, unsigned rate,
                    size_t rounds)
{
    double begun;

    run.count = rate * rounds / 100;
    run.asked = run.come = 0;
    run.due = bench_memory(run.count, sizeof(*run.due));
    run.took = bench_memory(run.count, sizeof(*run.took));
    subject->open(subject, address);
    begun = now();
    for (size_t i = 0; i < run.count; i++)
        run.due[i] = begun + 1e9 / rate * (double)i;
    while (run.come < run.count) {
        double time = now();

        while (run.asked < run.count && run.due[run.asked] <= time &&
               run.asked - run.come < OUTSTANDING)
            subject->ask(run.asked++);
        subject->turn();
    }
    subject->close();
    qsort(run.took, run.count, sizeof(*run.took), by_size);
    printf("  %7u  %-22s %9.1f %9.1f %9.1f\n", rate, subject->client->title, quantile(500),
           quantile(990), quantile(999));
    free(run.due);
    free(run.took);
}

static void store(const char *address)
{
    omcache_t *mc = omcache_init();

    bench_need(mc != NULL && omcache_set_servers(mc, address) == OMCACHE_OK &&
                   omcache_set(mc, bench_key(0, VALUE), BENCH_KEY_LEN, bench_value(), VALUE, 0, 0,
                               0, -1) == OMCACHE_OK,
               "to store a value");
    omcache_free(mc);
}

static void measure_all(size_t rounds)
{
    const char *address = bench_server_start(1);

    store(address);
    bench_pin(bench_last_core());
    printf("Microseconds from when a get is due until it is answered\n\n");
    printf("   a second  client                       p50       p99     p99.9\n");
    for (size_t rate = 0; rate < RATES; rate++) {
        for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
            measure(&subjects[i], address, rates[rate], rounds);
    }
    bench_server_stop();
}

static void report_nothing(const double *figures, enum bench_measure measured)
{
    (void)figures;
    (void)measured;
}

/* Nothing of it can be counted, and it has no parts. */
int main(int argc, char **argv)
{
    static const struct bench nothing = {NULL, 0, report_nothing};
    long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : ROUNDS;

    if (argc > 2 || rounds < 1 || rounds > ROUNDS_MAX)
        return bench_main(&nothing, argc, argv);
    if (getenv("PARTS") == NULL)
        measure_all((size_t)rounds);
    return 0;
}
