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

/* FNV-1a of their bytes. */
uint64_t omc_random_mix(uint64_t first, uint64_t second)
{
    const uint64_t words[] = {first, second};
    uint64_t mixed = 0xcbf29ce484222325;

    for (int i = 0; i < 16; i++)
        mixed = (mixed ^ (words[i / 8] >> i % 8 * 8 & 0xff)) * 0x100000001b3;
    return mixed % INT64_MAX + 1;
}
