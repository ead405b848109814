/*
 * The server for a key.
 */
#ifndef OMC_CORE_CHOICE_H
#define OMC_CORE_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "core/server.h"
#include "omcache.h"

/* The usable server for a key, or NULL.  If the one that it belongs to is down, that is reason to
 * look after it. */
struct omc_server *omc_choice_of(omcache_t *mc, const unsigned char *key, size_t key_len,
                                 int64_t now);

#endif
