/*
 * OMcache in a loop made by hand from epoll and the five functions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loops.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define HANDLES_MAX 2

static int base;
static bool stopped;
static size_t watched;

/* Descriptors say whose they are; a handle that is gone is NULL here. */
static omcache_t *handles[HANDLES_MAX];

static void open_loop(void)
{
    base = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_ge(base, 0);
}

static void close_loop(void)
{
    ck_assert_uint_eq(watched, 0);
    close(base);
}

/* poll's bits are epoll's. */
static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    uint64_t index = (uint64_t)((omcache_t **)context - handles);
    struct epoll_event event = {.events = (uint32_t)events, .data.u64 = index << 32 | (uint32_t)fd};
    ck_assert_ptr_eq(mc, handles[index]);
    if (events == 0) {
        ck_assert_int_eq(epoll_ctl(base, EPOLL_CTL_DEL, fd, NULL), 0);
        watched--;
    } else if (epoll_ctl(base, EPOLL_CTL_MOD, fd, &event) != 0) {
        ck_assert_int_eq(epoll_ctl(base, EPOLL_CTL_ADD, fd, &event), 0);
        watched++;
    }
}

static void *attach(omcache_t *mc)
{
    omcache_t **place = handles[0] == NULL ? &handles[0] : &handles[1];
    *place = mc;
    if (omcache_set_watch_callback(mc, on_watch, place) != OMCACHE_OK) {
        *place = NULL;
        return NULL;
    }
    return place;
}

/* The descriptors are not told of any more: the kernel forgets them with a new epoll. */
static int detach(void *attached)
{
    omcache_t **place = attached;
    if (place == NULL) {
        return OMCACHE_INVALID;
    }
    omcache_set_watch_callback(*place, NULL, NULL);
    *place = NULL;
    close(base);
    open_loop();
    watched = 0;
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        if (handles[i] != NULL) {
            omcache_set_watch_callback(handles[i], on_watch, &handles[i]);
        }
    }
    return OMCACHE_OK;
}

static int next_timeout(void)
{
    int next = -1;
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        int msec = handles[i] == NULL ? -1 : omcache_next_timeout(handles[i]);
        if (msec >= 0 && (next < 0 || msec < next)) {
            next = msec;
        }
    }
    return next;
}

static void run(void)
{
    struct epoll_event events[EVENTS_MAX];
    for (stopped = false; !stopped;) {
        int count = epoll_wait(base, events, EVENTS_MAX, next_timeout());
        for (int i = 0; i < count; i++) {
            omcache_t *mc = handles[events[i].data.u64 >> 32];
            if (mc != NULL) {
                omcache_process_fd(mc, (int)(uint32_t)events[i].data.u64, (short)events[i].events);
            }
        }
        for (size_t i = 0; i < HANDLES_MAX; i++) {
            if (handles[i] != NULL && omcache_next_timeout(handles[i]) == 0) {
                omcache_process_timeouts(handles[i]);
            }
        }
    }
}

static void stop(void)
{
    stopped = true;
}

int main(void)
{
    static const struct loop_kind kind = {
        "epoll", open_loop, close_loop, run, stop, attach, detach, false,
    };
    return loops_main(&kind);
}
