/*
 * The short way of one request whose caller waits, if nothing else goes on: it is
 * written, its answer is awaited and taken, and no list hears of it.  Whatever
 * is not that plain is left to the long way, submit.h and loop.h, before it has begun or
 * half-way.
 */
#ifndef OMC_CLIENT_EXPRESS_H
#define OMC_CLIENT_EXPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"
#include "proto/ask.h"
#include "proto/codec.h"

enum omc_step {
    OMC_STEP_NOTHING, /* nothing has been done: it is to be submitted */
    OMC_STEP_LEFT,    /* it has been submitted, and its answer is to be collected */
    OMC_STEP_DONE,    /* go on: it may be taken, or has been */
};

/* A request on its way. */
struct omc_express {
    struct omc_server *server;
    uint32_t number; /* in the queue of its connection */
};

/* The server to be asked (-1: that of the key) in a call that may wait so many milliseconds (-1:
 * for ever), if it can be asked at once, and only for this; else NULL. */
struct omc_server *omc_express_find(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                    int32_t timeout_msec, int64_t now);

/* Asks it what is to be the only order of the current batch; keyed: it was chosen by the key.  When
 * done, something has come. */
enum omc_step omc_express_ask(omcache_t *mc, struct omc_express *express, const struct omc_ask *ask,
                              bool keyed, int64_t now);

/* Takes the answer if it is all there; the clock has been read anew for that.  Its value
 * is handed out until the application's next call. */
enum omc_step omc_express_take(omcache_t *mc, struct omc_express *express,
                               const struct omc_ask *ask, struct omc_reply *reply, int64_t now);

#endif
