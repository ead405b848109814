/*
 * Growing, jittered pauses.
 */
#include "link/backoff.h"

#include "base/random.h"

enum {
    DOUBLINGS = 3, /* from the first pause to the longest */
};

uint32_t omc_backoff_pause(uint32_t failures, uint32_t cap, uint32_t *random)
{
    uint32_t halvings = failures > DOUBLINGS ? 0 : DOUBLINGS + 1 - (failures == 0 ? 1 : failures);
    uint32_t longest = cap >> halvings, jitter = longest / 2;

    return longest - omc_random_next(random) % (jitter + 1);
}
