/*
 * What can happen to a link; see events.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/events.h"

#include "base/clock.h"
#include "link/patience.h"
#include "lives/book.h"
#include "lives/network.h"
#include "lives/peer.h"
#include "lives/user.h"

enum {
    LITTLE_TIME = 10000, /* milliseconds that a link at rest is left alone */
    LATE_TIME = 150,     /* after its deadline nobody has looked */
    READY_PATIENCE = 60, /* of somebody who asks: enough for a doubt, */
    PATIENCE = 260,      /* also of one who waits for the first connection */
    SOME = 10,           /* bytes that the kernel takes */
};

const char *const events_names[EVENTS] = {
    "asked",      "store",       "quiet",        "count",       "meta",   "all",        "some",
    "none",       "answer",      "unseen",       "part",        "other",  "more",       "old",
    "refused",    "end",         "end-unseen",   "error",       "second", "second-end", "time",
    "late",       "given-up",    "waited",       "starved",     "reset",  "list",       "chosen",
    "inside-ask", "inside-turn", "inside-reset", "inside-list",
};

static bool is_open(const struct wire *wire)
{
    return wire != NULL && wire->state == WIRE_OPEN;
}

static bool is_connecting(const struct wire *wire)
{
    return wire != NULL && wire->state == WIRE_CONNECTING;
}

/* Has the rest of an answer arrive, or gives the next one; false if there is none. */
static bool go_on_answering(struct wire *wire)
{
    struct heard *heard;

    if (wire->out_there < wire->out_len)
        return true;
    heard = peer_oldest(wire);
    if (heard == NULL)
        return false;
    peer_answer(wire, heard, PEER_RIGHT);
    return true;
}

static bool answer_on(struct wire *wire, bool in_part)
{
    if (is_connecting(wire) && !in_part) {
        wire->state = WIRE_OPEN;
        return true;
    }
    if (is_open(wire) && network_is_unsafe(wire) && !wire->is_safe && !in_part) {
        wire->is_safe = true;
        return true;
    }
    if (!is_open(wire) || !go_on_answering(wire))
        return false;
    if (in_part)
        peer_deliver_half(wire);
    else
        peer_deliver(wire);
    return true;
}

static bool answer(bool in_part)
{
    if (network.lookup == LOOKUP_UNDER_WAY && !in_part) {
        network.lookup = LOOKUP_FOUND;
        return true;
    }
    return answer_on(network_first(), in_part);
}

/* The answer to a later request, or a wrong one.  Not where a callback may forget requests between
 * two answers that were read at once: which of them came too late is then not known here. */
static bool answer_other(struct wire *wire)
{
    bool may_skip;
    struct heard *heard;

    if (!is_open(wire) || peer_oldest(wire) == NULL || user.inside == USER_RESETS)
        return false;
    may_skip = user.link.phase == OMC_PHASE_READY && peer_has_numbers(wire);
    heard = may_skip ? peer_newest(wire) : NULL;
    if (heard != NULL && heard != peer_oldest(wire))
        peer_answer(wire, heard, PEER_RIGHT);
    else
        peer_answer(wire, peer_oldest(wire), PEER_WRONG);
    peer_deliver(wire);
    network.is_spoiled = true;
    return true;
}

static bool answer_more(struct wire *wire)
{
    if (!is_open(wire) || !wire->greeted)
        return false;
    peer_say_more(wire);
    peer_deliver(wire);
    *(peer_is_binary(wire) ? &network.is_foreign : &network.is_spoiled) = true;
    return true;
}

static bool answer_old(struct wire *wire)
{
    struct heard *heard = is_open(wire) ? peer_oldest(wire) : NULL;

    if (heard == NULL || heard->kind != HEARD_HELLO || heard->op != 'm' || wire->out_len > 0)
        return false;
    peer_answer_old(wire);
    peer_deliver(wire);
    return true;
}

