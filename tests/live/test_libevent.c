/*
 * OMcache in libevent's loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loops.h"

#include <stdlib.h>

#define calloc loops_calloc
#define realloc loops_realloc
#include <omcache/libevent.h>
#undef calloc
#undef realloc

static struct event_base *base;

static void open_loop(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
}

static void close_loop(void)
{
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
}

static void run(void)
{
    ck_assert_int_eq(event_base_dispatch(base), 0);
}

static void stop(void)
{
    event_base_loopbreak(base);
}

static void *attach(omcache_t *mc)
{
    return omcache_libevent_attach(mc, base);
}

static int detach(void *attached)
{
    return omcache_libevent_detach(attached);
}

int main(void)
{
    static const struct loop_kind kind = {
        "libevent", open_loop, close_loop, run, stop, attach, detach, true,
    };
    event_set_mem_functions(loops_malloc, loops_realloc, free);
    int code = loops_main(&kind);
    libevent_global_shutdown();
    return code;
}
