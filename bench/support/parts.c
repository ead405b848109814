/*
 * Measuring; see parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/parts.h"

#include <fnmatch.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
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

void *bench_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    bench_need(memory != NULL, "memory");
    return memory;
}

const char *bench_verdict(double figure, double limit)
{
    if (isnan(figure))
        return "not measured";
    return figure <= limit ? "reached" : "MISSED";
}

const char *bench_unit(enum bench_measure measure)
{
    static const char *const units[BENCH_MEASURES] = {
        [BENCH_CPU] = "ns",
        [BENCH_WALL] = "ns",
        [BENCH_INSTRUCTIONS] = "instructions",
        [BENCH_SYSCALLS] = "system calls",
    };

    return units[measure];
}

int bench_first_core(void)
{
    cpu_set_t set;
    int core = 0;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -1;
    while (core < CPU_SETSIZE && !CPU_ISSET((size_t)core, &set))
        core++;
    return core < CPU_SETSIZE ? core : -1;
}

int bench_last_core(void)
{
    cpu_set_t set;
    int core = CPU_SETSIZE - 1;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -1;
    while (core >= 0 && !CPU_ISSET((size_t)core, &set))
        core--;
    return core;
}

int bench_pin(int core)
{
    cpu_set_t set;

    if (core < 0)
        return 0;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* Nanoseconds of a clock. */
static double now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
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

/* Whether $PARTS says that a part is to be measured. */
static bool is_wanted(const struct bench_part *part)
{
    const char *pattern = getenv("PARTS");

    return pattern == NULL || fnmatch(pattern, part->name, 0) == 0;
}

/* CPU time is this thread's, and that of a process that works for it: what else runs meanwhile does
 * not count. */
static double cpu_now(const struct bench_part *part)
{
    return now(CLOCK_THREAD_CPUTIME_ID) + (part->also != NULL ? now(*part->also) : 0);
}

/* Does all parts in turn, in so many rounds.  Each is done twice, and the second time
 * counts: it finds the caches as steady use leaves them, not the part before. */
static void measure(const struct bench *bench, size_t rounds, double *cpu, double *wall)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t part = 0; part < bench->count; part++) {
            const struct bench_part *it = &bench->parts[part];
            double cpu_start, wall_start;

            if (!is_wanted(it))
                continue;
            it->run(it->context);
            wall_start = now(CLOCK_MONOTONIC);
            cpu_start = cpu_now(it);
            it->run(it->context);
            cpu[part * rounds + round] = cpu_now(it) - cpu_start;
            wall[part * rounds + round] = now(CLOCK_MONOTONIC) - wall_start;
        }
    }
}

static void report_medians(const struct bench *bench, size_t rounds, double *times,
                           enum bench_measure by)
{
    double *medians = bench_memory(bench->count, sizeof(*medians));

    for (size_t part = 0; part < bench->count; part++)
        medians[part] =
            is_wanted(&bench->parts[part]) ? median(times + part * rounds, rounds) : NAN;
    bench->report(medians, by);
    free(medians);
}

static bool is_any_wanted(const struct bench *bench)
{
    for (size_t part = 0; part < bench->count; part++) {
        if (is_wanted(&bench->parts[part]))
            return true;
    }
    return false;
}

static int by_the_clock(const struct bench *bench, size_t rounds)
{
    int core = bench_last_core();
    double *cpu, *wall;

    if (!is_any_wanted(bench))
        return 0;
    cpu = bench_memory(bench->count * rounds, sizeof(*cpu));
    wall = bench_memory(bench->count * rounds, sizeof(*wall));
    printf("Medians of %zu interleaved rounds, ", rounds);
    /* The last core: the first has most to do for others. */
    if (bench_pin(core))
        printf("on core %d\n", core);
    else
        printf("not pinned to a core\n");
    fflush(stdout);
    measure(bench, rounds, cpu, wall);
    report_medians(bench, rounds, cpu, BENCH_CPU);
    report_medians(bench, rounds, wall, BENCH_WALL);
    free(cpu);
    free(wall);
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
        bench_pin(bench_last_core());
        while (times-- > 0)
            bench->parts[part].run(bench->parts[part].context);
        return 0;
    }
    fprintf(stderr, "no part is called %s\n", name);
    return 2;
}

/* The figure given for a part, or NAN. */
static double figure_of(const char *part, char **texts)
{
    size_t len = strlen(part);

    for (; *texts != NULL; texts++) {
        if (strncmp(*texts, part, len) == 0 && (*texts)[len] == '=')
            return strtod(*texts + len + 1, NULL);
    }
    return NAN;
}

static int report(const struct bench *bench, enum bench_measure by, char **texts)
{
    double *figures = bench_memory(bench->count, sizeof(*figures));

    for (size_t part = 0; part < bench->count; part++)
        figures[part] = figure_of(bench->parts[part].name, texts);
    bench->report(figures, by);
    free(figures);
    return 0;
}

static int list(const struct bench *bench, enum bench_measure by)
{
    for (size_t part = 0; part < bench->count; part++) {
        if (is_wanted(&bench->parts[part]) && !(bench->parts[part].not_by & 1u << by))
            puts(bench->parts[part].name);
    }
    return 0;
}

/* What others count. */
static bool read_measure(const char *text, enum bench_measure *by)
{
    for (int each = BENCH_INSTRUCTIONS; each < BENCH_MEASURES; each++) {
        *by = (enum bench_measure)each;
        if (strcmp(text, bench_unit(*by)) == 0)
            return true;
    }
    return false;
}

int bench_main(const struct bench *bench, int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    size_t number = ROUNDS;
    enum bench_measure by;

    if (argc == 1 || (argc == 2 && read_number(what, ROUNDS_MAX, &number)))
        return by_the_clock(bench, number);
    if (argc == 4 && strcmp(what, "run") == 0 && read_number(argv[3], TIMES_MAX, &number))
        return run(bench, argv[2], number);
    if (argc == 3 && strcmp(what, "parts") == 0 && read_measure(argv[2], &by))
        return list(bench, by);
    if (argc >= 3 && strcmp(what, "report") == 0 && read_measure(argv[2], &by))
        return report(bench, by, argv + 3);
    fprintf(stderr,
            "usage: %s [ROUNDS] | parts MEASURE | run PART TIMES | report MEASURE PART=FIGURE...\n",
            argv[0]);
    return 2;
}