/* Whether an error cannot be told from one about the hello or, as meta gives it no number, about a
 * quiet request in front. */
static bool is_unclear(const struct wire *wire, const struct heard *heard)
{
    for (const struct heard *older = wire->heard; older < heard; older++) {
        if (older->quiet && !older->done && !peer_is_binary(wire))
            return true;
    }
    return heard->kind == HEARD_HELLO;
}

static bool refuse(struct wire *wire)
{
    struct heard *heard = is_open(wire) ? peer_sure(wire) : NULL;

    if (heard == NULL || heard->kind == HEARD_NOOP || (heard->kind == HEARD_HELLO && !heard->whole))
        return false;
    peer_answer(wire, heard, PEER_ERROR);
    peer_deliver(wire);
    network.is_spoiled = network.is_spoiled || is_unclear(wire, heard);
    return true;
}

static bool end(struct wire *wire, enum wire_state how)
{
    if (is_connecting(wire))
        how = WIRE_REFUSED;
    else if (!is_open(wire))
        return false;
    wire->state = how;
    return true;
}

static bool lose(void)
{
    if (network.lookup == LOOKUP_UNDER_WAY) {
        network.lookup = LOOKUP_FAILED;
        return true;
    }
    return end(network_first(), WIRE_RESET);
}

/* The kernel takes so many more bytes, which must change something. */
static bool set_window(size_t window)
{
    if (!is_open(network_first()) || network.window == window ||
        (window == SOME && network.window != NETWORK_ALL && network.window != 0))
        return false;
    network.window = window;
    return true;
}

static bool pass(int64_t late)
{
    int64_t deadline = omc_patience_deadline(&user.link);

    if (!user.link.up && user.link.phase == OMC_PHASE_REST)
        deadline = user.link.retry_at;
    if (deadline == OMC_CLOCK_NEVER && late > 0)
        return false;
    if (deadline == OMC_CLOCK_NEVER)
        user.now += LITTLE_TIME;
    else if (deadline + late > user.now)
        user.now = deadline + late;
    return true;
}

static int64_t patience(void)
{
    return user.link.phase == OMC_PHASE_READY ? READY_PATIENCE : PATIENCE;
}

/* Somebody has no patience any more. */
static bool lose_patience(void (*act)(void))
{
    if (book_oldest() == NULL)
        return false;
    user.now += patience();
    act();
    return true;
}

static bool choose(void)
{
    if (user.has_chosen)
        return false;
    user.has_chosen = true;
    user.shared.settings.protocol =
        user.shared.settings.protocol % OMCACHE_PROTOCOL_TEXT + OMCACHE_PROTOCOL_BINARY;
    return true;
}

/* From now on there are no descriptors. */
static bool starve(void)
{
    if (network.is_starved || omc_phase_is_connected(user.link.phase))
        return false;
    network.is_starved = true;
    return true;
}

static bool ask(enum user_ask what)
{
    int protocol = user.shared.settings.protocol;

    if (book.count == BOOK_MAX ||
        (what == USER_COUNTS && (user.has_chosen || protocol != OMCACHE_PROTOCOL_TEXT)) ||
        (what == USER_DELETES && protocol != OMCACHE_PROTOCOL_AUTO))
        return false;
    user_ask(what);
    return true;
}

static bool reset(void)
{
    if (user.link.conn.queue.count == 0)
        return false;
    user_reset();
    return true;
}

static bool change_list(void)
{
    if (user.link.up && user.link.phase == OMC_PHASE_REST)
        return false;
    user_change_list();
    return true;
}

static bool set_inside(enum user_act act)
{
    user.inside = act;
    return true;
}

