/*
 * Clients of memcached against each other: OMcache over each of its protocols,
 * libmemcached over both of its, and the floor, a bare socket; and with $BENCH_CLIENT a
 * shared object, the client in that.
 *
 * `make bench` runs it, `make bench-instructions` and `make bench-syscalls` count what
 * it takes.  With $BENCH_OUT a folder, tables and charts are written there, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/chart.h"
#include "support/client.h"
#include "support/parts.h"
#include "support/server.h"
#include "support/table.h"
#include "support/targets.h"

/* The columns. */
enum { FLOOR, THEIR_BINARY, THEIR_TEXT, BINARY, META, TEXT, DEFAULT, OTHER, CLIENTS };

static const struct bench_client *clients[CLIENTS] = {
    [FLOOR] = &bench_floor,
    [THEIR_BINARY] = &bench_libmemcached_binary,
    [THEIR_TEXT] = &bench_libmemcached_text,
    [BINARY] = &bench_ours_binary,
    [META] = &bench_ours_meta,
    [TEXT] = &bench_ours_text,
    [DEFAULT] = &bench_ours_auto,
};

/* What each of the parts is: a row's work done by a client. */
struct job {
    const struct row *row;
    const struct bench_client *client;
    void *opened; /* once it has been needed */
    char name[64];
};

/* The rows. */
struct row {
    const char *name, *title;
    void (*work)(struct job *job);
    size_t times; /* operations in a part, which figures are divided by */
    unsigned servers;
    size_t value_len;
    size_t outstanding; /* operations */
    unsigned measures;  /* beyond time */
    bool drawn;         /* in the chart of times */
    bool watched;       /* by an event loop, although it waits */
};

enum {
    KEYS = BENCH_KEYS_MAX,
    SMALL = 100, /* bytes */
    LARGE = 64 * 1024,
    VERY_LARGE = 1024 * 1024,
    COUNTED = 1u << BENCH_INSTRUCTIONS,
    BOTH = 1u << BENCH_INSTRUCTIONS | 1u << BENCH_SYSCALLS,
    THEIR_SERVERS_MAX = 100, /* with more, libmemcached 1.1.4 aborts, at an assertion */
    LIST_ROOM = 10000 * 24,  /* bytes of a list of servers */
    IDLE_USEC = 6000,
};

static void get_together(struct job *job);
static void set_together(struct job *job);
static void send_together(struct job *job);

static bool is_buffered(const struct row *row)
{
    return row->work == set_together || row->work == send_together;
}

static bool is_batch(const struct row *row)
{
    return row->work == get_together || is_buffered(row);
}

/* Of two keys, from lists of servers that may be long. */
static bool is_pair(const struct row *row)
{
    return is_batch(row) && row->outstanding == 2;
}

/* A batch is of all keys at once.  Large values would not all fit into memcached's slabs, nor into
 * a cache. */
static size_t keys_of(const struct row *row)
{
    if (is_batch(row))
        return row->outstanding;
    return row->value_len == SMALL ? KEYS : 1;
}

static void get_one_by_one(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i++)
        job->client->calls->get(job->opened, i % keys_of(job->row));
}

/* Each of which finds a connection that has been silent for a while. */
static void get_after_silence(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i++) {
        usleep(IDLE_USEC);
        job->client->calls->get(job->opened, i % keys_of(job->row));
    }
}

static void set_one_by_one(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i++)
        job->client->calls->set(job->opened, i % keys_of(job->row));
}

static void get_together(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i += keys_of(job->row))
        job->client->calls->get_all(job->opened);
}

static void set_together(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i += keys_of(job->row))
        job->client->calls->set_all(job->opened);
}

static void send_together(struct job *job)
{
    for (size_t i = 0; i < job->row->times; i += keys_of(job->row))
        job->client->calls->send_all(job->opened);
}

static void get_async(struct job *job)
{
    job->client->calls->get_async(job->opened, job->row->times, job->row->outstanding);
}

