/*
 * Which protocol a server speaks: the one that the application chose, or what is
 * found out when the server is first connected to, and remembered.
 *
 * Meta is tried first, then classic text, greeted in two ways, then binary, each on a
 * connection of its own if the server closes the one before.
 */
#ifndef OMC_CLIENT_PROTOCOL_H
#define OMC_CLIENT_PROTOCOL_H

#include <stdint.h>

#include "client/server.h"
#include "omcache.h"

/* All of these give what has happened to the server by it, or nothing. */

/* With what a server is greeted on a connection that is made now. */
enum omc_greeting omc_protocol_choose(const omcache_t *mc, const struct omc_server *server);

/* Begins the handshake on a socket that has just been connected. */
struct omc_news omc_protocol_greet(omcache_t *mc, struct omc_server *server, int64_t now);

/* Reads what came of the server's answer, which may not be complete. */
struct omc_news omc_protocol_read_answer(omcache_t *mc, struct omc_server *server);

/* The connection broke, for that reason.  In the handshake that may mean that the
 * server speaks something else: then the next greeting is tried. */
struct omc_news omc_protocol_broken(const omcache_t *mc, struct omc_server *server,
                                    const char *reason);

/* The same for an errno, which only tells of protocols if it is the peer's doing. */
struct omc_news omc_protocol_error(const omcache_t *mc, struct omc_server *server, int error);

#endif
