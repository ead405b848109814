/*
 * Requests and answers in three protocols; see peer.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/peer.h"

#include "lives/check.h"
#include "lives/user.h"
#include "proto/opcode.h"

#include <string.h>

enum {
    HEADER = 24,
    MAGIC = 0x80,
    ANSWER_MAGIC = 0x81,
    FAILED = 0x82, /* a status of the binary protocol */
    FLAGS = 4,     /* bytes of the flags of an item */
    NUMBER = 8,    /* and of a counter's value */
    KEY = 2,       /* bytes of each key, of which the second is the tag */
};

/* The hellos by their first bytes. */
static const struct {
    unsigned char first;
    const char *last; /* how it ends */
    const char *answer;
} hellos[] = {
    {'m', "version\r\n", "EN\r\nVERSION 1.6.39\r\n"},
    {'v', "version\r\nversion\r\nversion\r\n",
     "VERSION 1.6.39\r\nVERSION 1.6.39\r\nVERSION 1.6.39\r\n"},
    {'g', NULL, "END\r\nEND\r\n"},
};

/*
 * Requests.
 */

static size_t size_of_binary(const unsigned char *bytes, struct heard *heard)
{
    size_t body_len = (size_t)bytes[10] << 8 | bytes[11];

    heard->op = bytes[1];
    memcpy(heard->number, bytes + 12, 4);
    heard->quiet = omc_opcode_is_quiet(heard->op);
    if (bytes[3] == KEY)
        heard->tag = (char)bytes[HEADER + bytes[4] + 1];
    if (omc_opcode_is_get(heard->op))
        heard->kind = HEARD_GET;
    else if (omc_opcode_is_delta(heard->op))
        heard->kind = HEARD_COUNT;
    else
        heard->kind = heard->op == OMC_OP_NOOP ? HEARD_NOOP : HEARD_STORE;
    return HEADER + body_len;
}

/* How long a line is, its end included. */
static size_t line_len(const unsigned char *bytes, size_t len)
{
    const unsigned char *end = memchr(bytes, '\n', len);

    LIFE_CHECK(end != NULL, "wrote a line without an end");
    return (size_t)(end + 1 - bytes);
}

static bool begins(const unsigned char *bytes, const char *word)
{
    return memcmp(bytes, word, strlen(word)) == 0;
}

/* A get that is on the line of the one before it begins with a blank; the next one may be on its
 * line, too. */
static size_t size_of_text_get(const unsigned char *bytes, size_t len, struct heard *heard)
{
    size_t size;

    heard->joined = *bytes == ' ';
    size = (heard->joined ? 1 : strlen("gets ")) + KEY;
    LIFE_CHECK(size < len, "wrote a line without an end");
    heard->kind = HEARD_GET;
    heard->tag = (char)bytes[size - 1];
    heard->is_open = bytes[size] == ' ';
    return size + (heard->is_open ? 0 : strlen("\r\n"));
}

/* All values are as long as keys. */
static size_t size_of_line(const unsigned char *bytes, size_t len, struct heard *heard)
{
    size_t size = line_len(bytes, len);
    const unsigned char *key = memchr(bytes, ' ', size);
    const unsigned char *number =
        key == NULL ? NULL : memmem(key, (size_t)(bytes + size - key), " O", 2);

    if (key != NULL)
        heard->tag = (char)key[2];
    if (number != NULL)
        memcpy(heard->number, number + 2, sizeof(heard->number) - 1);
    if (begins(bytes, "mn\r")) {
        heard->kind = HEARD_NOOP;
    } else if (begins(bytes, "incr ")) {
        heard->kind = HEARD_COUNT;
    } else if (begins(bytes, "md ")) {
        heard->kind = HEARD_DELETE;
    } else if (begins(bytes, "mg ")) {
        heard->kind = HEARD_GET;
        heard->quiet = begins(bytes + size - 4, " q\r\n");
    } else {
        LIFE_CHECK(begins(bytes, "ms ") || begins(bytes, "set ") || begins(bytes, "add "),
                   "wrote no command");
        heard->kind = HEARD_STORE;
        size += line_len(bytes + size, len - size);
    }
    return size;
}