static void look_up(struct job *job)
{
    unsigned sum = 0;

    for (size_t i = 0; i < job->row->times; i++)
        sum += job->client->calls->look_up(job->opened, i % keys_of(job->row));
    bench_sink = sum;
}

static void open_client(struct job *job);

static void build(struct job *job)
{
    job->client->calls->close(job->opened);
    open_client(job);
}

static const struct row rows[] = {
    {"get", "get, waiting", get_one_by_one, 100, 1, SMALL, 1, BOTH, true, false},
    {"get-idle", "get, 6 ms after the last", get_after_silence, 4, 1, SMALL, 1, BOTH, true, false},
    {"get-watch", "get, with a watch callback", get_one_by_one, 100, 1, SMALL, 1, BOTH, true, true},
    {"set", "set, waiting", set_one_by_one, 100, 1, SMALL, 1, BOTH, true, false},
    {"set-watch", "set, with a watch callback", set_one_by_one, 100, 1, SMALL, 1, BOTH, false,
     true},
    {"multi-1", "multi-get of 100", get_together, 1000, 1, SMALL, 100, BOTH, true, false},
    {"multi-10", "multi-get of 100 from 10 servers", get_together, 1000, 10, SMALL, 100, COUNTED,
     true, false},
    {"multi-100", "multi-get of 100 from 100 servers", get_together, 500, 100, SMALL, 100, COUNTED,
     true, false},
    {"pair-10", "multi-get of 2, 10 servers", get_together, 2000, 10, SMALL, 2, COUNTED, false,
     false},
    {"pair-10000", "multi-get of 2, 10,000 servers", get_together, 2000, 10000, SMALL, 2, COUNTED,
     false, false},
    {"sets-1", "100 buffered sets", set_together, 1000, 1, SMALL, 100, BOTH, false, false},
    {"sets-10", "100 buffered sets to 10 servers", set_together, 1000, 10, SMALL, 100, 0, false,
     false},
    {"sets-100", "100 buffered sets to 100 servers", set_together, 500, 100, SMALL, 100, 0, false,
     false},
    {"sent-1", "the same, not waited for", send_together, 1000, 1, SMALL, 100, BOTH, false, false},
    {"sent-10", "the same to 10 servers", send_together, 1000, 10, SMALL, 100, 0, false, false},
    {"sent-100", "the same to 100 servers", send_together, 500, 100, SMALL, 100, 0, false, false},
    {"get-64k", "get of 64 KiB, waiting", get_one_by_one, 20, 1, LARGE, 1, COUNTED, false, false},
    {"set-64k", "set of 64 KiB, waiting", set_one_by_one, 20, 1, LARGE, 1, 0, false, false},
    {"get-1m", "get of 1 MiB, waiting", get_one_by_one, 4, 1, VERY_LARGE, 1, COUNTED, true, false},
    {"set-1m", "set of 1 MiB, waiting", set_one_by_one, 4, 1, VERY_LARGE, 1, COUNTED, true, false},
    {"async-1", "asynchronous get, 1 outstanding", get_async, 128, 1, SMALL, 1, 0, false, false},
    {"async-16", "asynchronous get, 16 outstanding", get_async, 1024, 1, SMALL, 16, 0, false,
     false},
    {"async-256", "asynchronous get, 256 outstanding", get_async, 2048, 1, SMALL, 256, COUNTED,
     true, false},
    {"look-up-3", "finding a key's server, of 3", look_up, 10000, 3, SMALL, 1, 0, false, false},
    {"look-up-100", "finding a key's server, of 100", look_up, 10000, 100, SMALL, 1, 0, false,
     false},
    {"look-up-1000", "finding a key's server, of 1,000", look_up, 10000, 1000, SMALL, 1, 0, false,
     false},
    {"build-100", "building a list of 100 servers", build, 1, 100, SMALL, 1, 0, false, false},
    {"build-1000", "building a list of 1,000 servers", build, 1, 1000, SMALL, 1, 0, false, false},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

#define OURS(binary, meta) .limits = {[BINARY] = (binary), [META] = (meta)}
#define CHOSEN(binary, chosen) .limits = {[BINARY] = (binary), [DEFAULT] = (chosen)}

/* What was promised over some protocols; of times over the one chosen by default, too. */
static const struct bench_target target_list[] = {
    {"get", BENCH_WALL, BENCH_FLOOR, NULL, CHOSEN(1.05, 1.05)},
    {"multi-1", BENCH_CPU, BENCH_FLOOR, NULL, CHOSEN(1.2, 1.2)},
    {"multi-10", BENCH_CPU, BENCH_FLOOR, NULL, CHOSEN(1.2, 1.2)},
    {"multi-100", BENCH_CPU, BENCH_FLOOR, NULL, CHOSEN(1.2, 1.2)},
    {"multi-1", BENCH_CPU, BENCH_THEIRS, NULL, CHOSEN(0.9, 0.9)},
    {"multi-10", BENCH_CPU, BENCH_THEIRS, NULL, CHOSEN(0.9, 0.9)},
    {"multi-100", BENCH_CPU, BENCH_THEIRS, NULL, CHOSEN(0.9, 0.9)},
    {"async-256", BENCH_CPU, BENCH_FLOOR, NULL, CHOSEN(1.3, 1.3)},
    {"get", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(700, 800)},
    {"get-idle", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(900, 1000)},
    {"get-watch", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(900, 1000)},
    {"set", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(650, 750)},
    {"set-watch", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(900, 1000)},
    {"multi-1", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(350, 450)},
    {"multi-1", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, .limits = {[TEXT] = 600}},
    {"multi-10", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(900, 900)},
    {"multi-100", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(1500, 1500)},
    {"pair-10000", BENCH_INSTRUCTIONS, BENCH_ROW, "pair-10", OURS(1.2, 1.2)},
    {"sets-1", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(400, 400)},
    {"get-64k", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(1000, 1000)},
    {"async-256", BENCH_INSTRUCTIONS, BENCH_ITSELF, NULL, OURS(800, 900)},
    {"get", BENCH_SYSCALLS, BENCH_ITSELF, NULL, CHOSEN(3, 3)},
    {"get-idle", BENCH_SYSCALLS, BENCH_ITSELF, NULL, CHOSEN(3, 3)}, /* it sleeps by one */
    {"set", BENCH_SYSCALLS, BENCH_ITSELF, NULL, CHOSEN(3, 3)},
    {"multi-1", BENCH_SYSCALLS, BENCH_ITSELF, NULL, CHOSEN(4, 4)},
    {"multi-1", BENCH_SYSCALLS, BENCH_ITSELF, NULL, .limits = {[TEXT] = 3}},
};

static struct job jobs[ROWS][CLIENTS];
static struct bench_part parts[ROWS * CLIENTS];

/* What a row's figures are divided by; system calls are counted for the batch. */
static double operations(const struct row *row, enum bench_measure measure)
{
    bool by_batch = measure == BENCH_SYSCALLS && is_batch(row);

    return (double)(by_batch ? row->times / keys_of(row) : row->times);
}

/* Servers that nothing is sent to. */
static void list_fakes(unsigned servers, char list[LIST_ROOM])
{
    size_t end = 0;

    for (unsigned i = 0; i < servers; i++)
        end += (size_t)snprintf(list + end, LIST_ROOM - end, "%s10.20.%u.%u", i == 0 ? "" : ",",
                                i / 250, i % 250 + 1);
}

static bool is_offline(const struct row *row)
{
    return row->work == look_up || row->work == build;
}

/* Any number of servers that are one, so that a key is found at any of them. */
static void list_one(unsigned servers, char list[LIST_ROOM])
{
    char one[BENCH_LIST_ROOM];
    size_t end = 0;

    bench_server_list(1, one);
    for (unsigned i = 0; i < servers; i++)
        end += (size_t)snprintf(list + end, LIST_ROOM - end, "%s%s", i == 0 ? "" : ",", one);
}

static void open_client(struct job *job)
{
    static char list[LIST_ROOM];
    const struct row *row = job->row;
    const struct bench_work work = {
        .servers = list,
        .server_count = row->servers,
        .keys = keys_of(row),
        .value_len = row->value_len,
        .value = bench_value(),
        .buffering = is_buffered(row),
        .looping = row->work == get_async || row->watched,
    };

    if (is_offline(row))
        list_fakes(row->servers, list);
    else if (is_pair(row))
        list_one(row->servers, list);
    else
        bench_server_list(row->servers, list);
    job->opened = job->client->calls->open(&work, job->client->protocol);
}

static bool finds_values(const struct row *row)
{
    return row->work == get_one_by_one || row->work == get_after_silence ||
           row->work == get_together || row->work == get_async;
}

/* What is counted of a part: bench/count.sh and `make bench-profile` know the name. */
__attribute__((noinline)) static void do_part(struct job *job)
{
    job->row->work(job);
}

/* Opens the client first, and stores what it is to find. */
static void run_part(void *context)
{
    struct job *job = context;

    if (job->opened == NULL) {
        open_client(job);
        for (size_t i = 0; finds_values(job->row) && i < keys_of(job->row); i++)
            job->client->calls->set(job->opened, i);
    }
    do_part(job);
}

static bool can(const struct row *row, size_t client)
{
    bool ours = client >= BINARY && client <= DEFAULT;

    if (clients[client] == NULL)
        return false;
    if (row->work == get_async)
        return clients[client]->calls->get_async != NULL;
    if (row->work == set_together)
        return clients[client]->calls->set_all != NULL;
    if (row->work == send_together)
        return clients[client]->calls->send_all != NULL;
    if (is_offline(row)) /* the protocol does not matter */
        return client == DEFAULT || (client == THEIR_TEXT && row->servers <= THEIR_SERVERS_MAX);
    if (row->watched || is_pair(row)) /* the others know no loop, or not so many servers */
        return ours;
    return true;
}

static size_t make_parts(void)
{
    size_t count = 0;

    for (size_t row = 0; row < ROWS; row++) {
        for (size_t client = 0; client < CLIENTS; client++) {
            struct job *job = &jobs[row][client];

            if (!can(&rows[row], client))
                continue;
            job->row = &rows[row];
            job->client = clients[client];
            snprintf(job->name, sizeof(job->name), "%s/%s", rows[row].name, clients[client]->name);
            parts[count++] = (struct bench_part){
                .name = job->name,
                .run = run_part,
                .context = job,
                .not_by = ~rows[row].measures | (client == DEFAULT ? COUNTED : 0),
            };
        }
    }
    return count;
}

static void clean_up(void)
{
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t client = 0; client < CLIENTS; client++) {
            if (jobs[row][client].opened != NULL)
                clients[client]->calls->close(jobs[row][client].opened);
        }
    }
}

