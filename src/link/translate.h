/*
 * Protocols of connections: which codec speaks one, and what becomes of requests that
 * were queued before it was known.
 */
#ifndef OMC_LINK_TRANSLATE_H
#define OMC_LINK_TRANSLATE_H

#include <stdbool.h>

#include "link/connection.h"
#include "link/queue.h"
#include "proto/codec.h"

/* Is told of a request that ends with this status, as it cannot be sent. */
typedef void(omc_translate_refused)(void *context, const struct omc_pending *pending, int status);

/* Puts requests into another protocol from now on, those that wait included, of which
 * none may have been written.  A request that it cannot carry, or not without memory, is
 * given to `refused`, and then settled.  False without memory, and nothing has changed. */
bool omc_translate_waiting(struct omc_connection *conn, int protocol,
                           omc_translate_refused *refused, void *context);

#endif
