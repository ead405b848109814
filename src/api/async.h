/*
 * Starting operations that complete by callback.
 */
#ifndef OMC_API_ASYNC_H
#define OMC_API_ASYNC_H

#include <stdint.h>

#include "omcache.h"
#include "proto/ask.h"

/* Starts one on the key and the value that it has: what the omcache_async_* functions do and
 * return. */
int omc_async_start(omcache_t *mc, struct omc_ask *ask, int32_t timeout_msec,
                    omcache_reply_callback_func *func, void *context);

/* The same on the server with that index; the name, or NULL, goes as the request's key. */
int omc_async_start_at(omcache_t *mc, struct omc_ask *ask, const char *name, int server_index,
                       int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

#endif
