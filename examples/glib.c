/*
 * glib - OMcache in a GLib main loop
 *
 *     glib [servers]           such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc glib.c $(pkg-config --cflags --libs omcache glib-2.0)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <glib.h>
#include <omcache.h>
#include <omcache/glib.h>
#include <stdlib.h>

#include "colours.h"

static GMainLoop *loop;
static omcache_glib_t *attached;

static void finish(void)
{
    omcache_glib_detach(attached);
    g_main_loop_quit(loop);
}

int main(int argc, char **argv)
{
    omcache_t *mc = omcache_init();

    if (mc == NULL || omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    loop = g_main_loop_new(NULL, FALSE);
    attached = omcache_glib_attach(mc, NULL);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    if (waiting > 0)
        g_main_loop_run(loop);
    omcache_free(mc);
    g_main_loop_unref(loop);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
