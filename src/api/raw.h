/*
 * Requests in the form in which applications make them for omcache_command: an omcache_req_t,
 * whose lengths are in network byte order and whose value's length is implied.
 */
#ifndef OMC_API_RAW_H
#define OMC_API_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/ask.h"

/* Reads a request of the application's own; false if its lengths do not fit together, or extras
 * lack their pointer.  Of the rest omc_ask_check tells.  The
 * library's own opcodes are not for it: their extras, which are written as they are, would be
 * commands of its choice. */
bool omc_raw_read(const omcache_req_t *req, struct omc_ask *ask);

/* Puts requests into an order: the one that was at ranks[i] gets to place i.  ranks are changed on
 * the way, and back. */
void omc_raw_sort(omcache_req_t *reqs, uint32_t *ranks, size_t count);

/* Fills in those fields of an accepted request that are the library's, for the caller to see. */
void omc_raw_complete(omcache_req_t *req, uint32_t tag, int server_index);

/* A get in this form, but for an expiration: what omcache_get_multi gives its caller. */
void omc_raw_write(const struct omc_ask *ask, omcache_req_t *req);

#endif
