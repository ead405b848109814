/*
 * Memory that can be put back; see rewind.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/rewind.h"

#include "base/memory.h"

#include "lives/check.h"
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum {
    ARENA = 4 * 1024 * 1024,
    SLOTS = 64,           /* for blocks */
    GAP = 16,             /* bytes between two blocks, which nobody may touch */
    WHOLE_MAX = 8 * 1024, /* a larger block is one to receive or encode into, */
    KEPT = 1024,          /* of which no more is used here */
    STATES = 4,           /* of the test's own */
};

/* A place for a block. */
struct slot {
    size_t at;
    size_t room;
    size_t size; /* 0: it is free */
    size_t kept; /* how much of it goes back */
};

static struct {
    size_t count;
    size_t end;
    struct slot slots[SLOTS];
} arena;

static _Alignas(GAP) unsigned char storage[ARENA];

static struct {
    void *bytes;
    size_t size;
} states[STATES];
static size_t state_count;

void rewind_add(void *state, size_t size)
{
    LIFE_CHECK(state_count < STATES, "too many states");
    states[state_count].bytes = state;
    states[state_count++].size = size;
}

void rewind_start(void)
{
    arena.count = arena.end = 0;
    ASAN_POISON_MEMORY_REGION(storage, ARENA);
}

size_t rewind_alive(void)
{
    size_t alive = 0;

    for (size_t i = 0; i < arena.count; i++)
        alive += arena.slots[i].size > 0;
    return alive;
}

/* A free place that is not much too large, or a new one. */
static struct slot *find_slot(size_t size)
{
    struct slot *slot = arena.slots;

    for (; slot < arena.slots + arena.count; slot++) {
        if (slot->size == 0 && slot->room >= size && slot->room / 4 <= size)
            return slot;
    }
    LIFE_CHECK(arena.count < SLOTS && size <= ARENA - GAP - arena.end, "no room for a block");
    *slot = (struct slot){.at = arena.end, .room = (size + GAP - 1) / GAP * GAP};
    arena.count++;
    arena.end += slot->room + GAP;
    return slot;
}

static struct slot *slot_of(const void *block)
{
    struct slot *slot = arena.slots;

    while (storage + slot->at != (const unsigned char *)block) {
        slot++;
        LIFE_CHECK(slot < arena.slots + arena.count, "freed what is no block");
    }
    LIFE_CHECK(slot->size > 0, "freed twice");
    return slot;
}

static unsigned char *take(size_t size)
{
    struct slot *slot = find_slot(size);

    slot->size = size;
    slot->kept = size <= WHOLE_MAX ? size : KEPT;
    ASAN_UNPOISON_MEMORY_REGION(storage + slot->at, size);
    return storage + slot->at;
}

void *omc_memory_new(size_t count, size_t size)
{
    unsigned char *block = take(count * size);

    memset(block, 0, count * size);
    return block;
}

void *omc_memory_resize(void *old, size_t count, size_t size)
{
    size_t had = old == NULL ? 0 : slot_of(old)->size;
    unsigned char *block = take(count * size);

    if (had > 0)
        memcpy(block, old, had < count * size ? had : count * size);
    omc_memory_free(old);
    return block;
}

char *omc_memory_copy_string(const char *bytes, size_t len)
{
    char *copy = omc_memory_new(len + 1, 1);

    memcpy(copy, bytes, len);
    return copy;
}

void omc_memory_free(void *memory)
{
    struct slot *slot;

    if (memory == NULL)
        return;
    slot = slot_of(memory);
    ASAN_POISON_MEMORY_REGION(memory, slot->size);
    slot->size = slot->kept = 0;
}

static void put(struct rewind_moment *moment, const void *bytes, size_t size)
{
    LIFE_CHECK(size <= REWIND_ROOM - moment->size, "a moment is larger than there is room for");
    memcpy(moment->bytes + moment->size, bytes, size);
    moment->size += size;
}

static const unsigned char *get(const unsigned char *from, void *bytes, size_t size)
{
    memcpy(bytes, from, size);
    return from + size;
}

void rewind_save(struct rewind_moment *moment)
{
    moment->size = 0;
    for (size_t i = 0; i < state_count; i++)
        put(moment, states[i].bytes, states[i].size);
    put(moment, &arena, offsetof(__typeof__(arena), slots));
    put(moment, arena.slots, arena.count * sizeof(arena.slots[0]));
    for (const struct slot *slot = arena.slots; slot < arena.slots + arena.count; slot++)
        put(moment, storage + slot->at, slot->kept);
}

void rewind_back(const struct rewind_moment *moment)
{
    const unsigned char *from = moment->bytes;

    for (size_t i = 0; i < state_count; i++)
        from = get(from, states[i].bytes, states[i].size);
    ASAN_POISON_MEMORY_REGION(storage, arena.end);
    from = get(from, &arena, offsetof(__typeof__(arena), slots));
    from = get(from, arena.slots, arena.count * sizeof(arena.slots[0]));
    for (const struct slot *slot = arena.slots; slot < arena.slots + arena.count; slot++) {
        ASAN_UNPOISON_MEMORY_REGION(storage + slot->at, slot->size);
        from = get(from, storage + slot->at, slot->kept);
    }
}
