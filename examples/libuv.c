/*
 * libuv - OMcache in a libuv loop
 *
 *     libuv [servers]          such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc libuv.c $(pkg-config --cflags --libs omcache libuv)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <omcache/libuv.h>
#include <stdlib.h>
#include <uv.h>

#include "colours.h"

static omcache_libuv_t *attached;

static void finish(void)
{
    omcache_libuv_detach(attached);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    omcache_t *mc = omcache_init();

    if (loop == NULL || mc == NULL ||
        omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    attached = omcache_libuv_attach(mc, loop);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    uv_run(loop, UV_RUN_DEFAULT); /* until nothing is watched any more */
    omcache_free(mc);
    uv_loop_close(loop);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
