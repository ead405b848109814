/*
 * Tables of figures; see table.h.
 */
#include "support/table.h"

#include <math.h>

enum { TITLE_WIDTH = 34, WIDTH = 14 };

double bench_table_figure(const struct bench_table *table, size_t row, size_t column)
{
    return table->figures[row * table->column_count + column];
}

const char *bench_table_write(double figure, char room[32])
{
    if (isnan(figure))
        snprintf(room, 32, "-");
    else
        snprintf(room, 32, "%.*f", figure < 10 ? 2 : figure < 100 ? 1 : 0, figure);
    return room;
}

static int is_empty(const struct bench_table *table, size_t row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (!isnan(bench_table_figure(table, row, i)))
            return 0;
    }
    return 1;
}

/* A title of two words or more stands in two lines. */
static void print_titles(const struct bench_table *table)
{
    for (int second = 0; second < 2; second++) {
        printf("  %*s", -TITLE_WIDTH, "");
        for (size_t i = 0; i < table->column_count; i++) {
            const char *title = table->columns[i], *space = title;
            int len;

            while (*space != '\0' && *space != ' ')
                space++;
            len = (int)(space - title);
            if (second)
                printf("%*s", WIDTH, *space == ' ' ? space + 1 : "");
            else
                printf("%*.*s", WIDTH, len, title);
        }
        putchar('\n');
    }
}

void bench_table_print(const struct bench_table *table)
{
    char room[32];

    printf("\n%s\n\n", table->title);
    print_titles(table);
    for (size_t row = 0; row < table->row_count; row++) {
        if (is_empty(table, row))
            continue;
        printf("  %*s", -TITLE_WIDTH, table->rows[row]);
        for (size_t i = 0; i < table->column_count; i++)
            printf("%*s", WIDTH, bench_table_write(bench_table_figure(table, row, i), room));
        putchar('\n');
    }
}

void bench_table_markdown(const struct bench_table *table, FILE *to)
{
    char room[32];

    fprintf(to, "| %s |", table->unit);
    for (size_t i = 0; i < table->column_count; i++)
        fprintf(to, " %s |", table->columns[i]);
    fprintf(to, "\n|---|");
    for (size_t i = 0; i < table->column_count; i++)
        fprintf(to, "--:|");
    for (size_t row = 0; row < table->row_count; row++) {
        if (is_empty(table, row))
            continue;
        fprintf(to, "\n| %s |", table->rows[row]);
        for (size_t i = 0; i < table->column_count; i++)
            fprintf(to, " %s |", bench_table_write(bench_table_figure(table, row, i), room));
    }
    fputc('\n', to);
}
