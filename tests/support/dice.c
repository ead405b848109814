/*
 * Random numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

uint64_t dice_seed(void)
{
    const char *wanted = getenv("SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = wanted && *wanted
                        ? strtoull(wanted, NULL, 10)
                        : ((uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32 ^ (uint64_t)now.tv_sec);
    printf("SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

void dice_begin(uint64_t seed, uint64_t series)
{
    state = (seed + series * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    state += state == 0;
}

unsigned dice(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 24) % below;
}

bool dice_once_in(unsigned times)
{
    return dice(times) == 0;
}

int dice_between(int least, int most)
{
    return least + (int)dice((unsigned)(most - least + 1));
}
