/*
 * epoll - OMcache in a loop of its own, made with epoll
 *
 *     epoll [servers]          such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc epoll.c $(pkg-config --cflags --libs omcache)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "colours.h"

static int epoll;
static bool ended;

static void finish(void)
{
    ended = true;
}

/* Descriptors come and go, and want to be watched for other things at times.  The bits of
 * poll are those of epoll. */
static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};

    (void)mc, (void)context;
    if (events == 0)
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* One turn of the loop.  Where other descriptors are watched, too, event.data tells whose
 * each is; other timers shorten the wait. */
static void turn(omcache_t *mc)
{
    struct epoll_event events[16];
    int count = epoll_wait(epoll, events, 16, omcache_next_timeout(mc));

    for (int i = 0; i < count; i++)
        omcache_process_fd(mc, events[i].data.fd, (short)events[i].events);
    if (omcache_next_timeout(mc) == 0)
        omcache_process_timeouts(mc);
}

int main(int argc, char **argv)
{
    omcache_t *mc = omcache_init();

    if (mc == NULL || omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return EXIT_FAILURE;
    omcache_set_watch_callback(mc, on_watch, NULL);
    store_values(mc);
    while (!ended)
        turn(mc);
    omcache_free(mc);
    close(epoll);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
