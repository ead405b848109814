/*
 * The faulty peer over the protocols made of lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/faulty_codec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum little_verb verb;
    bool meta;
} commands[] = {
    {"get", LITTLE_NOOP, false},        {"gets", LITTLE_GET, false},
    {"gats", LITTLE_GET, false},        {"set", LITTLE_SET, false},
    {"cas", LITTLE_SET, false},         {"add", LITTLE_ADD, false},
    {"replace", LITTLE_REPLACE, false}, {"append", LITTLE_APPEND, false},
    {"prepend", LITTLE_PREPEND, false}, {"delete", LITTLE_DELETE, false},
    {"touch", LITTLE_TOUCH, false},     {"incr", LITTLE_INCREMENT, false},
    {"decr", LITTLE_DECREMENT, false},  {"version", LITTLE_VERSION, false},
    {"mn", LITTLE_NOOP, true},          {"mg", LITTLE_GET, true},
    {"ms", LITTLE_SET, true},           {"md", LITTLE_DELETE, true},
    {"ma", LITTLE_INCREMENT, true},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static uint64_t number_at(const struct words *words, size_t place)
{
    return strtoull(words->word[place], NULL, 10);
}

static void read_text(struct faulty_request *request)
{
    const struct words *words = &request->words;
    struct little_ask *ask = &request->ask;
    bool counts = ask->verb == LITTLE_INCREMENT || ask->verb == LITTLE_DECREMENT;
    ask->flags = (uint32_t)number_at(words, 2);
    ask->cas = strcmp(words->word[0], "cas") == 0 ? number_at(words, 5) : 0;
    ask->delta = counts ? number_at(words, 2) : 0;
}

static uint64_t number_of(const struct words *words, char letter)
{
    const char *flag = words_flag(words, letter);
    return flag ? strtoull(flag + 1, NULL, 10) : 0;
}

static enum little_verb verb_of_mode(enum little_verb verb, const char *mode)
{
    switch (mode ? mode[1] : 0) {
    case 'E':
        return LITTLE_ADD;
    case 'R':
        return LITTLE_REPLACE;
    case 'A':
        return LITTLE_APPEND;
    case 'P':
        return LITTLE_PREPEND;
    case 'D':
        return LITTLE_DECREMENT;
    default:
        return verb;
    }
}

static void read_meta(struct faulty_request *request)
{
    const struct words *words = &request->words;
    struct little_ask *ask = &request->ask;
    ask->verb = verb_of_mode(ask->verb, words_flag(words, 'M'));
    if (ask->verb == LITTLE_GET && !words_flag(words, 'v')) {
        ask->verb = LITTLE_TOUCH;
    }
    request->quiet = words_flag(words, 'q') != NULL;
    request->numbered = words_flag(words, 'O') != NULL;
    ask->flags = (uint32_t)number_of(words, 'F');
    ask->cas = number_of(words, 'C');
    ask->delta = words_flag(words, 'D') ? number_of(words, 'D') : 1;
    ask->initial = number_of(words, 'J');
    ask->creates = words_flag(words, 'N') != NULL;
}

/* Says so at once; false if that is all that it does. */
static bool refuse(struct peer *peer, const struct faulty_request *request)
{
    if (request->forsakes) {
        peer_forsake(peer);
    }
    return words_send(peer, "SERVER_ERROR object too large for cache\r\n") && !request->forsakes;
}

/* The first words of a client ask for what is not there, in its own way; they are not one of
 * the requests that faults are counted by. */
static bool is_greeting(const struct words *words)
{
    return strcmp(words->word[0], "get") == 0 ||
           (strcmp(words->word[0], "mg") == 0 && !words_flag(words, 'O'));
}

bool faulty_read_lines(struct peer *peer, struct faulty_request *request, unsigned char *room,
                       bool knows_meta)
{
    struct words *words = &request->words;
    struct little_ask *ask = &request->ask;
    if (!words_read_line(peer, words)) {
        return false;
    }
    request->refused = request->refuses && words->data_len > FAULTY_LARGE;
    if (request->refused && !refuse(peer, request)) {
        return false;
    }
    if (!words_read_data(peer, words, room, FAULTY_DATA_MAX)) {
        return false;
    }
    ask->verb = LITTLE_UNKNOWN;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(words->word[0], commands[i].word) == 0 && (knows_meta || !commands[i].meta)) {
            ask->verb = commands[i].verb;
            request->meta = commands[i].meta;
        }
    }
    snprintf(ask->key, sizeof(ask->key), "%s",
             words->word[strcmp(words->word[0], "gats") == 0 ? 2 : 1]);
    ask->data = room;
    ask->data_len = words->data_len;
    if (is_greeting(words)) {
        ask->verb = ask->verb == LITTLE_UNKNOWN ? ask->verb : LITTLE_NOOP;
        ask->key[0] = 0;
    } else if (request->meta) {
        read_meta(request);
    } else {
        read_text(request);
    }
    return true;
}