static size_t row_of(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return i;
    }
    bench_need(false, "a row of that name");
    return 0;
}

/* A file in $BENCH_OUT; NULL if that is not set. */
static FILE *open_file(const char *name, const char *ending)
{
    const char *folder = getenv("BENCH_OUT");
    char path[4096];
    FILE *file;

    if (folder == NULL)
        return NULL;
    snprintf(path, sizeof(path), "%s/%s%s", folder, name, ending);
    file = fopen(path, "we");
    bench_need(file != NULL, path);
    return file;
}

/* Of the times only some rows, as not all would fit on a page. */
static void draw(const struct bench_table *all, const char *name, bool all_rows)
{
    static const char *const colours[CLIENTS] = {
        [FLOOR] = "#8c959f",   [THEIR_BINARY] = "#d4711e", [THEIR_TEXT] = "#eba66a",
        [BINARY] = "#0a4fa0",  [META] = "#2f7bd6",         [TEXT] = "#7fb4f0",
        [DEFAULT] = "#14867a", [OTHER] = "#8250df",
    };
    double figures[ROWS * CLIENTS];
    const char *titles[ROWS];
    struct bench_table drawn = *all;
    FILE *file = open_file(name, ".svg");

    if (file == NULL)
        return;
    drawn.row_count = 0;
    for (size_t row = 0; row < ROWS; row++) {
        if (all_rows ? isnan(bench_table_figure(all, row, FLOOR)) : !rows[row].drawn)
            continue;
        titles[drawn.row_count] = all->rows[row];
        for (size_t i = 0; i < all->column_count; i++)
            figures[drawn.row_count * all->column_count + i] = bench_table_figure(all, row, i);
        drawn.row_count++;
    }
    drawn.rows = titles;
    drawn.figures = figures;
    bench_chart_write(&drawn, colours, file);
    fclose(file);
}

