/*
 * Measuring; see parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/parts.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 101,
    ROUNDS_MAX = 100000,
    TIMES_MAX = 1000000,
};

volatile unsigned bench_sink;

void bench_need(int well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

/* Stays on the last core that is allowed, as the first has most to do for others;
 * its number, or -1. */
static int pin(void)
{
    cpu_set_t set;
    size_t core = CPU_SETSIZE;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -1;
    while (core > 0 && !CPU_ISSET(core - 1, &set))
        core--;
    if (core == 0)
        return -1;
    CPU_ZERO(&set);
    CPU_SET(core - 1, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? (int)core - 1 : -1;
}

/* This thread's CPU time in nanoseconds: what else runs meanwhile does not count. */
static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static double median(double *figures, size_t count)
{
    qsort(figures, count, sizeof(*figures), by_value);
    return (figures[(count - 1) / 2] + figures[count / 2]) / 2;
}

/* Does all parts in turn, in so many rounds.  Each is done twice, and the second time
 * counts: it finds the caches as steady use leaves them, not the part before. */
static void measure(const struct bench *bench, size_t rounds, double *medians)
{
    double *times = calloc(bench->count * rounds, sizeof(*times));

    bench_need(times != NULL, "memory");
    for (size_t round = 0; round < rounds; round++) {
        for (size_t part = 0; part < bench->count; part++) {
            double start;

            bench->parts[part].run();
            start = now();
            bench->parts[part].run();
            times[part * rounds + round] = now() - start;
        }
    }
    for (size_t part = 0; part < bench->count; part++)
        medians[part] = median(times + part * rounds, rounds);
    free(times);
}

static int by_the_clock(const struct bench *bench, size_t rounds, double *figures)
{
    int core = pin();

    measure(bench, rounds, figures);
    printf("CPU time, medians of %zu interleaved rounds, ", rounds);
    if (core >= 0)
        printf("on core %d\n", core);
    else
        printf("not pinned to a core\n");
    bench->report(figures, "ns");
    return 0;
}

/* A number from 1 to max; false if it is none. */
static bool read_number(const char *text, long max, size_t *number)
{
    char *end;
    long value = strtol(text, &end, 10);

    *number = (size_t)value;
    return end != text && *end == '\0' && value >= 1 && value <= max;
}

static int run(const struct bench *bench, const char *name, size_t times)
{
    for (size_t part = 0; part < bench->count; part++) {
        if (strcmp(bench->parts[part].name, name) != 0)
            continue;
        while (times-- > 0)
            bench->parts[part].run();
        return 0;
    }
    fprintf(stderr, "no part is called %s\n", name);
    return 2;
}

static int report(const struct bench *bench, char **texts, double *figures)
{
    for (size_t part = 0; part < bench->count; part++)
        figures[part] = strtod(texts[1 + part], NULL);
    bench->report(figures, texts[0]);
    return 0;
}

static int list(const struct bench *bench)
{
    for (size_t part = 0; part < bench->count; part++)
        puts(bench->parts[part].name);
    return 0;
}

static int call(const struct bench *bench, int argc, char **argv, double *figures)
{
    const char *what = argc > 1 ? argv[1] : "";
    size_t number = ROUNDS;

    if (argc == 1 || (argc == 2 && read_number(what, ROUNDS_MAX, &number)))
        return by_the_clock(bench, number, figures);
    if (argc == 2 && strcmp(what, "parts") == 0)
        return list(bench);
    if (argc == 4 && strcmp(what, "run") == 0 && read_number(argv[3], TIMES_MAX, &number))
        return run(bench, argv[2], number);
    if (strcmp(what, "report") == 0 && (size_t)argc == 3 + bench->count)
        return report(bench, argv + 2, figures);
    fprintf(stderr, "usage: %s [ROUNDS] | parts | run PART TIMES | report UNIT FIGURE...\n",
            argv[0]);
    return 2;
}

int bench_main(const struct bench *bench, int argc, char **argv)
{
    double *figures = calloc(bench->count, sizeof(*figures));
    int code;

    bench_need(figures != NULL, "memory");
    code = call(bench, argc, argv, figures);
    free(figures);
    return code;
}