/*
 * Answers.
 */

struct text {
    unsigned char *bytes;
    size_t len;
    size_t room;
};

static void put(struct text *text, const void *bytes, size_t len)
{
    if (text->len + len <= text->room) {
        memcpy(text->bytes + text->len, bytes, len);
        text->len += len;
    }
}

static void say(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct text *text, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(text, line, (size_t)len);
}

/* What a length is said to be: a little more or less than it is, so that the end of the
 * value is not where it should be. */
static size_t lie(const struct faulty_answer *answer, size_t len)
{
    static const int lies[FAULT_LENGTHS] = {1, 2, 3, -1, 1, -2, 2000000000, 3};
    size_t way = answer->at % FAULT_LENGTHS;
    if (answer->fault != FAULT_LENGTH) {
        return len;
    }
    return lies[way] < 0 && len < 3 ? len + 1 : (size_t)((long long)len + lies[way]);
}

/* The flags that are answered, in the order of the request. */
static void say_flags(struct text *text, const struct faulty_request *request,
                      const struct faulty_answer *answer, const struct little_item *item)
{
    const struct words *words = &request->words;
    for (size_t i = 2; i < words->count; i++) {
        const char *flag = words->word[i];
        if (*flag == 'f' && item) {
            say(text, " f%" PRIu32, item->flags);
        } else if (*flag == 'c' && item) {
            say(text, " c%" PRIu64, item->cas);
        } else if (*flag == 'k') {
            say(text, " k%s", item ? item->key : request->ask.key);
        } else if (*flag == 'O') {
            say(text, " %s", flag);
            text->bytes[text->len - strlen(flag) + 1] ^=
                answer->fault == FAULT_OTHER_OPAQUE ? 5 : 0; /* still a digit */
        }
    }
}

static void write_meta(struct text *text, const struct faulty_request *request,
                       const struct faulty_answer *answer)
{
    static const char *const others[] = {
        [LITTLE_GET] = "HD",       [LITTLE_SET] = "EN",    [LITTLE_ADD] = "EN",
        [LITTLE_REPLACE] = "EN",   [LITTLE_APPEND] = "EN", [LITTLE_PREPEND] = "EN",
        [LITTLE_DELETE] = "EN",    [LITTLE_TOUCH] = "NS",  [LITTLE_INCREMENT] = "HD",
        [LITTLE_DECREMENT] = "HD", [LITTLE_NOOP] = "HD",
    };
    const struct little_result *result = &answer->result;
    enum little_verb verb = request->ask.verb;
    bool gets = verb == LITTLE_GET || verb == LITTLE_TOUCH;
    const struct little_item *item =
        answer->fault == FAULT_OTHER_KEY ? answer->other : result->item;
    char number[24];
    if (answer->fault == FAULT_OTHER_OPCODE) {
        say(text, "%s", others[verb]);
    } else if (verb == LITTLE_NOOP) {
        say(text, "%s", strcmp(request->words.word[0], "mn") == 0 ? "MN" : "EN");
    } else if (result->status == LITTLE_OK && verb == LITTLE_GET) {
        say(text, "VA %zu", lie(answer, item->len));
        say_flags(text, request, answer, item);
        put(text, "\r\n", 2);
        put(text, item->value, item->len);
    } else if (result->status == LITTLE_OK &&
               (verb == LITTLE_INCREMENT || verb == LITTLE_DECREMENT)) {
        snprintf(number, sizeof(number), "%" PRIu64, result->number);
        say(text, "VA %zu", lie(answer, strlen(number)));
        say_flags(text, request, answer, item);
        say(text, "\r\n%s", number);
    } else if (result->status == LITTLE_NOT_A_NUMBER) {
        say(text, "CLIENT_ERROR cannot increment or decrement non-numeric value");
    } else {
        say(text, "%s",
            result->status == LITTLE_OK          ? "HD"
            : result->status == LITTLE_EXISTS    ? (verb == LITTLE_ADD ? "NS" : "EX")
            : result->status == LITTLE_NOT_FOUND ? (gets                     ? "EN"
                                                    : verb == LITTLE_REPLACE ? "NS"
                                                                             : "NF")
                                                 : "NS");
        say_flags(text, request, answer, gets ? NULL : item);
    }
    if (answer->fault == FAULT_OTHER_OPCODE) {
        say_flags(text, request, answer, NULL);
    }
    put(text, "\r\n", 2);
}

