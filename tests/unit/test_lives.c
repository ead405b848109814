/*
 * Every short life of a link: from each phase, over each protocol, all sequences of a few events,
 * on a network and a clock that are made up, and what must hold after each of them.  This is the
 * specification that the diagram of the phases in doc/design.md draws.
 *
 * LIVES=6 tries longer lives than every day, of so many events.  What goes wrong is printed with
 * its life; LIFE="meta ready: asked, time" tries one only, and tells of each event.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/patience.h"
#include "lives/book.h"
#include "lives/check.h"
#include "lives/events.h"
#include "lives/network.h"
#include "lives/rewind.h"
#include "lives/rules.h"
#include "lives/user.h"
#include "support/fixture.h"

/* How many events are tried every day: fewer where each takes much longer. */
#if defined(OMC_AUDIT) || !defined(__OPTIMIZE__)
#define DEPTH 4
#else
#define DEPTH 5
#endif

enum {
    DEPTH_VALGRIND = 3,
    DEPTH_MAX = 8,
    LENGTH_MAX = 64, /* with the way to a phase, or what is named */
    REST_MAX = 40,   /* deadlines until all is over by itself */
};

#define READY "asked, answer, answer, answer"
#define AT_REST READY ", answer"
#define AGAIN ", asked, answer, answer" /* its address is known by then */
#define DOWN "asked, answer, error, error"

/* A way to a phase from the beginning, and how it is known there. */
static const struct phase {
    const char *name;
    enum omc_phase phase;
    bool is_down;
    const char *prelude;
    bool doubts;
    bool is_half_written;
    bool is_cautious;
    bool is_secret; /* connections have to be made safe */
    uint32_t wasted;
} phases[] = {
    {.name = "rest", .phase = OMC_PHASE_REST, .prelude = ""},
    {.name = "finding", .phase = OMC_PHASE_FINDING, .prelude = "asked"},
    {.name = "dialling", .phase = OMC_PHASE_DIALLING, .prelude = "asked, answer"},
    {.name = "greeting", .phase = OMC_PHASE_GREETING, .prelude = "asked, answer, answer"},
    {.name = "securing",
     .phase = OMC_PHASE_SECURING,
     .is_secret = true,
     .prelude = "asked, answer, answer"},
    {.name = "ready", .phase = OMC_PHASE_READY, .prelude = AT_REST},
    {.name = "in-flight", .phase = OMC_PHASE_READY, .prelude = AT_REST ", asked"},
    {.name = "half-written",
     .phase = OMC_PHASE_READY,
     .prelude = AT_REST ", some, store",
     .is_half_written = true},
    {.name = "doubt",
     .phase = OMC_PHASE_READY,
     .prelude = AT_REST ", asked, given-up",
     .doubts = true},
    {.name = "rejected",
     .phase = OMC_PHASE_REST,
     .prelude = AT_REST ", end, asked, answer, end",
     .is_cautious = true},
    {.name = "wasted",
     .phase = OMC_PHASE_READY,
     .prelude = READY ", end" AGAIN ", end" AGAIN ", end" AGAIN,
     .wasted = 3},
    {.name = "down", .phase = OMC_PHASE_REST, .is_down = true, .prelude = DOWN},
    {.name = "down, finding",
     .phase = OMC_PHASE_FINDING,
     .is_down = true,
     .prelude = DOWN ", time"},
    {.name = "down, dialling",
     .phase = OMC_PHASE_DIALLING,
     .is_down = true,
     .prelude = DOWN ", time, answer"},
    {.name = "down, securing",
     .phase = OMC_PHASE_SECURING,
     .is_down = true,
     .is_secret = true,
     .prelude = DOWN ", time, answer, answer"},
    {.name = "doubt, secret",
     .phase = OMC_PHASE_READY,
     .is_secret = true,
     .prelude = READY ", answer, answer, asked, given-up",
     .doubts = true},
    {.name = "down, greeting",
     .phase = OMC_PHASE_GREETING,
     .is_down = true,
     .prelude = DOWN ", time, answer, answer"},
};

enum {
    PHASES = sizeof(phases) / sizeof(phases[0]),
    PROTOCOLS = 4,
};

static const char *const protocol_names[PROTOCOLS] = {"auto", "binary", "meta", "text"};

/* The life that is tried. */
static struct {
    const struct phase *phase;
    int protocol;
    size_t length;
    enum event events[LENGTH_MAX];
} life;

