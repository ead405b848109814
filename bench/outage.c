/*
 * What a get costs when servers cannot be used: none of many, because they refuse
 * connections, or because they do not answer at all and are being connected to; and
 * all but one of many.  It is to cost the same however many there are.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "omcache.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    GETS = 100, /* in a round, each of another key */
    SIZES = 4,
    ENTRY_MAX = 24, /* bytes of a server in a list's text */
    FILLERS = 4,    /* connections that keep all others out */
    KEY_LEN = 9,
    FAR = 100000000, /* milliseconds that no measuring takes */
};

#define TARGET 2.0

/* How those servers are that cannot be used, and whether there is another one. */
enum kind {
    REFUSING,
    SILENT,
    LAST, /* refusing */
    LAST_SILENT,
    KINDS,
};

struct outage {
    enum kind kind;
    unsigned servers;
    omcache_t *mc; /* from the first use on */
};

/* Each that does not answer takes a descriptor. */
static const unsigned sizes[KINDS][SIZES] = {
    [REFUSING] = {10, 100, 1000, 10000},
    [SILENT] = {10, 100, 1000, 8000},
    [LAST] = {10, 100, 1000, 10000},
    [LAST_SILENT] = {10, 100, 1000, 8000},
};
static const char *const titles[KINDS] = {
    [REFUSING] = "No server up, all refuse",
    [SILENT] = "No server up, none answers",
    [LAST] = "One server up, the others refuse",
    [LAST_SILENT] = "One server up, the others do not answer",
};

static const char *memcached; /* the address of the one that is up */
static int silent = -1, refusing = -1;
static int fillers[FILLERS];

/* A socket with a port. */
static int take_port(in_port_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    bench_need(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0, "a port");
    bench_need(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "its number");
    *port = ntohs(address.sin_port);
    return fd;
}

/* A port where attempts to connect neither succeed nor fail: its queue is full. */
static in_port_t silent_port(void)
{
    static in_port_t port;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (silent >= 0)
        return port;
    silent = take_port(&port);
    bench_need(listen(silent, 0) == 0, "to listen");
    address.sin_port = htons(port);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        bench_need(fillers[i] >= 0, "a socket");
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    return port;
}

/* One where nobody listens. */
static in_port_t refusing_port(void)
{
    static in_port_t port;

    if (refusing < 0)
        refusing = take_port(&port);
    return port;
}

static bool is_silent(const struct outage *outage)
{
    return outage->kind == SILENT || outage->kind == LAST_SILENT;
}

static bool has_one(const struct outage *outage)
{
    return outage->kind >= LAST;
}

static char *make_list(const struct outage *outage)
{
    in_port_t port = is_silent(outage) ? silent_port() : refusing_port();
    char *text = bench_memory(outage->servers + 4, ENTRY_MAX), *end = text;
    unsigned first = 0;

    if (has_one(outage)) {
        end += sprintf(end, "%s,", memcached);
        first = 1;
    }
    for (unsigned i = first; i < outage->servers; i++)
        end += sprintf(end, "s%u=127.0.0.1:%u,", i, (unsigned)port);
    return text;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static int get(omcache_t *mc, unsigned number)
{
    char key[KEY_LEN + 1];

    snprintf(key, sizeof(key), "key-%05u", number % 10000);
    return omcache_get(mc, (const unsigned char *)key, KEY_LEN, NULL, NULL, NULL, NULL, -1);
}

static int expected(const struct outage *outage)
{
    return has_one(outage) ? OMCACHE_NOT_FOUND : OMCACHE_NO_SERVERS;
}

/* Asks all of them, and waits until all are known to be down; and those that do not
 * answer, until all are being connected to again. */
static void open_client(struct outage *outage)
{
    char *list = make_list(outage);
    omcache_t *mc = outage->mc = omcache_init();

    bench_need(mc != NULL && omcache_set_servers(mc, list) == OMCACHE_OK, "a client");
    free(list);
    omcache_set_connect_timeout(mc, is_silent(outage) ? 1 : FAR);
    omcache_set_reconnect_timeout(mc, is_silent(outage) ? 0 : FAR);
    for (unsigned i = 0; i < outage->servers; i++)
        omcache_noop(mc, (int)i, 0);
    omcache_io(mc, NULL, NULL, NULL, NULL, -1);
    omcache_set_connect_timeout(mc, FAR);
    for (unsigned i = 0; is_silent(outage) && i < outage->servers / 5; i++) {
        get(mc, i);
        pause_ms(1);
    }
    bench_need(get(mc, 0) == expected(outage), "a get as expected");
}

static void run(void *context)
{
    struct outage *outage = context;

    if (outage->mc == NULL)
        open_client(outage);
    for (unsigned i = 0; i < GETS; i++)
        bench_need(get(outage->mc, i) == expected(outage), "a get as expected");
}

static struct outage outages[KINDS * SIZES];

/* How far connecting has come when the counting begins depends on the time. */
#define UNCOUNTED(number) \
    ((number) / SIZES == SILENT || (number) / SIZES == LAST_SILENT ? 1u << BENCH_INSTRUCTIONS : 0)
#define PART(number, name) [number] = {name, run, &outages[(size_t)(number)], UNCOUNTED(number)}
#define PARTS(kind, name, most)                                          \
    PART((kind)*SIZES, name "-10"), PART((kind)*SIZES + 1, name "-100"), \
        PART((kind)*SIZES + 2, name "-1000"), PART((kind)*SIZES + 3, name "-" most)

static const struct bench_part parts[KINDS * SIZES] = {
    PARTS(REFUSING, "refusing", "10000"),
    PARTS(SILENT, "silent", "8000"),
    PARTS(LAST, "last", "10000"),
    PARTS(LAST_SILENT, "last-silent", "8000"),
};

static void report_kind(enum kind kind, const double *figures, enum bench_measure measure)
{
    double least = figures[0], most = figures[SIZES - 1];

    if (isnan(least) && isnan(most))
        return;
    printf("\n%s, %s per get\n", titles[kind], bench_unit(measure));
    for (unsigned i = 0; i < SIZES; i++)
        printf("  %5u servers  %12.2f\n", sizes[kind][i], figures[i] / GETS);
    if (kind >= LAST) /* the ring has to be walked along for it: no target */
        return;
    printf("  ratio          %12.2f   (at most %.1f: %s)\n", most / least, TARGET,
           bench_verdict(most / least, TARGET));
}

static void report(const double *figures, enum bench_measure measure)
{
    if (measure == BENCH_WALL) /* no target */
        return;
    for (unsigned kind = 0; kind < KINDS; kind++)
        report_kind((enum kind)kind, figures + (size_t)kind * SIZES, measure);
}

/* As many descriptors as there may be. */
static void raise_limit(void)
{
    struct rlimit limit;

    bench_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "the limit of descriptors");
    limit.rlim_cur = limit.rlim_max;
    bench_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "more descriptors");
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, (size_t)KINDS * SIZES, report};
    int code;

    raise_limit();
    memcached = bench_server_start(1);
    for (unsigned i = 0; i < KINDS * SIZES; i++)
        outages[i] = (struct outage){(enum kind)(i / SIZES), sizes[i / SIZES][i % SIZES], NULL};
    code = bench_main(&bench, argc, argv);
    for (unsigned i = 0; i < KINDS * SIZES; i++)
        omcache_free(outages[i].mc);
    bench_server_stop();
    return code;
}
