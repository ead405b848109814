/*
 * Requests of a connection that ends; see ending.h.
 */
#include "link/ending.h"

#include "link/counter.h"

void omc_ending_begin(struct omc_link *link, enum omc_fate fate, int status)
{
    struct omc_ending *ending = &link->ending;

    omc_connection_close(&link->conn, &ending->remains);
    ending->next = 0;
    link->todo |= OMC_TODO_ENDING;
    ending->fate = fate;
    ending->status = status;
    link->came = 0;
}

/* Whether a request may go elsewhere that was not sent.  One that has begun to count might get as
 * far on each connection as on this one. */
static bool is_whole(const struct omc_pending *pending)
{
    return pending->claim.counter == NULL || !omc_counter_has_begun(pending);
}

/* Whether one may that was sent blind, which is as if nobody had read it: if it does no harm that
 * somebody may have, and its key is still there. */
static bool is_repeatable(const struct omc_pending *pending)
{
    return omc_ask_is_repeatable(&pending->ask) && omc_queue_has_all(&pending->claim);
}

/* What becomes of a request. */
static enum omc_report_kind fate_of(const struct omc_ending *ending, struct omc_pending *pending,
                                    uint32_t number)
{
    const struct omc_remains *remains = &ending->remains;
    bool goes_on = ending->fate == OMC_FATE_MOVE;

    if ((int32_t)(number - remains->begun) >= 0)
        return goes_on && is_whole(pending) ? OMC_REPORT_RETURNED : OMC_REPORT_FAILED;
    if (!goes_on || (int32_t)(number - remains->blind) < 0 || !is_repeatable(pending))
        return OMC_REPORT_FAILED;
    pending->ask.key = pending->claim.asker->key;
    return OMC_REPORT_RETURNED;
}

/* The status with which it ends, if it does.  What went along with credentials that were refused
 * was not let in, either. */
static int end_status(const struct omc_ending *ending, bool sent)
{
    return ending->fate == OMC_FATE_END || !sent || ending->status == OMCACHE_AUTH_FAILED
               ? ending->status
               : OMCACHE_SERVER_FAILURE;
}

bool omc_ending_next(struct omc_link *link, struct omc_report *report)
{
    struct omc_ending *ending = &link->ending;
    const struct omc_queue *queue = &ending->remains.queue;

    while (ending->next != queue->count) {
        uint32_t number = queue->first + ending->next++;
        struct omc_pending *pending = omc_queue_find(queue, number);
        bool sent = (int32_t)(number - ending->remains.begun) < 0;

        if (pending == NULL || pending->claim.owner == OMC_OWNER_GONE)
            continue;
        pending->ask.bits &= (uint8_t)~OMC_ASK_UNHEARD; /* that is for its next connection to say */
        report->ask = &pending->ask;
        if (omc_report_end(report, fate_of(ending, pending, number), pending,
                           end_status(ending, sent))) {
            report->claim.counter = NULL; /* that is freed with the remains */
            return true;
        }
    }
    omc_connection_free_remains(&ending->remains);
    omc_link_note_done(link, OMC_TODO_ENDING);
    return false;
}
