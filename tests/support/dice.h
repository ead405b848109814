/*
 * Random numbers that come again with their seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_DICE_H
#define TESTS_DICE_H

#include <stdbool.h>
#include <stdint.h>

/* The seed of the environment variable SEED, or one that has not been used; it is
 * printed. */
uint64_t dice_seed(void);

/* Starts a series. */
void dice_begin(uint64_t seed, uint64_t series);

/* A number below `below`; true once in so many times; a number from least to most. */
unsigned dice(unsigned below);
bool dice_once_in(unsigned times);
int dice_between(int least, int most);

#endif
