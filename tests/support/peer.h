/*
 * A scripted TCP peer: does what a real memcached server cannot be made to do, and
 * records every byte that it receives.  It listens on the process's own loopback
 * address and runs its script for one connection after the other in a thread.
 * Scripts must not use Check: they answer with what they do on the wire.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#define PEER_PORT 21311
#define PEER_LINE 2100

struct peer;

/* Plays one connection, which is closed when this returns. */
typedef void peer_script(struct peer *peer, void *context);

/* Starts to listen on PEER_PORT + number.  The peer lives until peer_stop_all. */
struct peer *peer_start(int number, peer_script *script, void *context);

/* Has the peers that start from now on until peer_stop_all speak TLS, with a certificate and its
 * key in files.  Each piece that they send is a record, which is sent in two parts. */
void peer_be_secure(const char *certificate, const char *key);

/* Listens and lets nobody in: connection attempts neither succeed nor fail. */
struct peer *peer_start_unreachable(int number);

/* Whether there are peers. */
bool peer_is_there(void);

/* Ends all peers, their threads and connections. */
void peer_stop_all(void);

/* Where it listens, as a server list has it. */
const char *peer_address(const struct peer *peer);

/* How many connections it has taken, without those that the client had given up before. */
size_t peer_connections(struct peer *peer);

/* Copies what it received since it started or was told to forget. */
size_t peer_received(struct peer *peer, unsigned char *out, size_t room);
void peer_forget(struct peer *peer);

/* Ends the connection that it has, if any. */
void peer_hang_up(struct peer *peer);

/* Waits until it has taken so many connections and received so many bytes; false
 * if that takes too long. */
bool peer_await(struct peer *peer, size_t connections, size_t bytes);

/*
 * For scripts only.
 */

/* Reads exactly `len` bytes; false when the connection or the test ends. */
bool peer_read(struct peer *peer, void *bytes, size_t len);

/* The next byte, which stays to be read; -1 when the connection or the test ends. */
int peer_peek(struct peer *peer);

/* Whether there is nothing to read for so long. */
bool peer_hears_nothing(struct peer *peer, int msec);

/* Room for PEER_LINE bytes where a script can leave the rest of a line for later; it is an empty
 * string when a connection begins. */
char *peer_left(struct peer *peer);

/* Reads until the connection or the test ends. */
void peer_drain(struct peer *peer);

/* Sends everything, in pieces if peer_send_in_pieces said so. */
bool peer_send(struct peer *peer, const void *bytes, size_t len);

/* Makes peer_send send pieces of `piece` bytes, each in a segment of its own. */
void peer_send_in_pieces(struct peer *peer, size_t piece);

/* Leaves the connection as it is when the script returns: open, and never read again, as if
 * something on the way had dropped it. */
void peer_forsake(struct peer *peer);

/* Closes with a reset instead of an orderly end of file. */
void peer_reset_on_close(struct peer *peer);

#endif
