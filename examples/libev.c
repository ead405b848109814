/*
 * libev - OMcache in a libev loop
 *
 *     libev [servers]          such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc libev.c $(pkg-config --cflags --libs omcache) -lev
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ev.h>
#include <omcache.h>
#include <omcache/libev.h>
#include <stdlib.h>

#include "colours.h"

static omcache_libev_t *attached;

static void finish(void)
{
    omcache_libev_detach(attached);
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = EV_DEFAULT;
    omcache_t *mc = omcache_init();

    if (loop == NULL || mc == NULL ||
        omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    attached = omcache_libev_attach(mc, loop);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    ev_run(loop, 0); /* until nothing is watched any more */
    omcache_free(mc);
    ev_loop_destroy(loop);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
