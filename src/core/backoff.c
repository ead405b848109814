/*
 * Growing, jittered pauses.
 */
#include "core/backoff.h"

enum {
    DOUBLINGS = 3, /* from the first pause to the longest */
};

/* Good enough to keep a thousand clients apart; any state but 0 will do. */
static uint32_t next_random(uint32_t *random)
{
    uint32_t x = *random == 0 ? 1 : *random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *random = x;
}

uint32_t omc_backoff_pause(uint32_t failures, uint32_t cap, uint32_t *random)
{
    uint32_t halvings = failures > DOUBLINGS ? 0 : DOUBLINGS + 1 - (failures == 0 ? 1 : failures);
    uint32_t longest = cap >> halvings, jitter = longest / 2;

    return longest - next_random(random) % (jitter + 1);
}
