/*
 * Measuring pieces of work against each other: by the clock, interleaved and on one
 * core; or each by itself, so that others can count what it takes.
 */
#ifndef BENCH_SUPPORT_PARTS_H
#define BENCH_SUPPORT_PARTS_H

#include <stddef.h>
#include <time.h>

/* What is measured: nanoseconds on the processor and on the wall, instructions of the
 * program's own (valgrind counts them), system calls (strace does). */
enum bench_measure {
    BENCH_CPU,
    BENCH_WALL,
    BENCH_INSTRUCTIONS,
    BENCH_SYSCALLS,
    BENCH_MEASURES,
};

struct bench_part {
    const char *name;
    void (*run)(void *context); /* does the work once */
    void *context;
    unsigned not_by;       /* 1 << BENCH_INSTRUCTIONS, say: it is not worth counting */
    const clockid_t *also; /* of a process whose time on the processor counts, too; or NULL */
};

struct bench {
    const struct bench_part *parts;
    size_t count;
    /* Prints what came out: for each part what doing it once took; NAN if it was not
     * measured. */
    void (*report)(const double *figures, enum bench_measure measure);
};

/* Does what the program was called for:
 *
 *     program [ROUNDS]                        measure by the clock and report
 *     program parts MEASURE                   list the parts
 *     program run PART TIMES                  do one part so many times, and nothing else
 *     program report MEASURE PART=FIGURE...   report what was measured elsewhere
 *
 * MEASURE is "instructions" or "system calls".  With $PARTS, a pattern of the shell's such
 * as "get*", parts of other names are neither measured by the clock nor listed.  The exit
 * code is 0, or 2 if it was called in another way. */
int bench_main(const struct bench *bench, int argc, char **argv);

/* What figures are in: "ns", "instructions", "system calls". */
const char *bench_unit(enum bench_measure measure);

/* Ends the program, saying why, unless all is well. */
void bench_need(int well, const char *what);

/* Zeroed memory, to be freed by free(); ends the program if there is none. */
void *bench_memory(size_t count, size_t size);

/* Says "reached" if a figure is not above the limit, else "MISSED". */
const char *bench_verdict(double figure, double limit);

/* The first and the last of the cores that this program was allowed at first; -1 if
 * that is not known. */
int bench_first_core(void);
int bench_last_core(void);

/* Keeps the calling process on a core; whether that worked. */
int bench_pin(int core);

/* Keeps results from being optimised away. */
extern volatile unsigned bench_sink;

#endif
