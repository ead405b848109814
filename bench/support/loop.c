/*
 * Watching descriptors; see loop.h.
 */
#include "support/loop.h"

#include <stdint.h>
#include <sys/epoll.h>

#include "support/parts.h"

/* The bits of poll are those of epoll. */
void bench_loop_watch(omcache_t *mc, int fd, short events, void *epoll)
{
    int watching = *(const int *)epoll;
    struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};

    (void)mc;
    if (events == 0)
        epoll_ctl(watching, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(watching, EPOLL_CTL_MOD, fd, &event) != 0)
        bench_need(epoll_ctl(watching, EPOLL_CTL_ADD, fd, &event) == 0, "to watch a socket");
}
