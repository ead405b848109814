/*
 * The steps of a fetch; see fetching.h.
 */
#include "client/fetching.h"

#include <string.h>

#include "base/clock.h"
#include "proto/ask.h"

#define LOCK ":making" /* behind the key that it is for */

enum {
    MAKING = 30,                        /* seconds, unless the policy says otherwise */
    SECONDS_MAX = 10 * 365 * 24 * 3600, /* of each time in a policy */
    DATES_FROM = 30 * 24 * 3600,        /* more seconds are a date to servers */
    PAUSE_MIN = 5,                      /* milliseconds between two looks; each pause is twice */
    PAUSE_MAX = 100,                    /* as long as the one before */
    LOCK_LEN = sizeof(LOCK) - 1,
    WANTED = OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_FLAGS | OMCACHE_META_WANT_CAS |
             OMCACHE_META_WANT_TTL,
};

static bool is_span(int64_t seconds)
{
    return seconds >= 0 && seconds <= SECONDS_MAX;
}

bool omc_fetching_check(const omcache_fetch_policy_t *policy)
{
    return policy != NULL && policy->struct_size == sizeof(*policy) && policy->ttl > 0 &&
           is_span(policy->ttl) && is_span(policy->refresh) && is_span(policy->stale) &&
           is_span(policy->making) && policy->wait_msec >= -1 &&
           omc_meta_options_can_want(policy->want) &&
           (policy->known == 0 || policy->known_connection != 0);
}

/* What is later than servers can count is the last date that they can. */
static time_t expiration_of(int64_t seconds, int64_t date)
{
    int64_t when = seconds > DATES_FROM ? date + seconds : seconds;

    return (time_t)(when < INT32_MAX ? when : INT32_MAX);
}

time_t omc_fetching_expiration_plain(const omcache_fetch_policy_t *policy, int64_t date)
{
    return expiration_of(policy->ttl, date);
}

/* A server's second may be over at once. */
time_t omc_fetching_expiration_making(const omcache_fetch_policy_t *policy, int64_t date)
{
    return expiration_of((policy->making > 0 ? policy->making : MAKING) + 1, date);
}

size_t omc_fetching_lock(unsigned char *lock, const unsigned char *key, size_t key_len)
{
    if (key == NULL || key_len == 0 || key_len > OMC_ASK_KEY_MAX - LOCK_LEN)
        return 0;
    memcpy(lock, key, key_len);
    memcpy(lock + key_len, LOCK, LOCK_LEN);
    return key_len + LOCK_LEN;
}

void omc_fetching_begin(struct omc_fetching *fetching, const omcache_fetch_policy_t *policy,
                        const unsigned char *key, size_t key_len, int32_t timeout_msec, int64_t now)
{
    *fetching = (struct omc_fetching){
        .policy = *policy,
        .key = key,
        .key_len = key_len,
        .deadline = omc_clock_after(now, timeout_msec),
        .give_up = omc_clock_after(now, policy->wait_msec),
        .pause = PAUSE_MIN,
    };
    if (fetching->deadline < fetching->give_up)
        fetching->give_up = fetching->deadline;
}

void omc_fetching_options_look(struct omc_meta_options *options,
                               const struct omc_fetching *fetching, int64_t date)
{
    const omcache_fetch_policy_t *policy = &fetching->policy;

    omc_meta_options_init(options);
    options->want = WANTED | policy->want;
    options->cas = policy->known;
    options->vivify = omc_fetching_expiration_making(policy, date);
    if (policy->stale + policy->refresh > 0) /* a server counts whole seconds, rounded up */
        options->recache = policy->stale + policy->refresh + 1;
}

void omc_fetching_options_store(struct omc_meta_options *options, uint64_t token,
                                const omcache_fetch_policy_t *policy, int64_t date)
{
    omc_meta_options_init(options);
    options->cas = token;
    options->ttl = expiration_of(policy->ttl + policy->stale, date);
}

void omc_fetching_options_invalidate(struct omc_meta_options *options,
                                     const omcache_fetch_policy_t *policy, int64_t date)
{
    omc_meta_options_init(options);
    if (policy->stale == 0)
        return;
    options->invalidate = true;
    options->ttl = expiration_of(policy->stale, date);
}

void omc_fetching_options_abandon(struct omc_meta_options *options, uint64_t token)
{
    omc_meta_options_init(options);
    options->cas = token;
    options->invalidate = true;
}

int64_t omc_fetching_wake_time(struct omc_fetching *fetching, int64_t now)
{
    int64_t until = now + fetching->pause;

    fetching->pause = 2 * fetching->pause < PAUSE_MAX ? 2 * fetching->pause : PAUSE_MAX;
    return until < fetching->give_up ? until : fetching->give_up;
}