/* What others do, to be found in a turn; false if it cannot happen. */
static bool happens(enum event event)
{
    struct wire *first = network_first(), *second = network_second();

    switch (event) {
    case KERNEL_ALL:
        return set_window(NETWORK_ALL);
    case KERNEL_SOME:
        return set_window(SOME);
    case KERNEL_NONE:
        return set_window(0);
    case ANSWER:
        return answer(false);
    case ANSWER_PART:
        return answer(true);
    case ANSWER_OTHER:
        return answer_other(first);
    case ANSWER_MORE:
        return answer_more(first);
    case ANSWER_OLD:
        return answer_old(first);
    case REFUSED:
        return refuse(first);
    case ENDED:
        return is_open(first) && end(first, WIRE_ENDED);
    case ERROR:
        return lose();
    case SECOND_ANSWER:
        return answer_on(second, false);
    case SECOND_ENDED:
        return end(second, WIRE_ENDED);
    case TIME:
        return pass(0);
    default:
        return false;
    }
}

bool events_run(enum event event)
{
    switch (event) {
    case ASKED:
        return ask(USER_GETS);
    case ASKED_STORE:
        return ask(USER_STORES);
    case ASKED_QUIETLY:
        return ask(USER_GETS_QUIETLY);
    case ASKED_COUNT:
        return ask(USER_COUNTS);
    case ASKED_META:
        return ask(USER_DELETES);
    case ANSWER_UNSEEN:
        return is_open(network_first()) && answer(false);
    case ENDED_UNSEEN:
        return is_open(network_first()) && end(network_first(), WIRE_ENDED);
    case GIVEN_UP:
        return lose_patience(user_give_up);
    case WAITED:
        return lose_patience(user_wait);
    case CHOSEN:
        return choose();
    case STARVED:
        return starve();
    case RESET:
        return reset();
    case LIST:
        return change_list();
    case INSIDE_ASK:
        return set_inside(USER_ASKS);
    case INSIDE_TURN:
        return set_inside(USER_TURNS);
    case INSIDE_RESET:
        return set_inside(USER_RESETS);
    case INSIDE_LIST:
        return set_inside(USER_CHANGES_LIST);
    case TIME_LATE:
        if (!pass(LATE_TIME))
            return false;
        user_check_deadline();
        user_turn();
        return true;
    default:
        if (!happens(event))
            return false;
        user_turn();
        return true;
    }
}

/* Whether the silence that ends in so many milliseconds is the peer's, not ours, who did not look.
 */
static bool may_be_too_long(int64_t msec)
{
    const struct wire *first = network_first();
    bool has_come = first != NULL && first->out_at < first->out_there;

    return (!has_come || network.is_foreign) &&
           omc_patience_deadline(&user.link) <= omc_clock_after(user.now, msec);
}

/* Something that the peer has done wrong may not have been looked at yet. */
bool events_may_fail(enum event event, bool awaited)
{
    struct wire *first = network_first();

    if (network.is_spoiled || (first != NULL && first->state > WIRE_OPEN))
        return true;
    switch (event) {
    case ANSWER_OTHER:
    case ANSWER_OLD:
    case ENDED:
    case ENDED_UNSEEN:
    case ERROR:
        return true;
    case ANSWER_MORE:
        return first != NULL && !peer_is_binary(first);
    case REFUSED:
        return first != NULL && peer_sure(first) != NULL && is_unclear(first, peer_sure(first));
    case SECOND_ANSWER:
    case SECOND_ENDED:
        return user.link.phase != OMC_PHASE_READY;
    case TIME:
    case TIME_LATE:
        return awaited && may_be_too_long(LITTLE_TIME);
    case GIVEN_UP:
    case WAITED:
        return awaited && may_be_too_long(patience());
    default:
        return false;
    }
}

bool events_may_put_off(enum event event)
{
    switch (event) {
    case ASKED:
    case ASKED_STORE:
    case ASKED_QUIETLY:
    case ASKED_COUNT:
    case ASKED_META:
    case KERNEL_NONE:
    case ANSWER_MORE:
    case ANSWER_UNSEEN:
    case STARVED:
    case RESET:
    case CHOSEN:
        return false;
    default:
        return true;
    }
}
