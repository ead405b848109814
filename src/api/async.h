/*
 * Starting operations that complete by callback.
 */
#ifndef OMC_API_ASYNC_H
#define OMC_API_ASYNC_H

#include <stdint.h>

#include "api/arguments.h"
#include "omcache.h"

/* Starts one on a key: what the omcache_async_* functions do and return. */
int omc_async_start(omcache_t *mc, const struct omc_arguments *command, int32_t timeout_msec,
                    omcache_reply_callback_func *func, void *context);

#endif
