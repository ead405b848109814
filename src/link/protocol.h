/*
 * Which protocol a server speaks: the one that the application chose, or what is
 * found out when the server is first connected to, and remembered.
 *
 * Meta is tried first, then classic text, greeted in two ways, then binary, each on a
 * connection of its own if the server closes the one before.
 */
#ifndef OMC_LINK_PROTOCOL_H
#define OMC_LINK_PROTOCOL_H

#include <stdint.h>

#include "link/link.h"
#include "omcache.h"

/* With what a server is greeted on a connection that is made now. */
enum omc_greeting omc_protocol_choose(const struct omc_link *link);

/* The protocol that it is known to speak, or is to; AUTO: not known.  And whether a request that
 * has to wait for a connection can be carried over it, as far as the connections before tell. */
int omc_protocol_known(const struct omc_link *link);
bool omc_protocol_carries(const struct omc_link *link, const struct omc_ask *ask);

/* Begins the handshake on a socket that has just been connected, with credentials (NULL: none); the
 * hello is not yet written.  False without memory. */
bool omc_protocol_greet(struct omc_link *link, const struct omc_login *login, int64_t now);

/* Goes on with looking whether a codec that was just chosen can carry what waits.  True if it
 * reports a request that it cannot; else all were looked at. */
bool omc_protocol_check(struct omc_link *link, struct omc_report *report);

/* Whether an errno with which sending has failed says that the peer has closed, and there is
 * something to be read that it has said before. */
bool omc_protocol_has_last_words(const struct omc_link *link, int error);

/* The others give what has happened to the server by it, or nothing. */

/* Reads what came of the server's answer, which may not be complete. */
struct omc_news omc_protocol_read_answer(struct omc_link *link);

/* The server has ended the connection.  In the handshake that may mean that it speaks something
 * else: then the next greeting is tried. */
struct omc_news omc_protocol_closed(struct omc_link *link);

/* The same for an errno, which only tells of protocols if it is the peer's doing. */
struct omc_news omc_protocol_error(struct omc_link *link, int error);

#endif
