/*
 * Which protocol a server speaks: the one that the application chose, or what is
 * found out when the server is first connected to, and remembered.
 *
 * Meta is tried first, then classic text, greeted in two ways, then binary, each on a
 * connection of its own if the server closes the one before.
 */
#ifndef OMC_CORE_PROTOCOL_H
#define OMC_CORE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/server.h"
#include "omcache.h"

/* Before requests are given to one that is to be connected to: has them wait in a form that
 * refuses none, if those of its last connection are in another protocol than the next. */
void omc_protocol_prepare(omcache_t *mc, struct omc_server *server, int64_t now);

/* With what a server is greeted on a connection that is made now. */
enum omc_greeting omc_protocol_choose(const omcache_t *mc, const struct omc_server *server);

/* Begins the handshake on a socket that has just been connected. */
void omc_protocol_greet(omcache_t *mc, struct omc_server *server, int64_t now);

/* Reads what came of the server's answer.  False if it is not complete, or the
 * connection is no more. */
bool omc_protocol_read_answer(omcache_t *mc, struct omc_server *server, int64_t now);

/* The connection broke, for that reason.  In the handshake that may mean that the
 * server speaks something else: then the next greeting is tried. */
void omc_protocol_broken(omcache_t *mc, struct omc_server *server, const char *reason, int64_t now);

/* The same for an errno, which only tells of protocols if it is the peer's doing. */
void omc_protocol_error(omcache_t *mc, struct omc_server *server, int error, int64_t now);

#endif
