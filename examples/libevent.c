/*
 * libevent - OMcache in a libevent loop
 *
 *     libevent [servers]       such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc libevent.c $(pkg-config --cflags --libs omcache libevent)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <event2/event.h>
#include <omcache.h>
#include <omcache/libevent.h>
#include <stdlib.h>

#include "colours.h"

static omcache_libevent_t *attached;

static void finish(void)
{
    omcache_libevent_detach(attached);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    omcache_t *mc = omcache_init();

    if (base == NULL || mc == NULL ||
        omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    attached = omcache_libevent_attach(mc, base);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    event_base_dispatch(base); /* until nothing is watched any more */
    omcache_free(mc);
    event_base_free(base);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
