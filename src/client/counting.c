/*
 * Increment, add, increment; see counting.h.
 */
#include "client/counting.h"

#include "base/memory.h"
#include "client/enqueue.h"
#include "proto/opcode.h"
#include "proto/text.h"

enum {
    TRIES = 10, /* each of them means that another client has just removed the counter */
};

/* Queues the next request in place of the one that was answered. */
static int queue_next(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                      const struct omc_ask *ask)
{
    return omc_enqueue_again(mc, server, ask, &asked->claim);
}

/* There is no counter: make it. */
static int add_value(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked)
{
    struct omc_ask add;

    omc_text_make_counter(&asked->claim.counter->delta, asked->claim.counter->digits, &add);
    return queue_next(mc, server, asked, &add);
}

/* There is one again: count. */
static int count_again(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked)
{
    if (++asked->claim.counter->tries >= TRIES)
        return OMCACHE_FAIL;
    return queue_next(mc, server, asked, &asked->claim.counter->delta);
}

/* Whether what was answered needs another request, which could be queued. */
static bool needs_more(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                       int *status)
{
    bool is_add = asked->ask.op == OMC_OP_ADD;
    int rc;

    if (asked->claim.owner == OMC_OWNER_GONE ||
        *status != (is_add ? OMCACHE_KEY_EXISTS : OMCACHE_NOT_FOUND))
        return false;
    rc = is_add ? count_again(mc, server, asked) : add_value(mc, server, asked);
    if (rc == OMCACHE_OK)
        return true;
    *status = rc;
    return false;
}

bool omc_counting_go_on(omcache_t *mc, struct omc_server *server, const struct omc_pending *asked,
                        struct omc_reply *reply)
{
    struct omc_counter *counter = asked->claim.counter;

    if (needs_more(mc, server, asked, &reply->value.status))
        return true;
    reply->opcode = counter->delta.op;
    if (asked->ask.op == OMC_OP_ADD && reply->value.status == OMCACHE_OK) {
        reply->value.delta_value = counter->delta.initial;
        reply->silent = omc_opcode_is_quiet(reply->opcode);
    }
    omc_memory_free(counter);
    return false;
}
