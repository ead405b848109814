/*
 * Measuring pieces of work against each other: by the clock, interleaved and on one
 * core; or each by itself, so that valgrind can count its instructions.
 */
#ifndef BENCH_SUPPORT_PARTS_H
#define BENCH_SUPPORT_PARTS_H

#include <stddef.h>

struct bench_part {
    const char *name;
    void (*run)(void); /* does the work once */
};

struct bench {
    const struct bench_part *parts;
    size_t count;
    /* Prints what came out: for each part what doing it once took. */
    void (*report)(const double *figures, const char *unit);
};

/* Does what the program was called for:
 *
 *     program [ROUNDS]                measure by the clock and report
 *     program parts                   list the parts
 *     program run PART TIMES          do one part so many times, and nothing else
 *     program report UNIT FIGURE...   report what was measured elsewhere
 *
 * The exit code is 0, or 2 if it was called in another way. */
int bench_main(const struct bench *bench, int argc, char **argv);

/* Ends the program, saying why, unless all is well. */
void bench_need(int well, const char *what);

/* Keeps results from being optimised away. */
extern volatile unsigned bench_sink;

#endif
