/*
 * What was promised of figures: how far each promise is kept.
 */
#ifndef BENCH_SUPPORT_TARGETS_H
#define BENCH_SUPPORT_TARGETS_H

#include <stddef.h>
#include <stdio.h>

#include "support/parts.h"
#include "support/table.h"

enum { BENCH_COLUMNS_MAX = 8 };

/* What a figure is held against. */
enum bench_versus {
    BENCH_ITSELF,
    BENCH_FLOOR,  /* the figure in the first column, */
    BENCH_THEIRS, /* the better of those in the next two, */
    BENCH_ROW,    /* or that of another row */
};

struct bench_target {
    const char *row;
    enum bench_measure measure;
    enum bench_versus versus;
    const char *other;                /* for BENCH_ROW */
    double limits[BENCH_COLUMNS_MAX]; /* by column; 0: none */
};

/* Where the figures of a row are; the names of rows are not those that tables have. */
struct bench_targets {
    const struct bench_target *targets;
    size_t count;
    size_t (*row_of)(const char *name);
};

/* Prints all about a measure, and as Markdown to a file, if there is one. */
void bench_targets_report(const struct bench_targets *all, enum bench_measure measure,
                          const struct bench_table *table, FILE *file);

#endif