static size_t size_of_hello(const unsigned char *bytes, size_t len, struct heard *heard)
{
    size_t size = line_len(bytes, len);

    heard->kind = HEARD_HELLO;
    heard->op = bytes[0];
    if (bytes[0] == 'g')
        return 2 * size;
    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        if (hellos[i].first == bytes[0] && bytes[0] == 'm')
            return size + strlen(hellos[i].last);
        if (hellos[i].first == bytes[0])
            return strlen(hellos[i].last);
    }
    life_fail("wrote no hello");
}

/* Takes one apart; its size. */
static size_t take_apart(const unsigned char *bytes, size_t len, bool hello, struct heard *heard)
{
    size_t size;

    *heard = (struct heard){.tag = -1};
    if (*bytes == MAGIC) {
        size = size_of_binary(bytes, heard);
        heard->kind = hello ? HEARD_HELLO : heard->kind;
    } else if (hello) {
        size = size_of_hello(bytes, len, heard);
    } else if (*bytes == ' ' || begins(bytes, "gets ")) {
        size = size_of_text_get(bytes, len, heard);
    } else {
        size = size_of_line(bytes, len, heard);
    }
    LIFE_CHECK(size <= len, "wrote a part of a request");
    return size;
}

/* What the last write had the beginning of. */
static bool has_part(const struct wire *wire)
{
    return wire->count > 0 && !wire->heard[wire->count - 1].whole;
}

/* Before the peer has shown what it is, nothing is sent to it in which it could find a command of
 * its own. */
static void check_harmless(const struct wire *wire, const struct heard *heard,
                           const unsigned char *bytes, size_t size)
{
    if (wire->greeted || heard->kind == HEARD_HELLO)
        return;
    LIFE_CHECK(!wire->is_alone, "sent more than a hello after that was rejected");
    LIFE_CHECK(heard->kind != HEARD_STORE, "sent a value before the hello was answered");
    LIFE_CHECK(*bytes != MAGIC || memchr(bytes, '\n', size) == NULL,
               "sent a line end before the hello was answered");
}

static uint32_t bit_of(char tag)
{
    return 1U << (tag - NETWORK_FIRST_TAG);
}

/* Whether all that it was asked has come to an end. */
static bool is_at_rest(const struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (!wire->heard[i].done)
            return false;
    }
    return true;
}

/* A request that comes after a silence. */
static void note_silence(struct wire *wire)
{
    wire->is_blind = user.now - wire->last >= OMC_CONNECTION_FRESH;
    wire->last = user.now;
}

static void note_begun(const struct wire *wire, const struct heard *heard)
{
    uint32_t bit = bit_of(heard->tag);

    network.begun |= bit;
    network.blind &= ~bit;
    if (wire->is_blind && heard->kind == HEARD_GET)
        network.blind |= bit;
}

static void note_heard(struct wire *wire, const struct heard *heard)
{
    if (has_part(wire)) {
        wire->heard[wire->count - 1].whole = heard->whole;
        return;
    }
    LIFE_CHECK(wire->count < NETWORK_HEARD, "there is no room for a request");
    if (is_at_rest(wire))
        note_silence(wire);
    wire->heard[wire->count++] = *heard;
    if (heard->tag >= NETWORK_FIRST_TAG)
        note_begun(wire, heard);
}

