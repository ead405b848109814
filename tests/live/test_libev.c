/*
 * OMcache in libev's loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loops.h"

#include <stdlib.h>

#define calloc loops_calloc
#define realloc loops_realloc
#include <omcache/libev.h>
#undef calloc
#undef realloc

static struct ev_loop *base;

static void open_loop(void)
{
    base = ev_loop_new(EVFLAG_AUTO);
    ck_assert_ptr_nonnull(base);
}

static void close_loop(void)
{
    ck_assert(!ev_run(base, EVRUN_NOWAIT)); /* nothing is active */
    ev_loop_destroy(base);
}

static void run(void)
{
    ev_run(base, 0);
}

static void stop(void)
{
    ev_break(base, EVBREAK_ALL);
}

static void *attach(omcache_t *mc)
{
    return omcache_libev_attach(mc, base);
}

static int detach(void *attached)
{
    return omcache_libev_detach(attached);
}

int main(void)
{
    static const struct loop_kind kind = {
        "libev", open_loop, close_loop, run, stop, attach, detach, true,
    };
    return loops_main(&kind);
}
