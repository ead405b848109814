/*
 * What a connection is owed: its requests in the order in which they were, or
 * will be, sent.  Each gets the next number of the connection as its opaque, so
 * that the request of an answer is found by subtraction, and an answer that
 * belongs to none is recognised.
 *
 * A request leaves the queue when it is settled and everything before it is, but not while it
 * is half written, nor, if it was refused, before all in front of it were written: so who writes
 * them finds the next one where it is.
 */
#ifndef OMC_LINK_QUEUE_H
#define OMC_LINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/copy.h"
#include "proto/ask.h"

struct omc_blocks;
struct omc_counter;
struct omc_link;
struct omc_store_block;

/* Who gets the outcome of a request. */
enum omc_owner {
    OMC_OWNER_BATCH,     /* a classic call */
    OMC_OWNER_OPERATION, /* an operation */
    OMC_OWNER_NOBODY,    /* it was sent without asking for one */
    OMC_OWNER_GONE,      /* who asked was told something else meanwhile */
    OMC_OWNER_LINK,      /* it is a no-op of the link's own, a fence behind quiet requests */
    OMC_OWNER_FORGOTTEN, /* who asked wants to hear nothing of it any more */
};

/* Who asks for something, as far as a link has to know: a part of an operation, or of an order of a
 * batch.  It is there until the request has its outcome, or omc_queue_release was called. */
struct omc_asker {
    const unsigned char *key; /* what is asked about, or NULL: that is not there (any more) */
    struct omc_link *link;    /* where its request is queued, or was last; NULL: nowhere */
    uint32_t number;          /* and under which number */
    uint8_t key_len;
    bool waits; /* for the outcome */
};

/* Whose a request is, and what is to be known when its outcome comes. */
struct omc_claim {
    struct omc_asker *asker;     /* of a batch or an operation; NULL: it has been released */
    struct omc_counter *counter; /* what it needs for an initial value, or NULL; owned */
    uint32_t asked;              /* when, in microseconds that wrap */
    uint8_t owner;
    uint8_t prefix_len; /* how much of its key, as sent, is not the application's */
    bool prefix_hashed; /* whether that took part in the choice of its server */
    bool keyed;         /* its server was chosen by its key: another one will do */
};

struct omc_pending {
    struct omc_ask ask; /* what it points to is there until it was written */
    struct omc_claim claim;
    struct omc_store_block *kept; /* which has that, or NULL: the caller's memory has it */
    const unsigned char *encoded; /* what is to be written, which is in `kept`, too, */
    uint32_t encoded_len;         /* of so many bytes; 0: it is to be encoded */
    uint32_t key_sum;   /* of the key of a get, as it was sent, if nobody has that; else 0 */
    uint32_t overtaken; /* when a later one was first answered, as `asked`; or 0 */
    bool quiet;         /* accepted, and no answer is expected before the next no-op's */
    bool joined;        /* written on the line of the one before it, see codec.h */
    bool settled;
    bool half;    /* written in part */
    bool refused; /* settled, and not to be written */
};

enum {
    OMC_QUEUE_FEW = 2,         /* slots are kept when the queue is empty */
    OMC_QUEUE_SLOT_SIZE = 128, /* a power of two, as the sizes of blocks are */
};

/* A slot, which is found by a shift. */
union omc_queue_place {
    struct omc_pending pending;
    unsigned char size[OMC_QUEUE_SLOT_SIZE];
};

struct omc_queue {
    union omc_queue_place *slots;
    uint32_t mask;  /* their number, a power of two, less 1 */
    uint32_t first; /* number of the oldest one */
    uint32_t count;
    uint32_t open; /* those neither settled nor forgotten, */
    uint32_t idle; /* of which so many are the link's own, or were given up by who asked */

    union omc_queue_place *few; /* the slots it has when it is short, kept while it is long; */
    struct omc_blocks *blocks;  /* the others are from there */
};

/* first: the number that the first request will have. */
void omc_queue_init(struct omc_queue *queue, struct omc_blocks *blocks, uint32_t first);
void omc_queue_fini(struct omc_queue *queue);

/* How many slots there are. */
static inline uint32_t omc_queue_capacity(const struct omc_queue *queue)
{
    return queue->mask + 1; /* at first there is none, and all bits are set */
}

/* Makes room for one more; false without memory. */
bool omc_queue_grow(struct omc_queue *queue);

static inline bool omc_queue_reserve(struct omc_queue *queue)
{
    return queue->count < omc_queue_capacity(queue) || omc_queue_grow(queue);
}

/* The number that the next request will have. */
static inline uint32_t omc_queue_next(const struct omc_queue *queue)
{
    return queue->first + queue->count;
}

/* The place of a number that is, or will be next, in the queue. */
static inline struct omc_pending *omc_queue_slot(const struct omc_queue *queue, uint32_t number)
{
    return &queue->slots[number & queue->mask].pending;
}

/* Whether it is a fence; and whether nobody hears of it any more. */
static inline bool omc_queue_is_fence(const struct omc_pending *pending)
{
    return pending->claim.owner == OMC_OWNER_LINK;
}

static inline bool omc_queue_is_forgotten(const struct omc_pending *pending)
{
    return pending->claim.owner == OMC_OWNER_FORGOTTEN;
}

/* Whether it was sent without asking for an answer, as nobody hears of it. */
static inline bool omc_queue_is_unheard(const struct omc_pending *pending)
{
    return (pending->ask.bits & OMC_ASK_UNHEARD) != 0;
}