void peer_hear(struct wire *wire, const unsigned char *bytes, size_t len, size_t taken)
{
    unsigned char all[NETWORK_PART + NETWORK_WRITTEN];
    size_t all_len = wire->in_len + len, end = wire->in_len + taken, at = 0;

    memcpy(all, wire->in, wire->in_len);
    memcpy(all + wire->in_len, bytes, len);
    wire->in_len = 0;
    while (at < end) {
        struct heard heard;
        bool hello = wire->count == 0 || (wire->count == 1 && has_part(wire));
        size_t size = take_apart(all + at, all_len - at, hello, &heard);

        check_harmless(wire, &heard, all + at, size);
        if (hello) {
            wire->is_alone = wire->is_alone || network.is_cautious;
            network.is_cautious = false;
        }
        heard.whole = at + size + heard.is_open <= end;
        note_heard(wire, &heard);
        if (!heard.whole) {
            wire->in_len = end - at;
            LIFE_CHECK(wire->in_len <= NETWORK_PART, "there is no room for a part");
            memcpy(wire->in, all + at, wire->in_len);
        }
        at += size;
    }
}

/* Whether an answer is still to come: half of what is got quietly is not there. */
static bool is_due(const struct heard *heard)
{
    bool is_silent = heard->quiet && (heard->kind != HEARD_GET || heard->tag % 2 == 0);

    return !heard->answered && !heard->done && !is_silent;
}

/* The one behind it, if that is on its line; else NULL. */
static struct heard *next_on_line(struct wire *wire, struct heard *heard)
{
    return ++heard < wire->heard + wire->count && heard->joined ? heard : NULL;
}

/* Whether it has come, and so has the rest of its line. */
static bool is_whole(struct wire *wire, struct heard *heard)
{
    struct heard *next;

    while ((next = next_on_line(wire, heard)) != NULL)
        heard = next;
    return heard->whole;
}

struct heard *peer_oldest(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (is_due(&wire->heard[i]))
            return is_whole(wire, &wire->heard[i]) ? &wire->heard[i] : NULL;
    }
    return NULL;
}

/* No-ops have no number in meta, so the answers to them come in order. */
struct heard *peer_newest(struct wire *wire)
{
    struct heard *found = NULL, *noop = NULL;

    for (size_t i = 0; i < wire->count; i++) {
        if (!is_due(&wire->heard[i]) || !wire->heard[i].whole)
            continue;
        found = &wire->heard[i];
        if (found->kind == HEARD_NOOP && noop == NULL)
            noop = found;
    }
    return found != NULL && found->kind == HEARD_NOOP ? noop : found;
}

struct heard *peer_sure(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (is_due(&wire->heard[i]) && !wire->heard[i].quiet)
            return &wire->heard[i];
    }
    return NULL;
}

/*
 * Answers.
 */

static void say(struct wire *wire, const void *bytes, size_t len)
{
    LIFE_CHECK(len <= NETWORK_SAID - wire->out_len, "there is no room for an answer");
    memcpy(wire->out + wire->out_len, bytes, len);
    wire->out_len += len;
}

static void say_text(struct wire *wire, const char *text)
{
    say(wire, text, strlen(text));
}

/* The key of a request, which is its value, too; or another one. */
static void say_key(struct wire *wire, const struct heard *heard, bool wrong)
{
    const char key[KEY] = {'k', (char)(wrong ? 'z' : heard->tag)};

    say(wire, key, KEY);
}

static void say_header(struct wire *wire, const char *number, uint8_t op, size_t extra_len,
                       size_t key_len, size_t value_len, unsigned char status)
{
    unsigned char header[HEADER] = {ANSWER_MAGIC, op};

    header[3] = (unsigned char)key_len;
    header[4] = (unsigned char)extra_len;
    header[7] = status;
    header[11] = (unsigned char)(extra_len + key_len + value_len);
    memcpy(header + 12, number, 4);
    say(wire, header, HEADER);
}

static void answer_binary(struct wire *wire, const struct heard *heard, enum peer_manner manner)
{
    static const char flags[FLAGS], number[NUMBER];

    if (manner == PEER_ERROR) {
        say_header(wire, heard->number, heard->op, 0, 0, 0, FAILED);
    } else if (heard->kind == HEARD_GET) {
        say_header(wire, heard->number, heard->op, FLAGS, KEY, KEY, 0);
        say(wire, flags, FLAGS);
        say_key(wire, heard, manner == PEER_WRONG);
        say_key(wire, heard, false);
    } else if (heard->kind == HEARD_COUNT && manner == PEER_RIGHT) {
        say_header(wire, heard->number, heard->op, 0, 0, NUMBER, 0);
        say(wire, number, NUMBER);
    } else {
        say_header(wire, heard->number, manner == PEER_WRONG ? OMC_OP_TOUCH : heard->op, 0, 0, 0,
                   0);
    }
}

