/*
 * OMcache in libuv's loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loops.h"

#include <stdlib.h>

#define calloc loops_calloc
#define realloc loops_realloc
#include <omcache/libuv.h>
#undef calloc
#undef realloc

static uv_loop_t base;

static void open_loop(void)
{
    ck_assert_int_eq(uv_loop_init(&base), 0);
}

static void close_loop(void)
{
    /* What is being closed ends, and nothing else is there. */
    ck_assert_int_eq(uv_run(&base, UV_RUN_NOWAIT), 0);
    ck_assert_int_eq(uv_loop_close(&base), 0);
}

static void run(void)
{
    uv_run(&base, UV_RUN_DEFAULT);
}

static void stop(void)
{
    uv_stop(&base);
}

static void *attach(omcache_t *mc)
{
    return omcache_libuv_attach(mc, &base);
}

static int detach(void *attached)
{
    return omcache_libuv_detach(attached);
}

int main(void)
{
    static const struct loop_kind kind = {
        "libuv", open_loop, close_loop, run, stop, attach, detach, true,
    };
    int code = loops_main(&kind);
    uv_library_shutdown();
    return code;
}