static void show(const struct bench_table *table, enum bench_measure measure)
{
    static const struct bench_targets targets = {
        target_list, sizeof(target_list) / sizeof(target_list[0]), row_of};
    static const char *const names[BENCH_MEASURES] = {
        [BENCH_CPU] = "cpu",
        [BENCH_WALL] = "wall",
        [BENCH_INSTRUCTIONS] = "instructions",
        [BENCH_SYSCALLS] = "syscalls",
    };
    FILE *file = open_file(names[measure], ".md");

    bench_table_print(table);
    if (file != NULL)
        bench_table_markdown(table, file);
    bench_targets_report(&targets, measure, table, file);
    if (file != NULL)
        fclose(file);
    draw(table, names[measure], measure == BENCH_INSTRUCTIONS || measure == BENCH_SYSCALLS);
}

static void report(const double *by_part, enum bench_measure measure)
{
    static const char *const titles[BENCH_MEASURES] = {
        [BENCH_CPU] = "CPU time per operation, in ns (batches: per key)",
        [BENCH_WALL] = "Time by the wall clock per operation, in ns (batches: per key)",
        [BENCH_INSTRUCTIONS] = "Instructions per operation (batches: per key)",
        [BENCH_SYSCALLS] = "System calls per operation (batches: per batch)",
    };
    size_t columns = clients[OTHER] == NULL ? OTHER : CLIENTS;
    double figures[ROWS * CLIENTS];
    const char *row_titles[ROWS], *client_titles[CLIENTS];
    const struct bench_table table = {
        .title = titles[measure],
        .unit = bench_unit(measure),
        .row_count = ROWS,
        .column_count = columns,
        .rows = row_titles,
        .columns = client_titles,
        .figures = figures,
    };

    for (size_t row = 0; row < ROWS; row++) {
        row_titles[row] = rows[row].title;
        for (size_t client = 0; client < columns; client++) {
            client_titles[client] = clients[client]->title;
            figures[row * columns + client] =
                can(&rows[row], client) ? *by_part++ / operations(&rows[row], measure) : NAN;
        }
    }
    show(&table, measure);
}

/* The client in a shared object, whose name for it is bench_client. */
static const struct bench_client *load_client(const char *path)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    const struct bench_client *client;

    bench_need(object != NULL, dlerror());
    client = dlsym(object, "bench_client");
    bench_need(client != NULL, "bench_client in the object that $BENCH_CLIENT names");
    return client;
}

int main(int argc, char **argv)
{
    const char *other = getenv("BENCH_CLIENT");
    struct bench bench = {parts, 0, report};
    int code;

    if (other != NULL)
        clients[OTHER] = load_client(other);
    bench.count = make_parts();
    bench_value(); /* makes it, so that nobody is charged for that */
    bench_server_start(BENCH_SERVERS_MAX);
    code = bench_main(&bench, argc, argv);
    clean_up();
    bench_server_stop();
    return code;
}
