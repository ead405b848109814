/*
 * Increment, add, increment; see counting.h.
 */
#include "link/counting.h"

#include "base/memory.h"
#include "proto/opcode.h"
#include "proto/text.h"

enum {
    TRIES = 10, /* each of them means that another client has just removed the counter */
};

/* Queues the next request in place of the one that was answered. */
static int queue_next(struct omc_link *link, struct omc_report *report, const struct omc_ask *ask)
{
    int rc = omc_link_submit_copy(link, ask, &report->claim, SIZE_MAX);

    link->has_new = link->has_new || rc == OMCACHE_OK;
    return rc;
}

/* There is no counter: make it. */
static int add_value(struct omc_link *link, struct omc_report *report)
{
    struct omc_counter *counter = report->claim.counter;
    struct omc_ask add;

    omc_text_make_counter(&counter->delta, counter->digits, &add);
    return queue_next(link, report, &add);
}

/* There is one again: count. */
static int count_again(struct omc_link *link, struct omc_report *report)
{
    struct omc_counter *counter = report->claim.counter;

    return ++counter->tries >= TRIES ? OMCACHE_FAIL : queue_next(link, report, &counter->delta);
}

/* Whether what was answered needs another request, which could be queued. */
static bool needs_more(struct omc_link *link, struct omc_report *report)
{
    int *status = &report->reply.value.status, rc;
    bool is_add = report->op == OMC_OP_ADD;

    if (report->claim.owner == OMC_OWNER_GONE ||
        *status != (is_add ? OMCACHE_KEY_EXISTS : OMCACHE_NOT_FOUND))
        return false;
    rc = is_add ? count_again(link, report) : add_value(link, report);
    if (rc == OMCACHE_OK)
        return true;
    *status = rc;
    return false;
}

bool omc_counting_go_on(struct omc_link *link, struct omc_report *report)
{
    struct omc_counter *counter = report->claim.counter;
    struct omc_reply *reply = &report->reply;

    if (needs_more(link, report))
        return true;
    reply->opcode = counter->delta.op;
    if (report->op == OMC_OP_ADD && reply->value.status == OMCACHE_OK) {
        reply->value.delta_value = counter->delta.initial;
        reply->silent = omc_opcode_is_quiet(reply->opcode);
    }
    omc_memory_free(counter);
    return false;
}
