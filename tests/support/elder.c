/*
 * Servers and proxies of other ages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/elder.h"

#include "support/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX 100000

enum meta { META_NONE, META_FIRST, META_OLD };

static const struct manner {
    const char *version;
    enum meta meta;
    bool gat;
    bool closes; /* at what it does not know */
    bool drains; /* what comes in binary, and says nothing */
} manners[ELDER_KINDS] = {
    [ELDER_1_4_39] = {"1.4.39", META_NONE, false, false, false},
    [ELDER_1_5_22] = {"1.5.22", META_FIRST, true, false, false},
    [ELDER_1_6_6] = {"1.6.6", META_OLD, true, false, false},
    [ELDER_1_6_9] = {"1.6.9", META_OLD, true, false, false},
    [ELDER_TWEMPROXY_0_4_1] = {NULL, META_NONE, false, true, false},
    [ELDER_PELIKAN] = {NULL, META_NONE, false, true, true},
};

/* One connection. */
struct session {
    struct peer *peer;
    struct elder *elder;
    struct manner manner;
    struct words words;
    unsigned char data[DATA_MAX + 2];
};

static bool is(const struct session *session, const char *command)
{
    return strcmp(session->words.word[0], command) == 0;
}

static bool say(struct session *session, const char *line)
{
    return words_send(session->peer, "%s\r\n", line);
}

static struct little_result run(struct session *session, const struct little_ask *ask)
{
    return little_run(&session->elder->memory, ask);
}

static struct little_ask ask_for(const struct session *session, enum little_verb verb, size_t key)
{
    struct little_ask ask = {.verb = verb};
    snprintf(ask.key, sizeof(ask.key), "%s", session->words.word[key]);
    return ask;
}

static bool read_data(struct session *session, struct little_ask *ask)
{
    struct words *words = &session->words;
    if (words->data_len > sizeof(session->data) ||
        !words_read_data(session->peer, words, session->data, sizeof(session->data))) {
        return false;
    }
    ask->data = session->data;
    ask->data_len = words->data_len;
    return true;
}

/*
 * The older meta syntax.
 */

static bool has_only(const struct words *words, const char *flags)
{
    for (size_t i = 2; i < words->count; i++) {
        if (!strchr(flags, words->word[i][0])) {
            return false;
        }
    }
    return true;
}

static bool get_old(struct session *session)
{
    struct little_ask ask = ask_for(session, LITTLE_GET, 1);
    const struct little_item *item = run(session, &ask).item;
    const char *opaque = words_flag(&session->words, 'O');
    if (!has_only(&session->words, "vfcktshlqOTNR")) {
        return say(session, "CLIENT_ERROR invalid flag");
    }
    if (!item) {
        return words_flag(&session->words, 'q') || say(session, "EN");
    }
    if (!words_flag(&session->words, 'v')) {
        return words_send(session->peer, "OK %s\r\n", opaque ? opaque : "");
    }
    return words_send(session->peer, "VA %zu %s\r\n%.*s\r\n", item->len, opaque ? opaque : "",
                      (int)item->len, (const char *)item->value);
}

/* What it refuses has no data for it: that is read as the next line. */
static bool store_old(struct session *session)
{
    const char *size = words_flag(&session->words, 'S');
    struct little_ask ask = ask_for(session, LITTLE_SET, 1);
    if (!size || !has_only(&session->words, "SFTOCIckq")) {
        return say(session, "CLIENT_ERROR invalid flag");
    }
    session->words.data_len = strtoul(size + 1, NULL, 10) + 2;
    if (!read_data(session, &ask)) {
        return false;
    }
    run(session, &ask);
    return say(session, "OK ");
}

static bool delete_old(struct session *session)
{
    struct little_ask ask = ask_for(session, LITTLE_DELETE, 1);
    if (!has_only(&session->words, "qOCITk")) {
        return say(session, "CLIENT_ERROR invalid flag");
    }
    return say(session, run(session, &ask).status == LITTLE_OK ? "OK " : "NF ");
}

/* Whether it is a meta command; then *goes_on says whether the connection does. */
static bool serve_meta(struct session *session, bool *goes_on)
{
    enum meta meta = session->manner.meta;
    if (meta == META_FIRST && is(session, "mn")) {
        *goes_on = say(session, "EN");
    } else if (meta == META_FIRST &&
               (is(session, "mg") || is(session, "ms") || is(session, "md"))) {
        *goes_on = say(session, "CLIENT_ERROR invalid or duplicate flag");
    } else if (meta == META_OLD && is(session, "mn")) {
        *goes_on = say(session, "MN");
    } else if (meta == META_OLD && is(session, "mg")) {
        *goes_on = get_old(session);
    } else if (meta == META_OLD && is(session, "ms")) {
        *goes_on = store_old(session);
    } else if (meta == META_OLD && is(session, "md")) {
        *goes_on = delete_old(session);
    } else {
        return false;
    }
    return true;
}

