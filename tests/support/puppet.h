/*
 * A server that the test itself plays, step by step and in its own thread, so that
 * nothing depends on who runs first.  It speaks the binary protocol as wire.h has it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_PUPPET_H
#define TESTS_PUPPET_H

#include "support/watcher.h"
#include "support/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUPPET_PORT 21361

struct puppet {
    int listener;
    int fd; /* its connection, or -1 */
    char address[32];
    unsigned char in[1 << 18];
    size_t begin; /* of what was received and not yet taken */
    size_t end;
};

/* Listens on PUPPET_PORT + number, until puppet_close or the test's end. */
void puppet_open(struct puppet *puppet, int number);

/* Ends it, with a reset if told to. */
void puppet_hang_up(struct puppet *puppet, bool reset);
void puppet_close(struct puppet *puppet);
void puppet_close_all(void);

/* Whether there are puppets. */
bool puppet_is_there(void);

/* Takes the next connection, while the client's loop turns, and answers the hello. */
void puppet_accept(struct puppet *puppet, struct watcher *loop);
void puppet_greet(struct puppet *puppet, struct watcher *loop);

/* Takes the next request that has come; false if none has (whole) within msec. */
bool puppet_next(struct puppet *puppet, struct wire_request *request, int msec);

/* How many whole requests have come and are not taken. */
size_t puppet_waiting(struct puppet *puppet);

/* Answers a request; the get family with the key and flags 0. */
void puppet_answer(struct puppet *puppet, const struct wire_request *request, int status,
                   const void *value, size_t value_len);

/* Sends bytes as they are. */
void puppet_send(struct puppet *puppet, const void *bytes, size_t len);

/* How many packets with data its connection has received. */
unsigned puppet_packets(const struct puppet *puppet);

#endif