static struct rewind_moment moments[DEPTH_MAX];
static unsigned long lives;  /* so many were tried of this kind, */
static unsigned long *total; /* and of all, each of which may have its own process */
static bool tells;

static void write_text(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return; /* there is nobody to tell */
}

/* Also when it has crashed. */
static void print_life(void)
{
    write_text("LIFE=\"");
    write_text(protocol_names[life.protocol]);
    write_text(" ");
    write_text(life.phase->name);
    for (size_t i = 0; i < life.length; i++) {
        write_text(i == 0 ? ": " : ", ");
        write_text(events_names[life.events[i]]);
    }
    write_text("\"\n");
}

_Noreturn void life_fail(const char *what)
{
    print_life();
    ck_abort_msg("%s (phase %d)", what, (int)user.link.phase);
    abort();
}

static void crash(int number)
{
    signal(number, SIG_DFL);
    print_life();
    raise(number);
}

/* The connection that owes something, of which nothing is under way; 0 if there is none. */
static uint32_t waited_for(void)
{
    const struct wire *first = network_first();

    if (!omc_phase_is_connected(user.link.phase) || user.link.second != NULL ||
        first->out_at < first->out_len || !rules_is_awaited())
        return 0;
    return first->born;
}

static uint32_t first_born(void)
{
    const struct wire *first = network_first();

    return first == NULL ? 0 : first->born;
}

static void tell(enum event event)
{
    int64_t deadline = omc_patience_deadline(&user.link);

    printf("%s: phase %d%s, %u open, %u connections, deadline ", events_names[event],
           (int)user.link.phase, user.link.up ? "" : " (down)", book_open(), network_open());
    if (deadline == OMC_CLOCK_NEVER)
        printf("never\n");
    else
        printf("in %lld ms\n", (long long)(deadline - user.now));
}

/* Lets an event happen, and checks all that must hold then; false if it cannot. */
static bool step(enum event event)
{
    bool awaited = rules_is_awaited(), rests = rules_is_at_rest() && event == TIME;
    bool may_fail = events_may_fail(event, awaited);
    uint64_t failures = user.link.counters.failures;
    uint32_t born = first_born(), waited = waited_for();
    int64_t deadline = omc_patience_deadline(&user.link);

    life.events[life.length++] = event;
    if (!events_run(event)) {
        life.length--;
        return false;
    }
    if (tells)
        tell(event);
    rules_check();
    LIFE_CHECK(may_fail || user.link.counters.failures == failures, "counted a failure of nobody");
    LIFE_CHECK(!rests || first_born() == born, "closed or made a connection at rest");
    LIFE_CHECK(waited == 0 || waited_for() != waited || events_may_put_off(event) ||
                   omc_patience_deadline(&user.link) <= deadline,
               "waits longer for no reason");
    if (network_open() == 0)
        network.is_spoiled = network.is_foreign = false;
    return true;
}

/* All comes to an end if only time passes. */
static void rest(void)
{
    for (int left = REST_MAX; omc_patience_deadline(&user.link) != OMC_CLOCK_NEVER; left--) {
        LIFE_CHECK(left > 0, "does not come to rest");
        step(TIME);
        life.length--;
    }
    LIFE_CHECK(book_open() == 0, "left a request without an outcome");
}

static void end_life(void)
{
    lives++;
    user_end();
}

/* The same, and nothing is left. */
static void end_all(void)
{
    end_life();
    user_free();
    LIFE_CHECK(rewind_alive() == 0, "has lost memory");
}

/* Tries all events from here, and all that can follow.  For the sake of time only lives that come
 * to rest by themselves are looked at for memory: those are as many as there are lives that are
 * shorter by one. */
static void go_on(size_t depth, size_t left)
{
    rewind_save(&moments[depth]);
    for (enum event event = 0; event < (depth == 0 ? EVENTS : FIRSTS); event++) {
        if (!step(event))
            continue;
        if (left > 1)
            go_on(depth + 1, left - 1);
        else
            end_life();
        life.length--;
        rewind_back(&moments[depth]);
    }
    if (left == 1) {
        rest();
        end_all();
        rewind_back(&moments[depth]);
    }
}

static enum event find_event(const char *word)
{
    enum event event = 0;

    while (event < EVENTS && strcmp(events_names[event], word) != 0)
        event++;
    LIFE_CHECK(event < EVENTS, "there is no such event");
    return event;
}