/* What a value is that was found; OMCACHE_FETCH_NONE: it is not there yet. */
static int judge(const struct omc_fetching *fetching, const omcache_reply_t *reply)
{
    const struct omc_details *details = &reply->details;
    bool is_over = (details->known & OMCACHE_META_WANT_TTL) != 0 && details->ttl >= 0 &&
                   details->ttl <= fetching->policy.stale;

    if ((details->known & OMC_DETAIL_WON) != 0)
        return OMCACHE_FETCH_MAKE;
    if ((details->known & OMC_DETAIL_ALREADY_WON) != 0 && reply->value_len == 0 &&
        (details->known & OMC_DETAIL_UNCHANGED) == 0)
        return OMCACHE_FETCH_NONE;
    return is_over || (details->known & OMC_DETAIL_STALE) != 0 ? OMCACHE_FETCH_STALE
                                                               : OMCACHE_FETCH_FRESH;
}

/* Whether a value is said to be the one that is known, but may be another one with the same cas:
 * one of another server, or of the same after a restart. */
static bool is_unsure(const struct omc_fetching *fetching, const omcache_reply_t *reply)
{
    return (reply->details.known & OMC_DETAIL_UNCHANGED) != 0 &&
           reply->connection != fetching->policy.known_connection;
}

/* Somebody makes it: waits a little, if there is time left. */
static enum omc_fetching_step wait_for_maker(struct omc_fetching *fetching, int64_t now)
{
    if (now < fetching->give_up)
        return OMC_FETCHING_SLEEP;
    fetching->outcome = OMCACHE_FETCH_WAITED;
    return OMC_FETCHING_DONE;
}

static enum omc_fetching_step after_look(struct omc_fetching *fetching,
                                         const omcache_reply_t *reply, int64_t now)
{
    if (reply->status == OMCACHE_INVALID && !fetching->by_lock) {
        fetching->by_lock = true;
        return OMC_FETCHING_LOOK;
    }
    if (reply->status == OMCACHE_NOT_FOUND && fetching->by_lock && !fetching->has_lock)
        return OMC_FETCHING_LOCK;
    if (reply->status == OMCACHE_NOT_FOUND && fetching->has_lock)
        fetching->outcome = OMCACHE_FETCH_MAKE;
    if (reply->status != OMCACHE_OK)
        return OMC_FETCHING_DONE;
    fetching->outcome = judge(fetching, reply);
    if (fetching->outcome != OMCACHE_FETCH_MAKE && is_unsure(fetching, reply)) {
        fetching->policy.known = 0;
        fetching->outcome = OMCACHE_FETCH_NONE;
        return OMC_FETCHING_LOOK;
    }
    return fetching->outcome == OMCACHE_FETCH_NONE ? wait_for_maker(fetching, now)
                                                   : OMC_FETCHING_DONE;
}

/* Between the look and the lock another maker may have stored it, and taken its own lock away: so
 * who has the lock looks once more. */
static enum omc_fetching_step after_lock(struct omc_fetching *fetching,
                                         const omcache_reply_t *reply, int64_t now)
{
    if (reply->status == OMCACHE_KEY_EXISTS)
        return wait_for_maker(fetching, now);
    fetching->has_lock = reply->status == OMCACHE_OK;
    return fetching->has_lock ? OMC_FETCHING_LOOK : OMC_FETCHING_DONE;
}

/* For the answer to another look there must be time: who wins and does not hear of it keeps the
 * others from making the value. */
static enum omc_fetching_step after_sleep(struct omc_fetching *fetching, int64_t now)
{
    if (now < fetching->deadline)
        return OMC_FETCHING_LOOK;
    fetching->outcome = OMCACHE_FETCH_WAITED;
    return OMC_FETCHING_DONE;
}

static enum omc_fetching_step step_after(struct omc_fetching *fetching,
                                         const omcache_reply_t *reply, int64_t now)
{
    switch (fetching->step) {
    case OMC_FETCHING_LOOK:
        return after_look(fetching, reply, now);
    case OMC_FETCHING_LOCK:
        return after_lock(fetching, reply, now);
    default:
        return reply->status == OMCACHE_TIMEOUT ? after_sleep(fetching, now) : OMC_FETCHING_DONE;
    }
}

bool omc_fetching_next(struct omc_fetching *fetching, const omcache_reply_t *reply, int64_t now)
{
    enum omc_fetching_step next = step_after(fetching, reply, now);

    if (next == OMC_FETCHING_DONE)
        return false;
    fetching->step = next;
    return true;
}

/* What the answers to a lock and a sleep have is nothing to whom it is told. */
omcache_reply_t omc_fetching_reply(const struct omc_fetching *fetching, const omcache_reply_t *last)
{
    omcache_reply_t reply = {.status = last->status, .server_index = last->server_index};

    if (fetching->outcome == OMCACHE_FETCH_WAITED)
        reply.status = OMCACHE_TIMEOUT;
    else if (fetching->outcome == OMCACHE_FETCH_MAKE && fetching->has_lock)
        reply.status = OMCACHE_OK;
    else if (fetching->step == OMC_FETCHING_LOOK)
        reply = *last;
    if (is_unsure(fetching, &reply)) /* who is to make the next one has not got it */
        reply.details.known &= (uint16_t)~OMC_DETAIL_UNCHANGED;
    if (fetching->outcome == OMCACHE_FETCH_MAKE && reply.value_len == 0)
        reply.value = NULL; /* it is the sign that somebody makes it, and nothing else */
    reply.key = fetching->key;
    reply.key_len = fetching->key_len;
    reply.fetched = fetching->outcome;
    return reply;
}
