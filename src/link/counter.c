/*
 * Increment, add, increment.
 */
#include "link/counter.h"

#include <string.h>

#include "base/memory.h"

struct omc_counter *omc_counter_new(const struct omc_ask *ask)
{
    struct omc_counter *counter = omc_memory_new(1, sizeof(*counter) + ask->key_len);

    if (counter == NULL)
        return NULL;
    counter->delta = *ask;
    counter->delta.key = memcpy(counter->key, ask->key, ask->key_len);
    return counter;
}
