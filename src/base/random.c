/*
 * xorshift, 32 bits.
 */
#include "base/random.h"

uint32_t omc_random_next(uint32_t *state)
{
    uint32_t x = *state == 0 ? 1 : *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}
