/*
 * Using a link; see user.h.  The functions are named as those of src/client that they are like.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/user.h"

#include "link/doubt.h"
#include "link/life.h"
#include "link/patience.h"
#include "link/protocol.h"
#include "link/work.h"
#include "lives/book.h"
#include "lives/check.h"
#include "lives/network.h"
#include "lives/peer.h"
#include "lives/rules.h"

#include <string.h>

enum {
    FIRST_NUMBER = -3,    /* the numbers wrap on the way */
    REPORTS_MAX = 40,     /* at a time: what is asked, and a few of the connection */
    ROUNDS_MAX = 10,      /* of sending what was returned */
    UNWATCHED_TIME = 100, /* as in turn.c */
    WASTED_MAX = 3,       /* as in life.c */
    LOOKUP_TIME = 250,    /* as in recovery.c */
    RECV_LIMIT = 100000,
};

struct user user;

static struct omc_link *const link = &user.link;

void user_start(int protocol)
{
    struct omc_shared *shared = &user.shared;

    memset(&user, 0, sizeof(user));
    user.now = 1000000;
    shared->settings = (struct omc_settings){
        .connect_timeout = USER_CONNECT_TIMEOUT,
        .reconnect_timeout = USER_RECONNECT_TIMEOUT,
        .dead_timeout = USER_DEAD_TIMEOUT,
        .recv_limit = RECV_LIMIT,
        .protocol = protocol,
    };
    shared->random = 1;
    omc_pool_init(&shared->pool);
    omc_names_init(&shared->names, &shared->watches);
    omc_link_init(link, shared, (uint32_t)FIRST_NUMBER);
    omc_endpoint_name(&link->endpoint, "name", "1");
}

static void note_unsent(void)
{
    user.unsent = user.unsent || (omc_connection_is_busy(&link->conn) &&
                                  omc_connection_is_unfinished(&link->conn));
}

/* What names its server goes there again, unless that is down; what was chosen by its key goes to
 * another one, which is an outcome here. */
static void move_request(const struct omc_report *report)
{
    struct book_entry *entry = book_find(&report->claim);

    LIFE_CHECK(entry->state == BOOK_OPEN && report->claim.owner == OMC_OWNER_OPERATION,
               "returned what is over");
    book_check_returned(report);
    if (entry->keyed || !link->up ||
        (!omc_stream_is_open(&link->conn.stream) && !omc_protocol_carries(link, report->ask)) ||
        omc_link_submit_copy(link, report->ask, &report->claim, SIZE_MAX) != OMCACHE_OK) {
        book_note(report);
        return;
    }
    note_unsent();
}

/* A callback may do anything: once. */
static void call_back(void)
{
    enum user_act act = user.inside;

    user.inside = USER_NOTHING;
    if (act == USER_ASKS)
        user_ask(USER_GETS);
    else if (act == USER_TURNS)
        user_turn();
    else if (act == USER_RESETS)
        user_reset();
    else if (act == USER_CHANGES_LIST)
        user_change_list();
}

/* An answer goes to a callback, and a notice is logged. */
static void act_on(const struct omc_report *report)
{
    switch (report->kind) {
    case OMC_REPORT_ANSWER:
        book_note(report);
        call_back();
        break;
    case OMC_REPORT_SILENCE:
    case OMC_REPORT_FAILED:
    case OMC_REPORT_RENEWED:
        book_note(report);
        break;
    case OMC_REPORT_RETURNED:
        move_request(report);
        break;
    case OMC_REPORT_REPLACED:
        peer_note_replaced(network_first());
        call_back();
        break;
    case OMC_REPORT_REFUSED: /* perhaps just that which the kernel did not take */
        if (!omc_connection_waits(&link->conn))
            network_first()->is_full = false;
        call_back();
        break;
    default:
        call_back();
        break;
    }
}

/* A failure after which it is connected to again at once. */
static void note_closed(unsigned before)
{
    network.is_cautious = before == OMC_PHASE_GREETING;
    LIFE_CHECK(link->wasted <= WASTED_MAX, "connects again and again to what is of no use");
}

/* The next report, in a turn that may read. */
static bool take_next(bool reads, struct omc_report *report)
{
    return reads ? omc_life_next(link, user.now, report)
                 : omc_life_next_news(link, user.now, report);
}

