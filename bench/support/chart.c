/*
 * Charts of bars; see chart.h.
 */
#include "support/chart.h"

#include <math.h>

/* In pixels.  Groups stand side by side in two columns. */
enum {
    MARGIN = 20,
    HEAD = 44, /* the chart's title */
    GROUP_WIDTH = 450,
    GROUP_HEAD = 26,
    GROUP_GAP = 18,
    LABEL_WIDTH = 150,
    BAR_WIDTH = 210, /* of the longest */
    BAR_HEIGHT = 13,
    BAR_STEP = 18,
};

/* How many bars a group has room for: as many as the row with the most. */
static size_t count_bars(const struct bench_table *table)
{
    size_t most = 0;

    for (size_t row = 0; row < table->row_count; row++) {
        size_t count = 0;

        for (size_t i = 0; i < table->column_count; i++)
            count += isnan(bench_table_figure(table, row, i)) ? 0 : 1;
        most = count > most ? count : most;
    }
    return most;
}

static double find_longest(const struct bench_table *table, size_t row)
{
    double longest = 0;

    for (size_t i = 0; i < table->column_count; i++)
        longest = fmax(longest, bench_table_figure(table, row, i)); /* passes over NAN */
    return longest;
}

static void write_group(const struct bench_table *table, size_t row, const char *const *colours,
                        int x, int y, FILE *to)
{
    double longest = find_longest(table, row);
    char room[32];

    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"14\" font-weight=\"bold\">%s</text>\n", x,
            y + 14, table->rows[row]);
    y += GROUP_HEAD;
    for (size_t i = 0; i < table->column_count; i++) {
        double figure = bench_table_figure(table, row, i);
        double width = fmax(1, BAR_WIDTH * figure / longest);

        if (isnan(figure))
            continue;
        fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", x + LABEL_WIDTH - 8,
                y + BAR_HEIGHT - 2, table->columns[i]);
        fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n",
                x + LABEL_WIDTH, y, width, BAR_HEIGHT, colours[i]);
        fprintf(to, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", x + LABEL_WIDTH + width + 6,
                y + BAR_HEIGHT - 2, bench_table_write(figure, room));
        y += BAR_STEP;
    }
}

void bench_chart_write(const struct bench_table *table, const char *const *colours, FILE *to)
{
    int group_height = GROUP_HEAD + (int)count_bars(table) * BAR_STEP + GROUP_GAP;
    int width = 2 * MARGIN + 2 * GROUP_WIDTH;
    int height = MARGIN + HEAD + (int)((table->row_count + 1) / 2) * group_height;

    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" "
            "fill=\"#1f2328\">\n",
            width, height, width, height);
    fprintf(to, "<rect width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#ffffff\"/>\n", width, height);
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"18\">%s</text>\n", MARGIN, MARGIN + 16,
            table->title);
    for (size_t row = 0; row < table->row_count; row++)
        write_group(table, row, colours, MARGIN + (int)(row % 2) * GROUP_WIDTH,
                    MARGIN + HEAD + (int)(row / 2) * group_height, to);
    fprintf(to, "</svg>\n");
}
