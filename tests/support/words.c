/*
 * The protocols made of lines as scripted peers need them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_line(struct peer *peer, char *line, size_t room)
{
    size_t len = 0;
    while (len < room && peer_read(peer, line + len, 1)) {
        if (line[len++] != '\n') {
            continue;
        }
        len -= len > 1 && line[len - 2] == '\r' ? 2 : 1;
        line[len] = 0;
        return true;
    }
    return false;
}

static bool is(const struct words *words, const char *command)
{
    return strcmp(words->word[0], command) == 0;
}

static size_t data_length(const struct words *words)
{
    static const char *const stores[] = {"set", "add", "replace", "append", "prepend", "cas"};
    if (is(words, "ms")) {
        return strtoul(words->word[2], NULL, 10) + 2;
    }
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (is(words, stores[i])) {
            return strtoul(words->word[4], NULL, 10) + 2;
        }
    }
    return 0;
}

/* Reads the data and what ends it, of which the first `room` bytes are kept. */
static bool read_data(struct peer *peer, size_t len, unsigned char *data, size_t room)
{
    unsigned char rest[4096];
    size_t kept = len < room ? len : room;
    if (kept > 0 && !peer_read(peer, data, kept)) {
        return false;
    }
    for (size_t left = len - kept; left > 0;) {
        size_t piece = left < sizeof(rest) ? left : sizeof(rest);
        if (!peer_read(peer, rest, piece)) {
            return false;
        }
        left -= piece;
    }
    return true;
}

/* How many words there are before the first key, if there may be many. */
static int words_before_keys(const char *line)
{
    bool gets = strncmp(line, "get ", 4) == 0 || strncmp(line, "gets ", 5) == 0;
    return gets ? 1 : strncmp(line, "gats ", 5) == 0 ? 2 : 0;
}

/* Leaves all keys but the first for later, with the words before them; whether there are any. */
static bool split_line(struct peer *peer, char *line)
{
    char *key = line;
    char *end = NULL;
    for (int left = words_before_keys(line); left > 0 && key; left--) {
        key = strchr(key, ' ');
        key += key != NULL;
    }
    end = key != line && key ? strchr(key, ' ') : NULL;
    if (!end) {
        return false;
    }
    snprintf(peer_left(peer), PEER_LINE, "%.*s%s", (int)(key - line), line, end + 1);
    *end = 0;
    return true;
}

/* The next line, or what was left of it. */
static bool take_line(struct peer *peer, char *line, size_t room)
{
    char *left = peer_left(peer);
    if (*left == 0) {
        return read_line(peer, line, room);
    }
    snprintf(line, room, "%s", left);
    *left = 0;
    return true;
}

bool words_read_line(struct peer *peer, struct words *words)
{
    static char none[] = "";
    char *rest = NULL;
    if (!take_line(peer, words->line, sizeof(words->line))) {
        return false;
    }
    words->more = split_line(peer, words->line);
    words->count = 0;
    for (char *word = strtok_r(words->line, " ", &rest); word && words->count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        words->word[words->count++] = word;
    }
    for (size_t i = words->count; i < WORDS_MAX; i++) {
        words->word[i] = none;
    }
    words->data_len = data_length(words);
    return true;
}

bool words_read_data(struct peer *peer, struct words *words, unsigned char *data, size_t room)
{
    if (!read_data(peer, words->data_len, data, room)) {
        return false;
    }
    words->data_len -= words->data_len > 0 ? 2 : 0;
    return true;
}

bool words_read_with_data(struct peer *peer, struct words *words, unsigned char *data, size_t room)
{
    return words_read_line(peer, words) && words_read_data(peer, words, data, room);
}

bool words_read(struct peer *peer, struct words *words)
{
    return words_read_with_data(peer, words, NULL, 0);
}

const char *words_flag(const struct words *words, char letter)
{
    for (size_t i = 2; i < words->count; i++) {
        if (words->word[i][0] == letter) {
            return words->word[i];
        }
    }
    return NULL;
}

bool words_send(struct peer *peer, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return len >= 0 && (size_t)len < sizeof(text) && peer_send(peer, text, (size_t)len);
}

bool words_answer_text(struct peer *peer, const struct words *words)
{
    const char *key = words->word[1];
    if (is(words, "version")) {
        return words_send(peer, "VERSION 1.4.0\r\n");
    }
    if (is(words, "get")) { /* only asked for what is not there, as a greeting */
        return words_send(peer, "END\r\n");
    }
    if (is(words, "gets") || is(words, "gats")) {
        key = is(words, "gats") ? words->word[2] : key;
        return words_send(peer, "VALUE %s 42 %zu 99\r\nvalue of %s\r\n%s", key,
                          strlen("value of ") + strlen(key), key, words->more ? "" : "END\r\n");
    }
    if (is(words, "delete")) {
        return words_send(peer, "DELETED\r\n");
    }
    if (is(words, "incr") || is(words, "decr")) {
        return words_send(peer, "7\r\n");
    }
    if (is(words, "stats")) {
        return words_send(peer, "STAT pid 1\r\nEND\r\n");
    }
    if (is(words, "touch")) {
        return words_send(peer, "TOUCHED\r\n");
    }
    if (is(words, "flush_all")) {
        return words_send(peer, "OK\r\n");
    }
    return words_send(peer, is(words, "set") || words->data_len > 0 ? "STORED\r\n" : "ERROR\r\n");
}

bool words_answer_meta(struct peer *peer, const struct words *words)
{
    const char *opaque = words_flag(words, 'O');
    const char *key = words->word[1];
    if (is(words, "mn")) {
        return words_send(peer, "MN\r\n");
    }
    if (is(words, "mg") && words_flag(words, 'v')) {
        bool keyed = words_flag(words, 'k') != NULL;
        return words_flag(words, 'q') ||
               words_send(peer, "VA %zu f42 c99 %s%s%s\r\nvalue of %s\r\n",
                          strlen("value of ") + strlen(key), opaque, keyed ? " k" : "",
                          keyed ? key : "", key);
    }
    if (is(words, "mg") && !opaque) { /* likewise */
        return words_send(peer, "EN\r\n");
    }
    if (is(words, "ma")) {
        return words_send(peer, "VA 1 c99 %s\r\n7\r\n", opaque);
    }
    if (is(words, "mg") || is(words, "ms") || is(words, "md")) {
        return words_send(peer, "HD c99 %s\r\n", opaque);
    }
    return words_answer_text(peer, words);
}

static bool greet(struct peer *peer, int lines,
                  bool (*answer)(struct peer *peer, const struct words *words))
{
    struct words words;
    while (lines > 0 && words_read(peer, &words) && answer(peer, &words)) {
        lines--;
    }
    return lines == 0;
}

/* That is "version" three times, or a get twice. */
bool words_greet_text(struct peer *peer)
{
    return greet(peer, peer_peek(peer) == 'v' ? 3 : 2, words_answer_text);
}

bool words_greet_meta(struct peer *peer)
{
    return greet(peer, 2, words_answer_meta);
}

static void serve(struct peer *peer, const size_t *piece,
                  bool (*answer)(struct peer *peer, const struct words *words))
{
    struct words words;
    if (piece) {
        peer_send_in_pieces(peer, *piece);
    }
    while (words_read(peer, &words) && answer(peer, &words)) {
    }
}

void words_serve_text(struct peer *peer, void *context)
{
    serve(peer, context, words_answer_text);
}

void words_serve_meta(struct peer *peer, void *context)
{
    serve(peer, context, words_answer_meta);
}