static void answer_meta_get(struct wire *wire, const struct heard *heard, bool wrong)
{
    say_text(wire, "VA 2 f7 c1 O");
    say(wire, heard->number, sizeof(heard->number) - 1);
    say_text(wire, " k");
    say_key(wire, heard, wrong);
    say_text(wire, "\r\n");
    say_key(wire, heard, false);
    say_text(wire, "\r\n");
}

static void answer_meta(struct wire *wire, const struct heard *heard, enum peer_manner manner)
{
    if (manner == PEER_ERROR) {
        say_text(wire, "SERVER_ERROR out of memory\r\n");
    } else if (heard->kind == HEARD_GET) {
        answer_meta_get(wire, heard, manner == PEER_WRONG);
    } else if (heard->kind == HEARD_NOOP) {
        say_text(wire, manner == PEER_WRONG ? "EN\r\n" : "MN\r\n");
    } else if (manner == PEER_WRONG) {
        say_text(wire, "MN\r\n");
    } else {
        say_text(wire, heard->kind == HEARD_DELETE ? "HD O" : "HD c1 O");
        say(wire, heard->number, 8);
        say_text(wire, "\r\n");
    }
}

/* An error is the answer to all that are left on a line. */
static void note_line(struct wire *wire, struct heard *heard)
{
    while ((heard = next_on_line(wire, heard)) != NULL) {
        heard->answered = true;
        heard->end = (uint16_t)(wire->out_begin + wire->out_len);
    }
}

static void answer_text(struct wire *wire, struct heard *heard, enum peer_manner manner)
{
    bool wrong = manner == PEER_WRONG;

    if (manner == PEER_ERROR) {
        say_text(wire, "SERVER_ERROR out of memory\r\n");
        note_line(wire, heard);
    } else if (heard->kind == HEARD_GET) {
        say_text(wire, "VALUE ");
        say_key(wire, heard, wrong);
        say_text(wire, " 7 2 1\r\n");
        say_key(wire, heard, false);
        say_text(wire, next_on_line(wire, heard) != NULL ? "\r\n" : "\r\nEND\r\n");
    } else if (heard->kind == HEARD_COUNT) {
        say_text(wire, wrong ? "STORED\r\n" : "NOT_FOUND\r\n");
    } else {
        say_text(wire, wrong ? "DELETED\r\n" : "STORED\r\n");
    }
}

static void answer_hello(struct wire *wire, const struct heard *heard, enum peer_manner manner)
{
    if (manner == PEER_WRONG) {
        say_text(wire, "http/1.1 400\r\n");
    } else if (heard->op == OMC_OP_NOOP) {
        say_header(wire, heard->number, OMC_OP_NOOP, 0, 0, 0, manner == PEER_ERROR ? FAILED : 0);
    } else if (manner == PEER_ERROR) {
        say_text(wire, "CLIENT_ERROR unauthenticated\r\n");
    } else {
        for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
            if (hellos[i].first == heard->op)
                say_text(wire, hellos[i].answer);
        }
    }
}

/* Which protocol is spoken is told by the hello. */
bool peer_is_binary(const struct wire *wire)
{
    return wire->heard[0].op == OMC_OP_NOOP;
}

bool peer_has_numbers(const struct wire *wire)
{
    return peer_is_binary(wire) || wire->heard[0].op == 'm';
}

void peer_answer(struct wire *wire, struct heard *heard, enum peer_manner manner)
{
    heard->answered = true;
    if (heard->kind == HEARD_HELLO)
        answer_hello(wire, heard, manner);
    else if (peer_is_binary(wire))
        answer_binary(wire, heard, manner);
    else if (wire->heard[0].op == 'm')
        answer_meta(wire, heard, manner);
    else
        answer_text(wire, heard, manner);
    heard->end = (uint16_t)(wire->out_begin + wire->out_len);
}

