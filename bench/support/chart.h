/*
 * A table as a picture.
 */
#ifndef BENCH_SUPPORT_CHART_H
#define BENCH_SUPPORT_CHART_H

#include <stdio.h>

#include "support/table.h"

/* Writes an SVG: a group of bars for each row, the longest of it as wide as there is room.
 * Each column has its colour. */
void bench_chart_write(const struct bench_table *table, const char *const *colours, FILE *to);

#endif
