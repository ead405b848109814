/*
 * What comes in on a connection: bytes, and the replies that they make.
 */
#ifndef OMC_LINK_ANSWERS_H
#define OMC_LINK_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/connection.h"
#include "proto/codec.h"

/* Waits for something to read, and reads it: the next omc_answers_read returns that.
 * Not for long: OMC_SOCKET_PATIENCE milliseconds, if that.  False if there is nothing
 * yet, or no room. */
bool omc_answers_await(struct omc_connection *conn, size_t limit);

/* Reads once, up to the end of the room there is.  A number of bytes, or what
 * omc_stream_receive has for less; OMC_SOCKET_AGAIN with `stalled` set if there is
 * no room; OMC_SOCKET_ERROR with ENOMEM without memory. */
ssize_t omc_answers_read(struct omc_connection *conn, size_t limit);

/* Decodes the next reply of those read, of at most limit bytes of body. */
enum omc_decode omc_answers_next(struct omc_connection *conn, size_t limit,
                                 struct omc_reply *reply);

/* Decodes what was awaited.  True if it is one reply and nothing more, which is then to be taken
 * if it is the answer; else the next read returns it. */
bool omc_answers_peek(struct omc_connection *conn, size_t limit, struct omc_reply *reply);
void omc_answers_take(struct omc_connection *conn);

#endif
