/*
 * A small generator, good enough to keep clients from doing the same at once.
 */
#ifndef OMC_BASE_RANDOM_H
#define OMC_BASE_RANDOM_H

#include <stdint.h>

/* The next number; any state will do to begin with. */
uint32_t omc_random_next(uint32_t *state);

/* A number from 1 to INT64_MAX that comes of these two and, nearly for sure, of no others. */
uint64_t omc_random_mix(uint64_t first, uint64_t second);

#endif
