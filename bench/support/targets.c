/*
 * Promises and figures; see targets.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/targets.h"

#include <math.h>

static double base_of(const struct bench_targets *all, const struct bench_target *target,
                      const struct bench_table *table, size_t row, size_t column)
{
    switch (target->versus) {
    case BENCH_FLOOR:
        return bench_table_figure(table, row, 0);
    case BENCH_THEIRS:
        return fmin(bench_table_figure(table, row, 1), bench_table_figure(table, row, 2));
    case BENCH_ROW:
        return bench_table_figure(table, all->row_of(target->other), column);
    default:
        return 1;
    }
}

static void report_one(const struct bench_targets *all, const struct bench_target *target,
                       const struct bench_table *table, size_t column, FILE *file)
{
    static const char *const versus[] = {
        [BENCH_ITSELF] = "",
        [BENCH_FLOOR] = " / socket",
        [BENCH_THEIRS] = " / libmemcached",
        [BENCH_ROW] = " / ",
    };
    size_t row = all->row_of(target->row);
    double limit = target->limits[column];
    double ratio =
        bench_table_figure(table, row, column) / base_of(all, target, table, row, column);
    const char *verdict = bench_verdict(ratio, limit + 0.005); /* as it is written */
    char what[64], room[2][32];

    if (isnan(ratio))
        return;
    snprintf(what, sizeof(what), "%s%s%s", table->columns[column], versus[target->versus],
             target->versus == BENCH_ROW ? target->other : "");
    bench_table_write(ratio, room[0]);
    bench_table_write(limit, room[1]);
    printf("  %-12s%-34s%8s   (at most %s: %s)\n", target->row, what, room[0], room[1], verdict);
    if (file != NULL)
        fprintf(file, "| %s | %s | %s | %s | %s |\n", table->rows[row], what, room[0], room[1],
                verdict);
}

void bench_targets_report(const struct bench_targets *all, enum bench_measure measure,
                          const struct bench_table *table, FILE *file)
{
    printf("\n");
    if (file != NULL)
        fprintf(file, "\n| | | measured | at most | |\n|---|---|--:|--:|---|\n");
    for (size_t i = 0; i < all->count; i++) {
        for (size_t column = 0; column < table->column_count; column++) {
            if (all->targets[i].measure == measure && all->targets[i].limits[column] > 0)
                report_one(all, &all->targets[i], table, column, file);
        }
    }
}
