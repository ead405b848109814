/*
 * Figures in rows and columns, for people: as text and as markdown.
 */
#ifndef BENCH_SUPPORT_TABLE_H
#define BENCH_SUPPORT_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct bench_table {
    const char *title, *unit;
    size_t row_count, column_count;
    const char *const *rows, *const *columns;
    const double *figures; /* row by row; NAN: nothing is known */
};

double bench_table_figure(const struct bench_table *table, size_t row, size_t column);

/* How a figure is written: "12.3", "123", or "-" for NAN. */
const char *bench_table_write(double figure, char room[32]);

void bench_table_print(const struct bench_table *table);
void bench_table_markdown(const struct bench_table *table, FILE *to);

#endif
