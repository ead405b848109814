/*
 * Counting in steps; see histogram.h.
 */
#include "base/histogram.h"

#include "base/memory.h"

enum {
    EXACT = OMC_HISTOGRAM_EXACT,
};

uint64_t *omc_histogram_new(void)
{
    return omc_memory_new(OMC_HISTOGRAM_STEPS, sizeof(uint64_t));
}

void omc_histogram_free(uint64_t *counts)
{
    omc_memory_free(counts);
}

/* What is shifted away leaves a number of EXACT_BITS and the bit above them. */
void omc_histogram_count(uint64_t *counts, uint32_t number, uint32_t times)
{
    unsigned highest = 31 - (unsigned)__builtin_clz(number | EXACT);
    unsigned shift = highest - OMC_HISTOGRAM_EXACT_BITS;

    counts[shift * EXACT + (number >> shift)] += times;
}

uint64_t omc_histogram_bound(size_t step)
{
    size_t shift = step < EXACT ? 0 : step / EXACT - 1;

    return (uint64_t)(step - shift * EXACT) << shift;
}
