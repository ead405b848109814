/*
 * The protocols made of lines as scripted peers need them, written apart from the
 * library's own: reading requests, and two small servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_WORDS_H
#define TESTS_WORDS_H

#include "support/peer.h"

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 16

/* A request: its line in words, and its data, which is skipped.  A line that asks for many keys is
 * as many requests. */
struct words {
    char line[PEER_LINE];
    bool more; /* the next request is on the same line */
    size_t count;
    char *word[WORDS_MAX];
    size_t data_len; /* of set and the like, ms included */
};

/* Reads a request; false when the connection or the test ends. */
bool words_read(struct peer *peer, struct words *words);

/* The same in two steps; data_len counts the "\r\n" behind the data in between. */
bool words_read_line(struct peer *peer, struct words *words);
bool words_read_data(struct peer *peer, struct words *words, unsigned char *data, size_t room);

/* The same, and keeps the first `room` bytes of the data, "\r\n" included. */
bool words_read_with_data(struct peer *peer, struct words *words, unsigned char *data, size_t room);

/* A word that begins with this letter, behind the key; NULL if there is none. */
const char *words_flag(const struct words *words, char letter);

/* Sends text made as printf makes it, of at most 4000 bytes. */
bool words_send(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Answers as a memcached 1.4 would that knows classic text only and in which every key
 * has the value "value of KEY". */
bool words_answer_text(struct peer *peer, const struct words *words);

/* The same by the meta protocol, except that quiet gets find nothing. */
bool words_answer_meta(struct peer *peer, const struct words *words);

/* Reads the greeting of a client that speaks text or meta, and answers it well. */
bool words_greet_text(struct peer *peer);
bool words_greet_meta(struct peer *peer);

/* peer_scripts: such servers.  The context is as wire_serve's. */
void words_serve_text(struct peer *peer, void *context);
void words_serve_meta(struct peer *peer, void *context);

#endif
