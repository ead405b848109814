/*
 * The phases of a server, and what is kept of one; see rules.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/rules.h"

#include "base/clock.h"
#include "link/patience.h"
#include "lives/book.h"
#include "lives/check.h"
#include "lives/network.h"
#include "lives/peer.h"
#include "lives/user.h"

/* The arrows of the diagram in doc/design.md, as sets of stages. */
#define STAGE(name, up) (OMC_PHASE_##name + ((up) ? 0 : OMC_PHASE_COUNT))
#define UP(name) (1U << STAGE(name, true))
#define DOWN(name) (1U << STAGE(name, false))

/* Those of which nothing is reported: START, RESOLVED, CONNECTED, SECURED and OTHER, */
static const unsigned silent[RULES_STAGES] = {
    [STAGE(REST, true)] = UP(FINDING),         [STAGE(FINDING, true)] = UP(DIALLING),
    [STAGE(DIALLING, true)] = UP(SECURING),    [STAGE(SECURING, true)] = UP(GREETING),
    [STAGE(GREETING, true)] = UP(FINDING),     [STAGE(REST, false)] = DOWN(FINDING),
    [STAGE(FINDING, false)] = DOWN(DIALLING),  [STAGE(DIALLING, false)] = DOWN(SECURING),
    [STAGE(SECURING, false)] = DOWN(GREETING), [STAGE(GREETING, false)] = DOWN(FINDING),
};

/* and the others. */
static const unsigned told[RULES_STAGES] = {
    [STAGE(REST, true)] = UP(REST),
    [STAGE(FINDING, true)] = DOWN(REST) | DOWN(FINDING) | UP(REST),
    [STAGE(DIALLING, true)] = DOWN(REST) | DOWN(DIALLING) | UP(REST),
    [STAGE(SECURING, true)] = DOWN(REST) | DOWN(SECURING) | UP(REST),
    [STAGE(GREETING, true)] = UP(READY) | DOWN(REST) | UP(REST),
    [STAGE(READY, true)] = UP(REST) | DOWN(REST) | UP(GREETING),
    [STAGE(FINDING, false)] = DOWN(REST),
    [STAGE(DIALLING, false)] = DOWN(REST),
    [STAGE(SECURING, false)] = DOWN(REST),
    [STAGE(GREETING, false)] = UP(READY) | DOWN(REST),
};

/* The stages in which each is reported. */
static unsigned stages_of(enum omc_report_kind kind)
{
    switch (kind) {
    case OMC_REPORT_UP:
        return UP(READY);
    case OMC_REPORT_CLOSED:
        return UP(REST);
    case OMC_REPORT_REPLACED:
        return UP(GREETING);
    case OMC_REPORT_LEFT:
        return DOWN(FINDING) | DOWN(DIALLING) | DOWN(SECURING);
    case OMC_REPORT_STARVED:
        return UP(REST) | DOWN(REST);
    case OMC_REPORT_DOWN:
        return DOWN(REST);
    case OMC_REPORT_ANSWER:
    case OMC_REPORT_STRAY:
    case OMC_REPORT_SILENCE:
    case OMC_REPORT_RENEWED:
        return UP(READY);
    default:
        return ~0U;
    }
}

unsigned rules_stage(const struct omc_link *link)
{
    return (unsigned)link->phase + (link->up ? 0 : OMC_PHASE_COUNT);
}

/* Those that can follow until the next report. */
static unsigned followers_of(unsigned before)
{
    unsigned reached = 1U << before, followers;

    for (unsigned i = 0; i < RULES_STAGES; i++) /* each round is a step further */
        for (unsigned stage = 0; stage < RULES_STAGES; stage++)
            reached |= (reached >> stage & 1) != 0 ? silent[stage] : 0;
    followers = reached;
    for (unsigned stage = 0; stage < RULES_STAGES; stage++)
        followers |= (reached >> stage & 1) != 0 ? told[stage] : 0;
    return followers;
}

void rules_check_step(unsigned before, unsigned after, enum omc_report_kind kind)
{
    static unsigned followers[RULES_STAGES];

    if (followers[before] == 0)
        followers[before] = followers_of(before);
    LIFE_CHECK((followers[before] >> after & 1) != 0, "took a step that the diagram does not have");
    LIFE_CHECK((stages_of(kind) >> after & 1) != 0, "reported what does not fit its stage");
}

bool rules_is_awaited(void)
{
    if (network.lookup != LOOKUP_NONE || network_open() > 1)
        return true;
    for (const struct wire *wire = network.wires; wire < network.wires + NETWORK_WIRES; wire++) {
        if (wire->state == WIRE_CONNECTING || wire->state == WIRE_REFUSED ||
            (wire->state != WIRE_FREE && network_is_unsafe(wire)) ||
            (wire->state != WIRE_FREE && peer_owes(wire)))
            return true;
    }
    return false;
}