void peer_answer_old(struct wire *wire)
{
    struct heard *hello = &wire->heard[0];

    hello->answered = true;
    hello->op = 'v';
    say_text(wire, "ERROR\r\nVERSION 1.4.5\r\n");
    hello->end = (uint16_t)(wire->out_begin + wire->out_len);
}

void peer_say_more(struct wire *wire)
{
    const struct heard *last = &wire->heard[wire->count - 1];
    struct heard again = {.kind = HEARD_STORE, .op = OMC_OP_SET, .number = "1234567802"};

    if (last->kind != HEARD_HELLO && last->done)
        memcpy(again.number, last->number, sizeof(again.number));
    if (peer_is_binary(wire))
        answer_binary(wire, &again, PEER_RIGHT);
    else if (wire->heard[0].op == 'm')
        answer_meta(wire, &again, PEER_RIGHT);
    else
        answer_text(wire, &again, PEER_WRONG);
}

void peer_deliver(struct wire *wire)
{
    wire->out_there = wire->out_len;
}

void peer_deliver_half(struct wire *wire)
{
    wire->out_there += (wire->out_len - wire->out_there) / 2;
}

/* An answer was read.  Others that are older are settled by it as matching.md says. */
static void settle(struct wire *wire, struct heard *heard)
{
    heard->done = true;
    if (heard->kind == HEARD_HELLO) {
        wire->greeted = true;
        return;
    }
    for (struct heard *older = wire->heard; older != heard; older++) {
        if (!older->done && !older->quiet && !older->forgotten && heard->kind != HEARD_NOOP)
            return;
        older->done = true;
    }
}

/* What was sent on that connection may have been read: it is not blind any more.  What another one
 * says shows nothing of it. */
static void note_seen(const struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (wire->heard[i].tag >= NETWORK_FIRST_TAG)
            network.blind &= ~bit_of(wire->heard[i].tag);
    }
}

void peer_note_read(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++) {
        struct heard *heard = &wire->heard[i];

        if (heard->answered && !heard->done && heard->end <= wire->out_begin + wire->out_at)
            settle(wire, heard);
    }
    if (!network.is_foreign)
        note_seen(wire);
    if (!network.is_spoiled && !network.is_foreign) {
        wire->last = user.now;
        wire->is_blind = false;
    }
    if (wire->out_at < wire->out_len)
        return;
    wire->out_begin += wire->out_len;
    wire->out_at = wire->out_there = wire->out_len = 0;
}

void peer_note_forgotten(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++)
        wire->heard[i].forgotten = true;
    wire->is_full = false;
}

void peer_note_replaced(struct wire *wire)
{
    wire->count = 0;
    wire->greeted = false;
}

/* It owes a quiet request's outcome, too, when a later one was answered before its turn. */
bool peer_owes(const struct wire *wire)
{
    bool is_silent = false;

    if (!wire->greeted || wire->is_full)
        return true;
    for (const struct heard *heard = wire->heard; heard < wire->heard + wire->count; heard++) {
        if (!heard->quiet && (is_silent || !heard->done))
            return true;
        is_silent = is_silent || !heard->done;
    }
    return false;
}

bool peer_has_answered(const struct wire *wire, char tag)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (wire->heard[i].tag == tag && wire->heard[i].answered && wire->heard[i].done)
            return true;
    }
    return false;
}

bool peer_is_done(const struct wire *wire, char tag)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (wire->heard[i].tag == tag && wire->heard[i].kind != HEARD_COUNT && wire->heard[i].done)
            return true;
    }
    return false;
}

bool peer_has_begun(char tag)
{
    return (network.begun & bit_of(tag)) != 0;
}

bool peer_may_repeat(char tag)
{
    return (network.blind & bit_of(tag)) != 0;
}
