/*
 * Fetching a value that one reader makes where it is missing, and the others wait for: what comes
 * after what.
 *
 * Over meta the server chooses who makes it, by the flags N (nothing is there) and R (it is about
 * to run out).  Over other protocols it is who adds a key beside it, the lock.
 */
#ifndef OMC_CLIENT_FETCHING_H
#define OMC_CLIENT_FETCHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "client/operation.h"
#include "omcache.h"
#include "proto/meta_options.h"

enum omc_fetching_step {
    OMC_FETCHING_LOOK,  /* ask for the value */
    OMC_FETCHING_LOCK,  /* add the lock */
    OMC_FETCHING_SLEEP, /* before the next look */
    OMC_FETCHING_DONE,
};

struct omc_fetching {
    omcache_fetch_policy_t policy;
    const unsigned char *key; /* whoever's who has begun it */
    size_t key_len;
    int64_t deadline; /* of all of it */
    int64_t give_up;  /* when nobody is waited for any more */
    int64_t pause;
    enum omc_fetching_step step;
    bool by_lock;  /* the server does not speak meta */
    bool has_lock; /* and ours is there */
    int outcome;   /* one of enum omcache_fetch_e */
};

/* Whether there can be such a policy. */
bool omc_fetching_check(const omcache_fetch_policy_t *policy);

/* The expirations, as servers have them, of what is stored over other protocols than meta, and of
 * who makes it; `date` is that of today (see clock.h). */
time_t omc_fetching_expiration_plain(const omcache_fetch_policy_t *policy, int64_t date);
time_t omc_fetching_expiration_making(const omcache_fetch_policy_t *policy, int64_t date);

/* Writes the lock's key, in OMC_ASK_KEY_MAX bytes: how long it is; 0: no key, or too long. */
size_t omc_fetching_lock(unsigned char *lock, const unsigned char *key, size_t key_len);

/* Begins with a look. */
void omc_fetching_begin(struct omc_fetching *fetching, const omcache_fetch_policy_t *policy,
                        const unsigned char *key, size_t key_len, int32_t timeout_msec,
                        int64_t now);

/* The options of a look over meta: who finds nothing, or what is to be made anew, may win. */
void omc_fetching_options_look(struct omc_meta_options *options,
                               const struct omc_fetching *fetching, int64_t date);

/* Those of a store with a token: only if nothing else has come there since. */
void omc_fetching_options_store(struct omc_meta_options *options, uint64_t token,
                                const omcache_fetch_policy_t *policy, int64_t date);

/* Those of a delete that says that the value is not right any more.  Where no stale value is
 * allowed, the key goes. */
void omc_fetching_options_invalidate(struct omc_meta_options *options,
                                     const omcache_fetch_policy_t *policy, int64_t date);

/* Those of a delete by who has won, and does not make it.  The value, if there is an old one,
 * becomes stale, so that the next reader wins. */
void omc_fetching_options_abandon(struct omc_meta_options *options, uint64_t token);

/* When the sleep that begins now is to end. */
int64_t omc_fetching_wake_time(struct omc_fetching *fetching, int64_t now);

/* Goes on to the next step; false if the last one has ended it, with that reply. */
bool omc_fetching_next(struct omc_fetching *fetching, const omcache_reply_t *reply, int64_t now);

/* Whether there is a lock then that is of no use any more. */
static inline bool omc_fetching_is_locked_in_vain(const struct omc_fetching *fetching)
{
    return fetching->has_lock && fetching->outcome != OMCACHE_FETCH_MAKE;
}

/* What is told then. */
omcache_reply_t omc_fetching_reply(const struct omc_fetching *fetching,
                                   const omcache_reply_t *last);

#endif