/* Lets events happen that are named in a list. */
static void follow(const char *list)
{
    char words[1000], *at = NULL;

    snprintf(words, sizeof(words), "%s", list);
    for (char *word = strtok_r(words, ", ", &at); word != NULL; word = strtok_r(NULL, ", ", &at))
        LIFE_CHECK(life.length < LENGTH_MAX && step(find_event(word)), "the next cannot happen");
}

static void begin_life(int protocol, const struct phase *phase)
{
    const struct omc_link *link = &user.link;

    life.phase = phase;
    life.protocol = protocol;
    life.length = 0;
    rewind_start();
    network_start();
    network.is_secret = phase->is_secret;
    memset(&book, 0, sizeof(book));
    user_start(protocol);
    follow(phase->prelude);
    LIFE_CHECK(link->phase == phase->phase && link->up == !phase->is_down &&
                   phase->doubts == (link->second != NULL) &&
                   phase->is_half_written == (link->conn.partly > 0) &&
                   phase->is_cautious == link->cautious && phase->wasted == link->wasted,
               "got to another phase");
    life.length = 0;
}

/* Tries the life that is named, if it is of that kind; whether it is. */
static bool try_named(const char *named, int protocol, const struct phase *phase)
{
    char begins[40];
    int len = snprintf(begins, sizeof(begins), "%s %s:", protocol_names[protocol], phase->name);

    if (strncmp(named, begins, (size_t)len) != 0)
        return false;
    begin_life(protocol, phase);
    follow(named + len);
    rest();
    end_all();
    *total += lives;
    return true;
}

static size_t depth_of_lives(void)
{
    const char *wanted = getenv("LIVES");
    size_t depth = wanted == NULL ? DEPTH : strtoul(wanted, NULL, 10);

    ck_assert_msg(depth > 0 && depth <= DEPTH_MAX, "LIVES is from 1 to %d", DEPTH_MAX);
    return wanted == NULL && clock_allow(1) > 1 ? DEPTH_VALGRIND : depth;
}

START_TEST(every_short_life)
{
    const struct phase *phase = &phases[_i % PHASES];
    int protocol = _i / PHASES;
    const char *named = getenv("LIFE");
    size_t depth = depth_of_lives();
    int64_t begun = clock_ms();

    lives = 0;
    if (named != NULL) {
        tells = true;
        try_named(named, protocol, phase);
        return;
    }
    begin_life(protocol, phase);
    go_on(0, depth);
    printf("%9lu lives of %zu events in %6lld ms: %s, %s\n", lives, depth,
           (long long)(clock_ms() - begun), protocol_names[protocol], phase->name);
    fflush(stdout);
    *total += lives;
}
END_TEST

/* Lives that once went wrong, and are too long for every day. */
START_TEST(long_lives)
{
    static const char *const names[] = {
        "binary ready: time, asked, waited, second, second, other",
        "meta ready: time, asked, waited, second, second, end",
        "auto down, greeting: unseen, late, time, asked, unseen, late",
    };
    bool tried = false;

    for (int i = 0; i < PHASES * PROTOCOLS && !tried; i++)
        tried = try_named(names[_i], i / PHASES, &phases[i % PHASES]);
    ck_assert(tried);
}
END_TEST

/* The protocol of $PROTOCOL; PROTOCOLS if there is none. */
static int protocol_wanted(void)
{
    const char *wanted = getenv("PROTOCOL");
    int protocol = 0;

    if (wanted == NULL)
        return PROTOCOLS;
    while (protocol < PROTOCOLS && strcmp(wanted, protocol_names[protocol]) != 0)
        protocol++;
    return protocol;
}

int main(void)
{
    Suite *suite = suite_create("lives");
    TCase *tcase = fixture_case(suite, "lives");
    int failed, protocol = protocol_wanted(), first = protocol % PROTOCOLS * PHASES;

    rewind_add(&user, sizeof(user));
    rewind_add(&network, sizeof(network));
    rewind_add(&book, sizeof(book));
    signal(SIGSEGV, crash);
    tcase_add_loop_test(tcase, every_short_life, first,
                        protocol == PROTOCOLS ? PHASES * PROTOCOLS : first + PHASES);
    tcase_add_loop_test(tcase, long_lives, 0, 3);
    tcase_set_timeout(tcase, 3600);
    total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (total == MAP_FAILED)
        return EXIT_FAILURE;
    failed = fixture_run(suite);
    printf("%lu lives\n", *total);
    return *total == 0 ? EXIT_FAILURE : failed;
}
