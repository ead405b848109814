/*
 * Sorting the points of a ring, and finding them; neither takes more steps for a
 * point or a key the more there are.
 */
#include "route/ring.h"

#include <string.h>

#include "base/memory.h"

enum {
    DIGIT_BITS = 11, /* three digits make a hash */
    DIGITS = 3,
    DIGIT_VALUES = 1 << DIGIT_BITS,
    INDEX_BITS_MAX = 24,
};

bool omc_ring_init(struct omc_ring *ring, size_t room)
{
    *ring = (struct omc_ring){.points = NULL};
    if (room == 0)
        return true;
    ring->points = omc_memory_new(room, sizeof(*ring->points));
    return ring->points != NULL;
}

void omc_ring_fini(struct omc_ring *ring)
{
    omc_memory_free(ring->points);
    omc_memory_free(ring->starts);
    *ring = (struct omc_ring){.points = NULL};
}

static uint32_t digit_of(uint32_t hash, unsigned digit)
{
    return hash >> (digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

/* One pass of a radix sort: stable, by one digit. */
static void sort_by_digit(const struct omc_ring_point *from, struct omc_ring_point *to,
                          size_t count, unsigned digit)
{
    uint32_t places[DIGIT_VALUES] = {0}, place = 0;

    for (size_t i = 0; i < count; i++)
        places[digit_of(from[i].hash, digit)]++;
    for (size_t value = 0; value < DIGIT_VALUES; value++) {
        uint32_t points = places[value];

        places[value] = place;
        place += points;
    }
    for (size_t i = 0; i < count; i++)
        to[places[digit_of(from[i].hash, digit)]++] = from[i];
}

static unsigned bits_of(size_t number)
{
    unsigned bits = 1;

    while (bits < INDEX_BITS_MAX && number >> bits > 0)
        bits++;
    return bits;
}

/* As many buckets as points, more or less, up to the highest point (some hash
 * functions have few bits): a key's point is in its bucket, or the next one. */
static bool make_index(struct omc_ring *ring)
{
    uint32_t highest = ring->points[ring->count - 1].hash, place = 0;
    unsigned bits = bits_of(ring->count);
    size_t buckets;

    ring->shift = 0;
    while (highest >> ring->shift >> bits > 0)
        ring->shift++;
    buckets = (size_t)(highest >> ring->shift) + 1;
    ring->starts = omc_memory_new(buckets, sizeof(*ring->starts));
    if (ring->starts == NULL)
        return false;
    for (size_t i = 0; i < ring->count; i++)
        ring->starts[ring->points[i].hash >> ring->shift]++;
    for (size_t bucket = 0; bucket < buckets; bucket++) {
        uint32_t points = ring->starts[bucket];

        ring->starts[bucket] = place;
        place += points;
    }
    return true;
}

bool omc_ring_sort(struct omc_ring *ring)
{
    struct omc_ring_point *other;

    if (ring->count == 0)
        return true;
    other = omc_memory_new(ring->count, sizeof(*other));
    if (other == NULL)
        return false;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        struct omc_ring_point *sorted = other;

        sort_by_digit(ring->points, sorted, ring->count, digit);
        other = ring->points;
        ring->points = sorted;
    }
    omc_memory_free(other);
    return make_index(ring);
}

size_t omc_ring_find(const struct omc_ring *ring, uint32_t hash)
{
    size_t place;

    if (hash > ring->points[ring->count - 1].hash)
        return 0;
    place = ring->starts[hash >> ring->shift];
    while (ring->points[place].hash < hash)
        place++;
    return place;
}