/* As omc_turn_receive, or omc_turn_take. */
static void take(bool reads)
{
    struct omc_report report;
    unsigned before = rules_stage(link);
    uint64_t failures = link->counters.failures;
    bool is_through = false;

    report.has_more = false;
    report.sink = NULL;
    for (int left = REPORTS_MAX; !is_through && take_next(reads, &report); left--) {
        LIFE_CHECK(left > 0, "reports for ever");
        rules_check_step(before, rules_stage(link), report.kind);
        if (report.kind == OMC_REPORT_CLOSED && link->counters.failures > failures)
            note_closed(before);
        act_on(&report);
        before = rules_stage(link);
        failures = link->counters.failures;
        is_through = reads && !report.has_more && omc_life_is_through(link);
    }
    if (is_through)
        omc_life_rest(link);
    rules_check_step(before, rules_stage(link), OMC_REPORT_NONE);
    if (link->has_new) {
        link->has_new = false;
        note_unsent();
    }
}

static void event(enum omc_event what, const char *reason)
{
    omc_life_event(link, what, reason);
    take(false);
}

/* As omc_loop_send: what is returned meanwhile is sent, too. */
static void send_all(void)
{
    for (int left = ROUNDS_MAX; user.unsent; left--) {
        LIFE_CHECK(left > 0, "sends for ever");
        user.unsent = false;
        omc_life_start(link);
        take(false);
        omc_life_fence(link);
        take(false);
        omc_life_write(link, user.now);
        take(false);
    }
}

static void go_on_with_found(void)
{
    while (omc_names_take_found(&user.shared.names, user.now) != NULL) {
        omc_life_found(link, user.now);
        take(false);
    }
}

/* As look. */
static void look(bool unwatched)
{
    struct omc_watches *watches = &user.shared.watches;
    enum omc_phase before = link->phase;

    if (link->phase == OMC_PHASE_FINDING) {
        omc_names_look(&user.shared.names, user.now);
        omc_life_found(link, user.now);
        take(false);
    }
    omc_watch_choose_none(watches);
    omc_life_choose(link);
    omc_watch_wait(watches, 0);
    omc_life_step(link, user.now);
    take(true);
    if (unwatched && link->phase > before)
        omc_connection_note_time(&link->conn, user.now);
}

/* As omc_turn_check_deadline. */
static void check_deadline(void)
{
    int64_t deadline = omc_patience_deadline(link);
    bool was_up = link->up;
    bool unwatched = user.now - deadline >= UNWATCHED_TIME;
    const char *reason;

    if (user.now < deadline)
        return;
    omc_doubt_check_deadline(link, user.now);
    take(false);
    if (omc_phase_is_connecting(link->phase))
        look(unwatched);
    reason = omc_patience_reason(link, user.now);
    if (reason != NULL)
        event(OMC_EVENT_FAILED, reason);
    if (reason != NULL && !was_up && unwatched)
        link->retry_at = user.now;
}

/* As an event loop that watches all there is, omc_loop_choose and omc_loop_dispatch. */
static void look_round(void)
{
    struct omc_watches *watches = &user.shared.watches;

    omc_watch_want(watches, &link->watch, omc_work_events(link));
    omc_watch_choose_none(watches);
    omc_life_choose(link);
    omc_names_choose(&user.shared.names);
    omc_watch_wait(watches, 0);
    omc_life_step(link, user.now);
    take(true);
    omc_doubt_step(link, user.now);
    take(false);
    omc_names_dispatch(&user.shared.names, user.now);
    go_on_with_found();
    check_deadline();
}

void user_check_deadline(void)
{
    check_deadline();
    send_all();
}

/* As begin_reconnect. */
static void nudge(void)
{
    if (!link->up && link->phase == OMC_PHASE_REST && user.now >= link->retry_at)
        event(OMC_EVENT_START, NULL);
}

void user_turn(void)
{
    user.shared.usec = (uint32_t)user.now * 1000;
    nudge();
    look_round();
    send_all();
}

/* As route of submit.c; whether the server takes the request. */
static bool find_server(void)
{
    do {
        if (!link->up) {
            nudge();
            if (link->phase != OMC_PHASE_REST)
                look_round();
        }
        if (!link->up)
            return false;
        if (link->phase == OMC_PHASE_READY && !omc_connection_is_trusted(&link->conn, user.now)) {
            omc_life_receive(link);
            take(true);
        }
        if (link->phase != OMC_PHASE_REST)
            continue;
        event(OMC_EVENT_START, NULL);
    } while (!link->up);
    return true;
}