/*
 * The classic commands.
 */

static bool say_value(struct session *session, const struct little_item *item, bool with_cas)
{
    char cas[24] = "";
    if (with_cas) {
        snprintf(cas, sizeof(cas), " %" PRIu64, item->cas);
    }
    return words_send(session->peer, "VALUE %s %" PRIu32 " %zu%s\r\n", item->key, item->flags,
                      item->len, cas) &&
           peer_send(session->peer, item->value, item->len) && say(session, "");
}

static bool get(struct session *session, size_t place, bool with_cas)
{
    struct little_ask ask = ask_for(session, LITTLE_GET, place);
    const struct little_item *item = run(session, &ask).item;
    if (item && !say_value(session, item, with_cas)) {
        return false;
    }
    return session->words.more || say(session, "END");
}

static bool store(struct session *session, enum little_verb verb)
{
    struct little_ask ask = ask_for(session, verb, 1);
    ask.flags = (uint32_t)strtoul(session->words.word[2], NULL, 10);
    ask.cas = is(session, "cas") ? strtoull(session->words.word[5], NULL, 10) : 0;
    if (!read_data(session, &ask)) {
        return false;
    }
    return say(session, run(session, &ask).status == LITTLE_OK ? "STORED" : "NOT_STORED");
}

static bool change(struct session *session, enum little_verb verb)
{
    struct little_ask ask = ask_for(session, verb, 1);
    ask.delta = strtoull(session->words.word[2], NULL, 10);
    struct little_result result = run(session, &ask);
    if (result.status == LITTLE_OK && verb != LITTLE_DELETE && verb != LITTLE_TOUCH) {
        return words_send(session->peer, "%" PRIu64 "\r\n", result.number);
    }
    return say(session, result.status != LITTLE_OK ? "NOT_FOUND"
                        : verb == LITTLE_DELETE    ? "DELETED"
                                                   : "TOUCHED");
}

static bool serve_version(struct session *session)
{
    const char *version = session->elder->version;
    return words_send(session->peer, "VERSION %s\r\n", version ? version : session->manner.version);
}

static bool serve_text(struct session *session)
{
    static const struct {
        const char *command;
        enum little_verb verb;
    } stores[] = {{"set", LITTLE_SET},       {"add", LITTLE_ADD}, {"replace", LITTLE_REPLACE},
                  {"append", LITTLE_APPEND}, {"cas", LITTLE_SET}, {"prepend", LITTLE_PREPEND}},
      changes[] = {{"incr", LITTLE_INCREMENT},
                   {"delete", LITTLE_DELETE},
                   {"decr", LITTLE_DECREMENT},
                   {"touch", LITTLE_TOUCH}};
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (is(session, stores[i].command)) {
            return store(session, stores[i].verb);
        }
    }
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        if (is(session, changes[i].command)) {
            return change(session, changes[i].verb);
        }
    }
    if (is(session, "get") || is(session, "gets")) {
        return get(session, 1, is(session, "gets"));
    }
    if (session->manner.gat && (is(session, "gat") || is(session, "gats"))) {
        return get(session, 2, is(session, "gats"));
    }
    if (session->manner.version && is(session, "version")) {
        return serve_version(session);
    }
    return !session->manner.closes && say(session, "ERROR");
}

static bool serve_line(struct session *session)
{
    bool goes_on;
    pthread_mutex_lock(&session->elder->lock);
    if (!serve_meta(session, &goes_on)) {
        goes_on = serve_text(session);
    }
    pthread_mutex_unlock(&session->elder->lock);
    return goes_on;
}

void elder_serve(struct peer *peer, void *context)
{
    struct elder *elder = context;
    struct session *session = calloc(1, sizeof(*session));
    if (!session) {
        return;
    }
    session->peer = peer;
    session->elder = elder;
    session->manner = manners[elder->kind];
    if (peer_peek(peer) < 0x80) {
        while (words_read_line(peer, &session->words) && serve_line(session)) {
        }
    } else if (session->manner.drains) {
        peer_drain(peer);
    }
    free(session);
}

void elder_clear(struct elder *elder)
{
    little_clear(&elder->memory);
}

bool elder_has(struct elder *elder, const char *key)
{
    struct little_ask ask = {.verb = LITTLE_GET};
    snprintf(ask.key, sizeof(ask.key), "%s", key);
    pthread_mutex_lock(&elder->lock);
    bool has = little_run(&elder->memory, &ask).item != NULL;
    pthread_mutex_unlock(&elder->lock);
    return has;
}
