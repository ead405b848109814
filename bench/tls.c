/*
 * What TLS costs: gets over it against plain ones, and against libmemcached behind a stunnel, which
 * is how its users have TLS; handshakes, and what a connection holds.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions, and `make bench-tls`
 * those that are not OpenSSL's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "omcache.h"
#include "support/client.h"
#include "support/parts.h"
#include "support/server.h"
#include "support/table.h"

enum {
    GETS = 100, /* in a round, of one key or of as many at once */
    VALUE = 100,
    HANDSHAKES = 5, /* in a round */
    CONNECTIONS = 200,
    LOOKED_AT = 100, /* handshakes, for the longest call */
};

#define OUTSIDE_TARGET 1.15

static struct bench_secure secure;

/* Who gets. */
static struct side {
    const struct bench_client *client;
    const char *title;
    const char *address;
    const char *ca;
    void *opened;
} plain = {&bench_ours_auto, "OMcache plain", secure.plain, NULL, NULL},
  tls = {&bench_ours_auto, "OMcache TLS", secure.tls, secure.certificate, NULL},
  binary = {&bench_libmemcached_binary, "libmemcached b.+stunnel", secure.tunnel, NULL, NULL},
  text = {&bench_libmemcached_text, "libmemcached t.+stunnel", secure.tunnel, NULL, NULL};

static void open_side(struct side *side)
{
    const struct bench_work work = {
        .servers = side->address,
        .server_count = 1,
        .keys = GETS,
        .value_len = VALUE,
        .value = bench_value(),
        .ca = side->ca,
    };

    side->opened = side->client->calls->open(&work, side->client->protocol);
    for (size_t i = 0; i < GETS; i++)
        side->client->calls->set(side->opened, i);
}

static void get(void *context)
{
    const struct side *side = context;

    for (int i = 0; i < GETS; i++)
        side->client->calls->get(side->opened, 0);
}

static void get_together(void *context)
{
    const struct side *side = context;

    side->client->calls->get_all(side->opened);
}

/*
 * Handshakes.
 */

static omcache_t *shaker;
static omcache_tls_t *settings;

static omcache_t *open_shaker(const char *servers)
{
    omcache_t *mc = omcache_init();

    bench_need(mc != NULL && omcache_set_tls(mc, settings) == OMCACHE_OK &&
                   omcache_set_servers(mc, servers) == OMCACHE_OK,
               "a client");
    return mc;
}

static void say_noop(omcache_t *mc, int server)
{
    bench_need(omcache_noop(mc, server, -1) == OMCACHE_OK, "a no-op");
}

static int connection; /* the descriptor of the one that it has */

static void note_connection(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    (void)context;
    connection = events > 0 ? fd : -1;
}

/* Ends it from below, as a network may. */
static void cut(void)
{
    bench_need(connection >= 0, "a connection");
    shutdown(connection, SHUT_RDWR);
    omcache_process_fd(shaker, connection, POLLIN);
    bench_need(connection < 0, "no connection");
}

/* New settings have no session yet. */
static void renew(void *context)
{
    (void)context;
    for (int i = 0; i < HANDSHAKES; i++)
        bench_need(omcache_set_tls(shaker, settings) == OMCACHE_OK, "TLS");
}

static void check(int is_resumed)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};

    bench_need(omcache_server_stats(shaker, 0, &stats) == OMCACHE_OK &&
                   !stats.tls_resumed == !is_resumed,
               is_resumed ? "a session that is resumed" : "a full handshake");
}

static void shake_fully(void *context)
{
    (void)context;
    for (int i = 0; i < HANDSHAKES; i++) {
        bench_need(omcache_set_tls(shaker, settings) == OMCACHE_OK, "TLS");
        cut();
        say_noop(shaker, 0);
        check(0);
    }
}

static void resume(void *context)
{
    (void)context;
    for (int i = 0; i < HANDSHAKES; i++) {
        cut();
        say_noop(shaker, 0);
        check(1);
    }
}

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double longest;

static void note_call(double begun)
{
    double took = now_ns() - begun;

    longest = took > longest ? took : longest;
}

/* Calls with a timeout of 0 while there are handshakes; `longest` is how long one takes. */
static void call_often(void)
{
    for (int i = 0; i < LOOKED_AT; i++) {
        double begun;
        int rc;

        if (i % 2 == 0)
            renew(NULL);
        cut();
        begun = now_ns();
        rc = omcache_get(shaker, (const unsigned char *)"none", 4, NULL, NULL, NULL, NULL, 0);
        note_call(begun);
        bench_need(rc == OMCACHE_BUFFERED || rc == OMCACHE_AGAIN, "a get");
        do {
            begun = now_ns();
            rc = omcache_io(shaker, NULL, NULL, NULL, NULL, 0);
            note_call(begun);
        } while (rc == OMCACHE_AGAIN);
        bench_need(rc == OMCACHE_OK, "an answer");
    }
}

