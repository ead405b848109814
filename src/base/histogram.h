/*
 * Numbers of 32 bits, counted in steps that are narrow where the numbers are small: between a power
 * of two and the next there are 16.  So a step is 1 wide, or at most 1/16 of where it begins.
 */
#ifndef OMC_BASE_HISTOGRAM_H
#define OMC_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    OMC_HISTOGRAM_EXACT_BITS = 4,
    OMC_HISTOGRAM_EXACT = 1 << OMC_HISTOGRAM_EXACT_BITS, /* numbers below have a step each */
    OMC_HISTOGRAM_STEPS = (32 - OMC_HISTOGRAM_EXACT_BITS + 1) * OMC_HISTOGRAM_EXACT,
};

/* A count of 0 for each step; NULL without memory. */
uint64_t *omc_histogram_new(void);
void omc_histogram_free(uint64_t *counts);

void omc_histogram_count(uint64_t *counts, uint32_t number, uint32_t times);

/* The least number that counts in a step. */
uint64_t omc_histogram_bound(size_t step);

#endif
