/*
 * Doubts about a connection.
 */
#include "link/doubt.h"

#include "base/clock.h"
#include "link/link.h"
#include "link/protocol.h"
#include "link/work.h"
#include "net/tls.h"

enum {
    /* Silence of so many milliseconds makes a connection doubtful, and after so many a
     * second one is tried again. */
    DOUBT_AFTER = 50,
    DOUBT_PAUSE = 500,
    /* For so many nothing is sent: some who keep silent go on when more is asked. */
    DOUBT_HOLD = 100,
    /* A server that goes on after a pause may answer on the second connection first. */
    DOUBT_GRACE = 20,
    /* Requests that somebody still waits for make the silence last so long at least. */
    DOUBT_AWAITED = 1000,
};

/* Sends nothing more for the time being.  But where the kernel is full the peer may have half
 * a request, and wait for the rest of it; and that there is room again would tell of it. */
static void hold_requests(struct omc_connection *conn)
{
    conn->held = !conn->blocked;
}

/* Goes on with the first connection. */
static void end_doubt(struct omc_link *link)
{
    omc_link_drop_second(link);
    link->has_new = true;
}

/* Whether somebody waits for a request that was sent. */
static bool is_awaited(const struct omc_link *link)
{
    const struct omc_queue *queue = &link->conn.queue;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (queue->first + i == link->conn.begun)
            return false;
        if (pending != NULL && pending->claim.asker != NULL && pending->claim.asker->waits)
            return true;
    }
    return false;
}

/* When the second, whose hello was answered, takes the place of the first, as far as is known. */
static int64_t end_of_grace(const struct omc_link *link, int64_t now)
{
    int64_t awaited = omc_clock_after(link->conn.since, DOUBT_AWAITED);
    int64_t until = omc_clock_after(now, DOUBT_GRACE);

    return until < awaited && is_awaited(link) ? awaited : until;
}

/* The hello of the second was answered. */
static void note_proof(struct omc_link *link, int64_t now)
{
    link->second->until = end_of_grace(link, now);
    hold_requests(&link->conn);
}

/* Somebody has given up; perhaps nobody waits any more. */
static void shorten(struct omc_link *link, int64_t now)
{
    int64_t until = end_of_grace(link, now);

    if (until < link->second->until)
        link->second->until = until;
}

static bool has_shown_life(const struct omc_link *link)
{
    return link->conn.since >= link->second->begun || omc_work_has_come(link);
}

/* Whether it is about to say hello with credentials that others could read, and nobody knows of it
 * yet. */
static bool is_to_be_told_of(const struct omc_link *link, const struct omc_tls_way *way)
{
    const struct omc_second *second = link->second;
    bool is_plain = omc_stream_is_open(&second->stream) ? omc_tls_version(&second->stream) == 0
                                                        : way->tls == NULL;

    return second->watch.ready != 0 && second->hello_len == 0 && !second->is_told_of &&
           link->shared->login != NULL && omc_link_is_exposed(link, is_plain);
}

void omc_doubt_step(struct omc_link *link, int64_t now)
{
    struct omc_second *second = link->second;
    enum omc_second_result result;
    struct omc_tls_way way;

    if (second == NULL)
        return;
    if (link->conn.since >= second->begun) {
        end_doubt(link);
        return;
    }
    way = omc_link_way(link);
    if (is_to_be_told_of(link, &way)) { /* it goes on the next time, as it is still ready then */
        second->is_told_of = true;
        omc_link_note_notice(link, (struct omc_notice){.kind = OMC_REPORT_EXPOSED});
        return;
    }
    result = omc_second_step(second, &link->shared->watches, &way, link->shared->login);
    if (result == OMC_SECOND_LOST)
        end_doubt(link);
    else if (result == OMC_SECOND_PROVED)
        note_proof(link, now);
}

void omc_doubt_begin(struct omc_link *link, uint32_t number, int64_t now)
{
    struct omc_connection *conn = &link->conn;

    if (link->second != NULL && link->second->until != 0)
        shorten(link, now);
    if (link->phase != OMC_PHASE_READY || !omc_connection_is_owed(conn) || link->second != NULL ||
        (int32_t)(number - conn->heard) < 0 || now - conn->since < DOUBT_AFTER ||
        now - link->doubted_at < DOUBT_PAUSE || omc_work_has_come(link))
        return;
    link->doubted_at = now;
    link->second = omc_second_new(&link->shared->watches, link, &link->address,
                                  omc_protocol_choose(link), now);
    if (link->second != NULL)
        hold_requests(conn);
}

void omc_doubt_call(struct omc_link *link, int64_t now)
{
    omc_doubt_begin(link, link->conn.begun - 1, now);
}

/* When the second connection is given up. */
static int64_t end_of_doubt(const struct omc_link *link)
{
    return omc_clock_after(link->second->begun, link->shared->settings.connect_timeout);
}

static int64_t end_of_hold(const struct omc_link *link)
{
    return link->conn.held ? omc_clock_after(link->second->begun, DOUBT_HOLD) : OMC_CLOCK_NEVER;
}

int64_t omc_doubt_deadline(const struct omc_link *link)
{
    int64_t doubt, hold;

    if (link->second == NULL)
        return OMC_CLOCK_NEVER;
    if (link->second->until != 0)
        return link->second->until;
    doubt = end_of_doubt(link);
    hold = end_of_hold(link);
    return hold < doubt ? hold : doubt;
}

/* The application may have chosen another protocol since it was greeted. */
static bool is_of_use(const struct omc_link *link)
{
    return link->second->greeting == omc_protocol_choose(link);
}

void omc_doubt_check_deadline(struct omc_link *link, int64_t now)
{
    if (now < omc_doubt_deadline(link))
        return;
    if (link->second->until != 0 && is_of_use(link) && !has_shown_life(link)) {
        omc_link_note_news(link, (struct omc_news){.event = OMC_EVENT_REPLACED});
    } else if (link->second->until != 0 || now >= end_of_doubt(link)) {
        end_doubt(link);
    } else {
        link->conn.held = false;
        link->has_new = true;
    }
}