/* Whether it counts as open; and if so, whether nobody waits for an outcome, nor would like it to
 * have one. */
static inline bool omc_queue_is_open(const struct omc_pending *pending)
{
    return !pending->settled && !omc_queue_is_forgotten(pending);
}

static inline bool omc_queue_is_idle(const struct omc_pending *pending)
{
    return pending->claim.owner >= OMC_OWNER_GONE;
}

/* Whether somebody has the key of a request; and whether that is all that is sent, as it has no
 * prefix. */
static inline bool omc_queue_has_key(const struct omc_claim *claim)
{
    return claim->asker != NULL && claim->asker->key != NULL;
}

static inline bool omc_queue_has_all(const struct omc_claim *claim)
{
    return omc_queue_has_key(claim) && claim->prefix_len == 0;
}

/* For omc_queue_is_about, where that is not so. */
bool omc_queue_is_like(const struct omc_pending *pending, const unsigned char *key, size_t len);

/* Whether a key that came is not another one than a get has asked for. */
static inline bool omc_queue_is_about(const struct omc_pending *pending, const unsigned char *key,
                                      size_t len)
{
    const struct omc_asker *asker = pending->claim.asker;

    if (!omc_queue_has_all(&pending->claim))
        return omc_queue_is_like(pending, key, len);
    return len == asker->key_len && omc_copy_equals(asker->key, key, len);
}

/* Adds one, for which room was reserved; but for its owner, it may then still be changed. */
static inline struct omc_pending *omc_queue_push(struct omc_queue *queue, const struct omc_ask *ask,
                                                 const struct omc_claim *claim)
{
    struct omc_pending *pushed = omc_queue_slot(queue, omc_queue_next(queue));

    pushed->ask = *ask;
    pushed->claim = *claim;
    pushed->kept = NULL;
    pushed->encoded_len = pushed->key_sum = pushed->overtaken = 0;
    pushed->quiet = pushed->joined = pushed->settled = pushed->half = pushed->refused = false;
    queue->count++;
    queue->open++;
    queue->idle += omc_queue_is_idle(pushed);
    return pushed;
}

/* The newest one, or NULL. */
static inline struct omc_pending *omc_queue_last(const struct omc_queue *queue)
{
    return queue->count == 0 ? NULL : omc_queue_slot(queue, omc_queue_next(queue) - 1);
}

/* The one with that number, or NULL if there is none or it is settled. */
static inline struct omc_pending *omc_queue_find(const struct omc_queue *queue, uint32_t number)
{
    struct omc_pending *pending;

    if (number - queue->first >= queue->count)
        return NULL;
    pending = omc_queue_slot(queue, number);
    return pending->settled ? NULL : pending;
}

/* For omc_queue_settle: frees the counter that one has; gives back the memory of an empty queue. */
void omc_queue_free_counter(struct omc_pending *pending);
void omc_queue_trim(struct omc_queue *queue);

static inline void omc_queue_note_empty(struct omc_queue *queue)
{
    if (omc_queue_capacity(queue) > OMC_QUEUE_FEW)
        omc_queue_trim(queue);
}

/* Lets the oldest ones leave that can, of a queue that is not empty. */
static inline void omc_queue_leave(struct omc_queue *queue)
{
    do {
        const struct omc_pending *oldest = omc_queue_slot(queue, queue->first);

        if (!oldest->settled || oldest->half || oldest->refused)
            return;
        queue->first++;
    } while (--queue->count > 0);
    omc_queue_note_empty(queue);
}

/* Notes that one is over. */
static inline void omc_queue_settle(struct omc_queue *queue, struct omc_pending *pending)
{
    if (omc_queue_is_open(pending)) {
        queue->open--;
        queue->idle -= omc_queue_is_idle(pending);
    }
    pending->settled = true;
    if (pending->claim.counter != NULL)
        omc_queue_free_counter(pending);
    omc_queue_leave(queue);
}

/* Notes that so many of the oldest are over together.  Each is open and not idle, has no counter,
 * and is not half written. */
static inline void omc_queue_settle_oldest(struct omc_queue *queue, uint32_t count)
{
    queue->open -= count;
    queue->first += count;
    queue->count -= count;
    if (queue->count > 0)
        omc_queue_leave(queue);
    else
        omc_queue_note_empty(queue);
}

/* Notes whether one is half written. */
void omc_queue_set_half(struct omc_queue *queue, struct omc_pending *pending, bool half);

/* Settles one that will not be written; and notes that those in front of it were. */
void omc_queue_refuse(struct omc_queue *queue, struct omc_pending *pending);
void omc_queue_pass(struct omc_queue *queue, struct omc_pending *pending);

/* Takes the newest one out again, as if it had never been there. */
void omc_queue_pop(struct omc_queue *queue);

/* Keeps the sum of a key, as it is sent, that will be in nobody's memory: who asks is to lose it,
 * or nobody has all of it. */
void omc_queue_lose_key(struct omc_queue *queue, const struct omc_asker *asker);
void omc_queue_keep_sum(struct omc_pending *pending);

/* Notes that who asked is there no longer; and that who asked was told something else meanwhile. */
void omc_queue_release(struct omc_queue *queue, const struct omc_asker *asker);
void omc_queue_abandon(struct omc_queue *queue, struct omc_pending *pending);

/* How many are open that somebody waits for, or nobody ever did. */
static inline uint32_t omc_queue_outstanding(const struct omc_queue *queue)
{
    return queue->open - queue->idle;
}

/* Marks all as forgotten. */
void omc_queue_forget(struct omc_queue *queue);

#endif
