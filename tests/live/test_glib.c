/*
 * OMcache in GLib's main loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loops.h"

#include <omcache/glib.h>

static GMainContext *context;
static GMainLoop *base;
static guint sources; /* numbers that were given away */

static void open_loop(void)
{
    context = g_main_context_new();
    base = g_main_loop_new(context, FALSE);
    sources = 0;
}

static void close_loop(void)
{
    for (guint id = 1; id <= sources; id++) {
        ck_assert_ptr_null(g_main_context_find_source_by_id(context, id));
    }
    ck_assert(!g_main_context_iteration(context, FALSE));
    g_main_loop_unref(base);
    g_main_context_unref(context);
}

static void run(void)
{
    g_main_loop_run(base);
}

static void stop(void)
{
    g_main_loop_quit(base);
}

static void *attach(omcache_t *mc)
{
    omcache_glib_t *attached = omcache_glib_attach(mc, context);
    if (attached != NULL) {
        sources = g_source_get_id(&attached->source);
    }
    return attached;
}

static int detach(void *attached)
{
    return omcache_glib_detach(attached);
}

int main(void)
{
    static const struct loop_kind kind = {
        "glib", open_loop, close_loop, run, stop, attach, detach, false,
    };
    return loops_main(&kind);
}