/* What a command answers when all went well. */
static const char *word_of(enum little_verb verb)
{
    switch (verb) {
    case LITTLE_DELETE:
        return "DELETED";
    case LITTLE_TOUCH:
        return "TOUCHED";
    case LITTLE_NOOP:
        return "END";
    case LITTLE_VERSION:
        return "VERSION 1.6.18";
    case LITTLE_UNKNOWN:
        return "ERROR";
    default:
        return "STORED";
    }
}

static void write_text(struct text *text, const struct faulty_request *request,
                       const struct faulty_answer *answer)
{
    const struct little_result *result = &answer->result;
    enum little_verb verb = request->ask.verb;
    const struct little_item *item =
        answer->fault == FAULT_OTHER_KEY ? answer->other : result->item;
    bool stores = request->words.data_len > 0 || verb == LITTLE_SET;
    if (answer->fault == FAULT_OTHER_OPCODE) {
        say(text, "%s\r\n", verb == LITTLE_DELETE || verb == LITTLE_GET ? "STORED" : "DELETED");
    } else if (result->status == LITTLE_UNKNOWN_COMMAND) {
        say(text, "ERROR\r\n");
    } else if (result->status == LITTLE_NOT_A_NUMBER) {
        say(text, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
    } else if (verb == LITTLE_GET && item) {
        say(text, "VALUE %s %" PRIu32 " %zu %" PRIu64 "\r\n", item->key, item->flags,
            lie(answer, item->len), item->cas);
        put(text, item->value, item->len);
        say(text, request->words.more ? "\r\n" : "\r\nEND\r\n");
    } else if (verb == LITTLE_GET) {
        say(text, "END\r\n");
    } else if (result->status == LITTLE_OK &&
               (verb == LITTLE_INCREMENT || verb == LITTLE_DECREMENT)) {
        say(text, "%" PRIu64 "\r\n", result->number);
    } else if (result->status == LITTLE_OK) {
        say(text, "%s\r\n", word_of(verb));
    } else if (result->status == LITTLE_EXISTS && request->ask.cas) {
        say(text, "EXISTS\r\n");
    } else if (result->status == LITTLE_NOT_FOUND && (!stores || request->ask.cas)) {
        say(text, "NOT_FOUND\r\n");
    } else {
        say(text, "NOT_STORED\r\n");
    }
}

/* Whether there is such an answer with such a fault, and it shows. */
static bool is_possible(const struct faulty_request *request, const struct faulty_answer *answer)
{
    enum little_verb verb = request->ask.verb;
    bool found = verb == LITTLE_GET && answer->result.status == LITTLE_OK;
    bool counted = answer->result.status == LITTLE_OK && request->meta &&
                   (verb == LITTLE_INCREMENT || verb == LITTLE_DECREMENT);
    switch (answer->fault) {
    case FAULT_OTHER_OPAQUE:
        return request->numbered;
    case FAULT_OTHER_KEY:
        return found && answer->other && (!request->meta || words_flag(&request->words, 'k'));
    case FAULT_OTHER_OPCODE:
        return verb != LITTLE_UNKNOWN && (request->numbered || !request->meta);
    case FAULT_LENGTH:
        return found || counted;
    default:
        return true;
    }
}

size_t faulty_write_lines(const struct faulty_request *request, const struct faulty_answer *answer,
                          unsigned char *out, /* as the other has it: NOLINT */
                          size_t room)
{
    struct text text = {out, 0, room};
    bool missed = request->ask.verb == LITTLE_GET && answer->result.status == LITTLE_NOT_FOUND;
    bool silent = missed && (request->quiet || request->words.more);
    if (!is_possible(request, answer) || silent) {
        return 0;
    }
    if (request->meta) {
        write_meta(&text, request, answer);
    } else {
        write_text(&text, request, answer);
    }
    return text.len;
}
