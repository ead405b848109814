/*
 * The event loop of tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/watcher.h"

#include "support/fixture.h"

#include <fcntl.h>

static struct pollfd *find(struct watcher *watcher, int fd)
{
    for (size_t i = 0; i < watcher->count; i++) {
        if (watcher->fds[i].fd == fd) {
            return &watcher->fds[i];
        }
    }
    return NULL;
}

static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    struct watcher *watcher = context;
    struct pollfd *known = find(watcher, fd);
    ck_assert_ptr_eq(mc, watcher->mc);
    ck_assert_int_eq(events & ~(POLLIN | POLLOUT), 0);
    ck_assert_msg(fcntl(fd, F_GETFD) >= 0, "descriptor %d is closed", fd);
    watcher->calls++;
    if (known == NULL) {
        ck_assert_msg(events != 0, "descriptor %d was never watched", fd);
        ck_assert_uint_lt(watcher->count, WATCHER_MAX);
        watcher->fds[watcher->count++] = (struct pollfd){.fd = fd, .events = events};
        return;
    }
    ck_assert_msg(known->events != events, "descriptor %d: nothing has changed", fd);
    known->events = events;
    if (events == 0) {
        *known = watcher->fds[--watcher->count];
    }
}

void watcher_init(struct watcher *watcher, omcache_t *mc)
{
    memset(watcher, 0, sizeof(*watcher));
    watcher->mc = mc;
    assert_rc(omcache_set_watch_callback(mc, on_watch, watcher), OMCACHE_OK);
}

short watcher_events(const struct watcher *watcher, int fd)
{
    for (size_t i = 0; i < watcher->count; i++) {
        if (watcher->fds[i].fd == fd) {
            return watcher->fds[i].events;
        }
    }
    return 0;
}

void watcher_turn(struct watcher *watcher, int msec)
{
    struct pollfd found[WATCHER_MAX];
    size_t count = watcher->count;
    int timeout = omcache_next_timeout(watcher->mc);
    if (timeout >= 0 && (msec < 0 || timeout < msec)) {
        msec = timeout;
    }
    memcpy(found, watcher->fds, count * sizeof(found[0]));
    watcher->turns++;
    if (poll(found, count, msec) <= 0) {
        count = 0;
    }
    /* As with epoll, what was found may be outdated by what is done about it. */
    for (size_t i = 0; i < count; i++) {
        if (found[i].revents != 0) {
            assert_rc_either(omcache_process_fd(watcher->mc, found[i].fd, found[i].revents),
                             OMCACHE_OK, OMCACHE_NOT_FOUND);
        }
    }
    if (omcache_next_timeout(watcher->mc) == 0) {
        assert_rc(omcache_process_timeouts(watcher->mc), OMCACHE_OK);
    }
}

void watcher_run(struct watcher *watcher, const size_t *number, size_t wanted)
{
    int64_t begun = clock_ms();
    while (*number < wanted) {
        ck_assert_msg(clock_ms() - begun < 20000, "%zu of %zu after 20 s", *number, wanted);
        watcher_turn(watcher, 1000);
    }
}