/*
 * Memory.
 */

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Bytes that a connection holds. */
static size_t measure_connection(const char *scheme)
{
    static char list[CONNECTIONS * (BENCH_ADDRESS_ROOM + 8)];
    size_t before, end = 0;
    omcache_t *mc;

    for (int i = 0; i < CONNECTIONS; i++)
        end += (size_t)snprintf(list + end, sizeof(list) - end, "%s%s%s", i == 0 ? "" : ",", scheme,
                                scheme[1] == 'c' ? secure.plain : secure.tls);
    mc = open_shaker(list);
    before = heap();
    for (int i = 0; i < CONNECTIONS; i++)
        say_noop(mc, i);
    omcache_io(mc, NULL, NULL, NULL, NULL, 0);
    before = heap() - before;
    omcache_free(mc);
    return before / CONNECTIONS;
}

/*
 * All of it.
 */

/* The parts' places below: the first two rows are those of a table. */
enum {
    SIDES = 4,
    FULL = 2 * SIDES,
    RESUMED,
    SETTINGS,
    PARTS,
};

static const struct bench_part parts[PARTS] = {
    {"get-plain", get, &plain, 0, NULL},
    {"get-tls", get, &tls, 0, NULL},
    {"get-binary", get, &binary, 0, &secure.tunnel_clock},
    {"get-text", get, &text, 0, &secure.tunnel_clock},
    {"multi-plain", get_together, &plain, 0, NULL},
    {"multi-tls", get_together, &tls, 0, NULL},
    {"multi-binary", get_together, &binary, 0, &secure.tunnel_clock},
    {"multi-text", get_together, &text, 0, &secure.tunnel_clock},
    [FULL] = {"handshake-full", shake_fully, NULL, 0, NULL},
    [RESUMED] = {"handshake-resumed", resume, NULL, 0, NULL},
    [SETTINGS] = {"settings", renew, NULL, 0, NULL},
};

static void report_gets(const double *figures, enum bench_measure measure, int is_outside)
{
    static const char *const rows[] = {"get", "multi-get of 100, a key"};
    const char *const columns[] = {plain.title, tls.title, binary.title, text.title};
    double each[2 * SIDES], theirs;
    const struct bench_table table = {
        .title = is_outside             ? "Gets, outside OpenSSL"
                 : measure == BENCH_CPU ? "Gets, ns, in the client's process and in stunnel"
                                        : "Gets, in the client's process alone",
        .unit = bench_unit(measure),
        .row_count = 2,
        .column_count = SIDES,
        .rows = rows,
        .columns = columns,
        .figures = each,
    };

    for (int i = 0; i < 2 * SIDES; i++)
        each[i] = figures[i] / GETS;
    bench_table_print(&table);
    for (int i = 0; i < 2; i++) {
        const double *row = each + (ptrdiff_t)i * SIDES;

        theirs = fmin(row[2], row[3]);
        printf("  %s: TLS / plain %.2f", rows[i], row[1] / row[0]);
        if (is_outside && i == 0)
            printf("   (at most %.2f: %s)", OUTSIDE_TARGET,
                   bench_verdict(row[1] / row[0], OUTSIDE_TARGET + 0.005));
        if (measure == BENCH_CPU && !isnan(theirs))
            printf(", TLS / libmemcached with stunnel %.2f", row[1] / theirs);
        printf("\n");
    }
}

static void report_handshakes(const double *figures, const char *unit, int is_wall)
{
    double full = (figures[FULL] - figures[SETTINGS]) / HANDSHAKES;
    double resumed = figures[RESUMED] / HANDSHAKES;

    printf("\nConnecting, with a handshake and a no-op, %s\n", unit);
    printf("  full      %12.0f\n  resumed   %12.0f\n", full, resumed);
    if (is_wall)
        printf("  a second, of one client that waits for each: %.0f full, %.0f resumed\n",
               1e9 / full, 1e9 / resumed);
}

static void report_rest(void)
{
    printf("\nMemory, bytes of the heap that a connection holds\n");
    printf("  plain     %12zu\n", measure_connection("tcp://"));
    printf("  TLS       %12zu\n", measure_connection("tls://"));
    call_often();
    printf("\nThe longest call with a timeout of 0 during %d handshakes: %.0f us\n", LOOKED_AT,
           longest / 1000);
}

static void report(const double *figures, enum bench_measure measure)
{
    const char *unit = bench_unit(measure);
    const char *outside = getenv("OUTSIDE");

    if (measure != BENCH_WALL)
        report_gets(figures, measure, outside != NULL && outside[0] != '\0');
    if (!isnan(figures[FULL]) && !isnan(figures[RESUMED]) && !isnan(figures[SETTINGS]))
        report_handshakes(figures, unit, measure == BENCH_WALL);
    if (measure == BENCH_CPU)
        report_rest();
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, PARTS, report};
    int code;

    bench_server_start_secure(&secure);
    settings = omcache_tls_new();
    bench_need(settings != NULL &&
                   omcache_tls_set_ca_file(settings, secure.certificate) == OMCACHE_OK,
               "TLS");
    open_side(&plain);
    open_side(&tls);
    open_side(&binary);
    open_side(&text);
    shaker = open_shaker(secure.tls);
    omcache_set_watch_callback(shaker, note_connection, NULL);
    say_noop(shaker, 0);
    code = bench_main(&bench, argc, argv);
    omcache_free(shaker);
    omcache_tls_free(settings);
    plain.client->calls->close(plain.opened);
    tls.client->calls->close(tls.opened);
    binary.client->calls->close(binary.opened);
    text.client->calls->close(text.opened);
    bench_server_stop_secure(&secure);
    return code;
}
