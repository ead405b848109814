/*
 * What the Python module adds to the library in C: the outcomes of operations are gathered
 * here, without Python, which then reads all of them at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_GATHER_H
#define OMCACHE_GATHER_H

#include "omcache.h"

/* What a reply tells besides, each NAME of omcache_reply_NAME.  The Python side reads the names
 * off the struct; whoever adds one adds it to omcache.MetaItem, too. */
#define GATHER_DETAILS(ROW) \
    ROW(ttl)                \
    ROW(last_access)        \
    ROW(was_hit)            \
    ROW(size)               \
    ROW(won)                \
    ROW(already_won)        \
    ROW(is_stale)           \
    ROW(unchanged)          \
    ROW(connection)         \
    ROW(fetched)

#define GATHER_MEMBER(name) int64_t name;

/* One outcome.  All members have 64 bits, so that Python's struct reads a row of them with
 * one format.  The bytes of key and value follow those of the outcome before it. */
typedef struct gather_outcome_s {
    uint64_t slot;
    uint64_t last; /* 1: the operation has ended with this, 0: there will be more */
    int64_t status;
    uint64_t key_len;
    uint64_t value_len;
    uint64_t has_value;
    uint64_t flags;
    uint64_t cas;
    uint64_t number;
    GATHER_DETAILS(GATHER_MEMBER)
} gather_outcome_t;

struct gather_slot_s;

typedef struct gather_s {
    gather_outcome_t *outcomes;
    size_t count;
    size_t outcome_room;
    unsigned char *bytes;
    size_t used;
    size_t byte_room;
    size_t pending;             /* operations of a batch, accepted, that have not ended */
    int lost;                   /* 1: there was no memory for an outcome */
    struct gather_slot_s *done; /* gets an outcome when the last of these has ended; or NULL */
} gather_t;

/* The context of an operation. */
typedef struct gather_slot_s {
    gather_t *gather;
    uint32_t number;
    uint32_t parts; /* 1: completes several times, the last time without a key; then 0 */
} gather_slot_t;

enum gather_command_e {
    GATHER_GET = 0,
    GATHER_GAT = 1,
    GATHER_SET = 2,
    GATHER_ADD = 3,
    GATHER_REPLACE = 4,
    GATHER_DELETE = 5,
    GATHER_TOUCH = 6,
    GATHER_INCREMENT = 7,
    GATHER_DECREMENT = 8
};

/* Many operations of one kind. */
typedef struct gather_batch_s {
    int command; /* one of gather_command_e */
    int32_t timeout_msec;
    size_t count;
    const unsigned char *keys; /* one behind another, */
    size_t keys_len;
    const size_t *key_lens;      /* or, if this is NULL, with a newline between each two */
    const unsigned char *values; /* these three only for commands that store */
    const size_t *value_lens;
    const uint32_t *flags;
    time_t expiration;
    uint64_t delta;
    uint64_t initial;
    gather_slot_t *slots; /* one for each operation, filled here */
    size_t next;          /* 0; then how many of them were begun, */
    size_t key_at;        /* and where the next one's bytes begin */
    size_t value_at;
} gather_batch_t;

/* What a batch of gets has found, in the order of arrival. */
typedef struct gather_hits_s {
    size_t count;
    size_t failed;   /* outcomes that are neither hits nor misses */
    int in_order;    /* 1: all operations were hits, and came in their order */
    uint32_t *slots; /* of each hit; the caller's, with room for all */
    uint64_t *flags;
    uint64_t *cas;
    char *format; /* by which Python's struct splits the bytes: "5s7s"; 22 characters each */
    size_t format_len;
    size_t bytes_len;
} gather_hits_t;

/* The callback for all omcache_async_* functions; context is a slot. */
void gather_reply(omcache_t *mc, const omcache_reply_t *reply, void *context);

/* Turns the loop until no operation is pending.
 * Returns 0; EINTR if a signal came before, after which it can be called again. */
int gather_run(omcache_t *mc, gather_t *gather);

/* Begins what is left of a batch, as much at a time as there is room for, and waits for all
 * outcomes.  What is refused gets an outcome, too.
 * Returns 0; EINTR if a signal came before, after which it can be called again; ENOMEM; or
 * EINVAL, with nothing sent (but what had to go to make room), if a key is not 1 to 250 bytes
 * long or cannot be carried, or newlines within keys make more keys than there are. */
int gather_batch(omcache_t *mc, gather_t *gather, gather_batch_t *batch);

/* Begins a whole batch, and waits for nothing: what there is no room for is refused, and what is
 * refused gets an outcome.  gather->pending says whether there will be others; then gather->done
 * gets one when all have come.
 * Returns 0; or EINVAL, with nothing begun, as above. */
int gather_begin(omcache_t *mc, gather_t *gather, gather_batch_t *batch);

/* Sums up the outcomes of a batch.  They stay until the next operation. */
void gather_hits(gather_t *gather, gather_hits_t *hits);

/* Frees what the gather holds. */
void gather_fini(gather_t *gather);

#endif /* OMCACHE_GATHER_H */