bool rules_is_at_rest(void)
{
    const struct wire *wire = network_first();

    return !rules_is_awaited() && (user.link.up || user.link.phase != OMC_PHASE_REST) &&
           book_open() == 0 &&
           (wire == NULL || (wire->state == WIRE_OPEN && wire->out_at == wire->out_there));
}

static void check_deadline(void)
{
    int64_t deadline = omc_patience_deadline(&user.link);

    if (rules_is_awaited())
        LIFE_CHECK(deadline != OMC_CLOCK_NEVER, "has no deadline, though somebody is waited for");
    else
        LIFE_CHECK(deadline == OMC_CLOCK_NEVER, "has a deadline, though nobody is waited for");
    LIFE_CHECK(deadline > user.now, "has a deadline that has passed");
    LIFE_CHECK(deadline == OMC_CLOCK_NEVER || deadline <= user.now + USER_CONNECT_TIMEOUT,
               "has a deadline too far away");
}

/* What the phase says of sockets. */
static void check_sockets(void)
{
    const struct omc_link *link = &user.link;
    enum omc_phase phase = link->phase;
    unsigned open = network_open();

    LIFE_CHECK(omc_phase_is_connected(phase) == omc_stream_is_open(&link->conn.stream) &&
                   (phase >= OMC_PHASE_SECURING) == (link->watch.fd >= 0),
               "has a stream without being connected, or none");
    LIFE_CHECK((phase == OMC_PHASE_SECURING) == omc_stream_is_open(&link->coming),
               "makes safe what is not connected, or does not");
    LIFE_CHECK((phase == OMC_PHASE_GREETING) == (link->conn.hello_len > 0),
               "has a hello without a handshake, or none");
    LIFE_CHECK((phase == OMC_PHASE_DIALLING) == (link->race.attempts != NULL),
               "has a race without connecting, or none");
    LIFE_CHECK(!link->conn.held || link->second != NULL || phase == OMC_PHASE_GREETING,
               "holds requests back");
    LIFE_CHECK(link->second == NULL || phase == OMC_PHASE_READY, "doubts what is not ready");
    if (omc_phase_is_connected(phase))
        LIFE_CHECK(open == 1U + (link->second != NULL), "has more sockets than it should");
    if (phase == OMC_PHASE_SECURING)
        LIFE_CHECK(open == 1, "has more sockets than it should");
    if (phase < OMC_PHASE_DIALLING)
        LIFE_CHECK(open == 0, "has sockets");
    LIFE_CHECK((phase == OMC_PHASE_FINDING) == (network.lookup != LOOKUP_NONE),
               "looks up a name without waiting for it, or does not");
}

/* As audit_queue of src/client/audit.c. */
static void check_queue(void)
{
    const struct omc_connection *conn = &user.link.conn;
    const struct omc_queue *queue = &conn->queue;
    uint32_t open = 0, idle = 0;
    bool awaits_answer = false;
    size_t unsent = 0;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_slot(queue, queue->first + i);
        const struct omc_asker *asker = pending->claim.asker;
        bool sent = omc_connection_was_sent(conn, queue->first + i);

        LIFE_CHECK(pending->settled || asker == NULL ||
                       (asker->link == &user.link && asker->number == queue->first + i),
                   "has not told who asks where the request is");
        open += omc_queue_is_open(pending);
        idle += omc_queue_is_open(pending) && omc_queue_is_idle(pending);
        if (!sent || pending->half)
            unsent += pending->refused ? 0 : omc_ask_size(&pending->ask);
        awaits_answer = awaits_answer || (!pending->quiet && sent);
    }
    LIFE_CHECK(queue->open == open && queue->idle == idle, "counts its open requests wrong");
    LIFE_CHECK(conn->unsent == unsent, "counts its unsent bytes wrong");
    LIFE_CHECK(omc_connection_awaits_answer(conn) == awaits_answer, "knows wrongly what is owed");
    LIFE_CHECK(omc_queue_next(queue) - conn->begun <= queue->count, "has written what it has not");
    LIFE_CHECK(omc_queue_outstanding(queue) == book_open(), "has lost a request, or has one more");
    LIFE_CHECK(user.link.up || queue->count == 0, "is down and has requests");
}

void rules_check(void)
{
    LIFE_CHECK(user.link.todo == 0, "was left with something to go on with");
    check_sockets();
    check_queue();
    check_deadline();
    book_check_answered();
}
