/*
 * Operations: requests of the asynchronous interface, each with its own completion,
 * context and deadline.
 *
 * An operation waits in the queue of a connection until it ends.  Answers are told
 * at once, from where they lie in the receive buffer; every other outcome is put on
 * a list, and told when the application expects it.
 *
 * Nothing is told of an operation before the call has returned that has accepted it.  The
 * callbacks at the end of that call may receive its answer: that is copied then.
 */
#ifndef OMC_CLIENT_OPERATION_H
#define OMC_CLIENT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadlines.h"
#include "link/queue.h"
#include "omcache.h"
#include "proto/codec.h"

struct omc_frame;

struct omc_operation {
    struct omc_asker asker; /* first, so that it is found by it; its key is the one below */
    struct omc_deadline deadline;
    omcache_reply_callback_func *func;
    void *context;
    struct omc_frame *frame;     /* the call that waits for it, in place of func; or NULL */
    struct omc_operation *group; /* which ends when all of its parts have, or NULL */
    size_t parts;                /* of a group: those that have not ended */
    struct omc_operation *next;  /* among those that are to be told */
    struct omc_kept_list {       /* answers that came too early */
        struct omc_kept *first;
        struct omc_kept *last;
    } kept;
    uint32_t serial; /* of all operations, counted from the first on */
    int status;
    bool unqueued; /* its deadline does not run before its request is queued */
    bool answered; /* the last of those kept ends it */
    bool starved;  /* there was no memory to keep one */
    unsigned char key[];
};

/* What a callback is given. */
struct omcache_reply_s {
    int status;
    int server_index;
    const unsigned char *key;
    size_t key_len;
    const unsigned char *value;
    size_t value_len;
    uint32_t flags;
    uint64_t cas;
    uint64_t number;
    int fetched;         /* one of enum omcache_fetch_e */
    uint64_t connection; /* over which it came; of meta's own operations only */
    struct omc_details details;
};

enum {
    /* Operations are allocated with room for keys of a multiple of so many bytes. */
    OMC_OPERATION_KEY_STEP = 32,
    OMC_OPERATION_KEY_STEPS = 256 / OMC_OPERATION_KEY_STEP + 1,
};

struct omc_operation_list {
    struct omc_operation *first;
    struct omc_operation *last;
    size_t count;
};

/* All operations of a handle. */
struct omc_operations {
    struct omc_deadlines deadlines;
    size_t alive;                    /* all that there are */
    size_t unqueued;                 /* operations that will have a deadline */
    struct omc_operation_list ended; /* they are to be told */
    struct omc_operation_list early; /* likewise, when the call has returned that held them */

    uint32_t next_serial;
    uint32_t held_from; /* the serial of the first that is held, */
    uint32_t held;      /* and how many are */

    struct omc_operation *spare[OMC_OPERATION_KEY_STEPS]; /* for later ones, by their room */
    size_t spare_count;
};

void omc_operation_init(struct omc_operations *operations);
void omc_operation_fini(struct omc_operations *operations);

/* One with a copy of the key, and a deadline (OMC_CLOCK_NEVER: none) that runs from
 * now on; NULL without memory. */
struct omc_operation *omc_operation_new(struct omc_operations *operations, const void *key,
                                        size_t key_len, int64_t deadline,
                                        omcache_reply_callback_func *func, void *context);

/* One without a request: it ends at that time, with OMCACHE_TIMEOUT.  NULL without memory. */
struct omc_operation *omc_operation_sleep(struct omc_operations *operations, int64_t until,
                                          omcache_reply_callback_func *func, void *context);

/* Ends all of those with a status; no request with a deadline may be queued. */
void omc_operation_wake_all(struct omc_operations *operations, int status);

/* Takes one back that was not accepted. */
void omc_operation_free(struct omc_operations *operations, struct omc_operation *operation);

static inline struct omc_operation *omc_operation_of(struct omc_asker *asker)
{
    return (struct omc_operation *)asker;
}

static inline struct omc_operation *omc_operation_of_deadline(struct omc_deadline *deadline)
{
    return (struct omc_operation *)((char *)deadline - offsetof(struct omc_operation, deadline));
}

/* Notes that its request is queued. */
void omc_operation_queued(struct omc_operations *operations, struct omc_operation *operation);

/* Ends it with a status; to be told later. */
void omc_operation_end(struct omc_operations *operations, struct omc_operation *operation,
                       int status);

/* Forgets whose those were that have ended, as far as these servers are dropped. */
void omc_operation_forget_dropped(struct omc_operations *operations);

/* Holds the operations of the call that is about to end, from that serial on; and, when it
 * returns, lets them be told. */
void omc_operation_hold(struct omc_operations *operations, uint32_t first);
void omc_operation_let_go(struct omc_operations *operations);

/* Whether it is not to be told yet. */
static inline bool omc_operation_is_held(const struct omc_operations *operations,
                                         const struct omc_operation *operation)
{
    return operation->serial - operations->held_from < operations->held;
}

/* Stops its deadline; and keeps its memory for a later one. */
void omc_operation_stop(struct omc_operations *operations, struct omc_operation *operation);
void omc_operation_release(struct omc_operations *operations, struct omc_operation *operation);

/* When one is to be ended or told of, or OMC_CLOCK_NEVER. */
int64_t omc_operation_deadline(const struct omc_operations *operations);

#endif