static struct omc_ask make_ask(enum user_ask what, const unsigned char *key)
{
    static const uint8_t ops[] = {OMC_OP_GETK, OMC_OP_SET, OMC_OP_GETKQ, OMC_OP_INCREMENT,
                                  OMC_OP_META_DELETE};
    struct omc_ask ask = {.op = ops[what], .key = key, .key_len = BOOK_KEY, .delta = 1};

    if (what == USER_GETS_QUIETLY && omc_protocol_known(link) == OMCACHE_PROTOCOL_TEXT)
        ask.op = OMC_OP_SETQ;
    if (ask.op == OMC_OP_SET || ask.op == OMC_OP_SETQ) {
        ask.value = key;
        ask.value_len = BOOK_KEY;
    }
    return ask;
}

/* As omc_submit_operation. */
static void submit(enum user_ask what)
{
    struct book_entry *entry = book_next();
    struct omc_ask ask = make_ask(what, entry->key);
    struct omc_claim claim = {.owner = OMC_OWNER_OPERATION,
                              .asker = &entry->asker,
                              .asked = user.shared.usec,
                              .keyed = what == USER_STORES};

    if (!omc_stream_is_open(&link->conn.stream) && !omc_protocol_carries(link, &ask))
        return;
    if (omc_link_submit_copy(link, &ask, &claim, SIZE_MAX) != OMCACHE_OK)
        return;
    book_add(omc_opcode_is_quiet(ask.op), claim.keyed);
    note_unsent();
}

void user_ask(enum user_ask what)
{
    user.shared.usec = (uint32_t)user.now * 1000;
    if (find_server())
        submit(what);
    send_all();
}

/* As is_doubtful. */
static bool is_doubtful(void)
{
    if (link->phase == OMC_PHASE_FINDING || link->phase == OMC_PHASE_SECURING)
        return user.now - link->conn.since >= LOOKUP_TIME;
    return link->phase == OMC_PHASE_DIALLING && omc_race_is_overdue(&link->race, user.now);
}

/* As omc_recovery_doubt. */
static void doubt(void)
{
    enum omc_phase before = link->phase;

    if (is_doubtful())
        look_round();
    if (link->phase <= before && is_doubtful())
        event(OMC_EVENT_DOUBTED, NULL);
    send_all();
}

/* As omc_expiry_check. */
void user_give_up(void)
{
    struct book_entry *entry;
    struct omc_pending *pending;

    user_turn();
    entry = book_oldest();
    if (entry == NULL)
        return;
    pending = omc_queue_find(&link->conn.queue, entry->asker.number);
    LIFE_CHECK(pending != NULL, "does not know a request by its number");
    entry->state = BOOK_GIVEN_UP;
    omc_queue_abandon(&link->conn.queue, pending);
    omc_doubt_begin(link, entry->asker.number, user.now);
    doubt();
}

/* As omc_loop_doubt and omc_recovery_doubt_all. */
void user_wait(void)
{
    user_turn();
    omc_doubt_call(link, user.now);
    take(false);
    if (link->conn.queue.open > 0)
        doubt();
}

/* As omc_loop_forget. */
void user_reset(void)
{
    struct wire *wire = network_first();

    book_forget();
    if (wire != NULL && omc_stream_is_open(&link->conn.stream))
        peer_note_forgotten(wire);
    if (!omc_connection_forget(&link->conn))
        event(OMC_EVENT_DISCARD, "reset with a request half sent");
    send_all();
}

/* As omc_members_start_anew. */
void user_change_list(void)
{
    omc_life_end(link, OMCACHE_CANCELLED);
    take(false);
    omc_names_stop(&user.shared.names);
    LIFE_CHECK(book_open() == 0, "not all is over when the link has ended");
    link->failures = link->wasted = 0;
    link->cautious = false;
    link->retry_at = 0;
}

void user_end(void)
{
    omc_life_end(link, OMCACHE_CANCELLED);
    take(false);
    omc_names_forget(&user.shared.names, &link->endpoint);
    LIFE_CHECK(book_open() == 0, "not all is over when the link has ended");
    LIFE_CHECK(network_open() == 0 && network.lookup == LOOKUP_NONE, "something is left open");
    LIFE_CHECK(link->phase == OMC_PHASE_REST && link->conn.queue.count == 0,
               "has something to do when it has ended");
}

void user_free(void)
{
    omc_link_fini(link);
    omc_names_fini(&user.shared.names);
    omc_watch_fini(&user.shared.watches);
    omc_pool_fini(&user.shared.pool);
}
