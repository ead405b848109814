/*
 * From bytes to outcomes: reading a server's answers and matching them to its
 * requests.
 */
#ifndef OMC_CLIENT_RECEIVE_H
#define OMC_CLIENT_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* Reads once: *count bytes came.  The connection may have ended. */
struct omc_news omc_receive(omcache_t *mc, struct omc_server *server, size_t *count);

/* Handles the answers that were read, until something has happened to the server, after which this
 * is to be called again; or nothing more has. */
struct omc_news omc_receive_handle(omcache_t *mc, struct omc_server *server, int64_t now);

/* Notes what is left of so many bytes that came.  A part of an answer is a sign of life.  But not
 * for ever, where it comes in drops; and not if those that are whole prove to be no answers. */
void omc_receive_note_part(struct omc_connection *conn, size_t count, int64_t now);

/* Takes the prefix off the key that a get came with. */
void omc_receive_strip(struct omc_reply *reply, size_t prefix_len);

/* Waits for something to read, but not for long; false if there is nothing yet. */
bool omc_receive_await(omcache_t *mc, struct omc_server *server);

#endif
