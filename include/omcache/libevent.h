/*
 * OMcache in a libevent loop.  Header only; link with -levent or -levent_core.
 * examples/libevent.c is a whole program.
 *
 * Open connections stay watched, so the loop does not end by itself before detach.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBEVENT_H
#define OMCACHE_LIBEVENT_H

#include <event2/event.h>
#include <omcache/adapter.h>

/* What attach returns.  Programs must not use the members. */
typedef struct omcache_libevent_s {
    struct omcache_adapter_s adapter;
    struct event_base *base;
    struct event *timer;
} omcache_libevent_t;

/* libevent reports errors as the events that were watched. */
static inline void omcache_libevent_on_ready(evutil_socket_t fd, short what, void *context)
{
    struct omcache_adapter_s *adapter = (struct omcache_adapter_s *)context;
    int ready = (what & EV_READ ? POLLIN : 0) | (what & EV_WRITE ? POLLOUT : 0);

    omcache_process_fd(adapter->mc, fd, (short)ready);
}

static inline void omcache_libevent_on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    omcache_adapter_timer((struct omcache_adapter_s *)context);
}

static inline void omcache_libevent_wait(struct omcache_adapter_s *adapter, int msec)
{
    struct timeval wait;

    wait.tv_sec = msec / 1000;
    wait.tv_usec = msec % 1000 * 1000L;
    event_add(((omcache_libevent_t *)adapter)->timer, &wait);
}

static inline int omcache_libevent_watch(struct omcache_adapter_s *adapter, int fd, short events,
                                         void **watch)
{
    int what = EV_PERSIST | (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0);
    struct event *event = (struct event *)*watch;

    if (event != NULL)
        event_free(event);
    *watch = NULL;
    if (events == 0)
        return 1;
    event = event_new(((omcache_libevent_t *)adapter)->base, fd, (short)what,
                      omcache_libevent_on_ready, adapter);
    *watch = event;
    return event != NULL && event_add(event, NULL) == 0;
}

/* Takes a handle out of its loop and frees what attach returned.  Call it before
 * omcache_free.  Operations in flight then end with omcache_free, or go on when the
 * handle is attached again.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if attached is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline int omcache_libevent_detach(omcache_libevent_t *attached)
{
    if (attached == NULL)
        return OMCACHE_INVALID;
    event_free(attached->timer);
    omcache_adapter_end(&attached->adapter);
    free(attached);
    return OMCACHE_OK;
}

/* Puts a handle into a loop.  The handle must not be in a loop already.  The loop must
 * exist until omcache_libevent_detach.
 * Returns the argument for omcache_libevent_detach; NULL if out of memory, or if mc is
 * NULL or being freed.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline omcache_libevent_t *omcache_libevent_attach(omcache_t *mc, struct event_base *base)
{
    omcache_libevent_t *attached = (omcache_libevent_t *)calloc(1, sizeof(*attached));

    if (attached == NULL)
        return NULL;
    attached->adapter.mc = mc;
    attached->adapter.watch = omcache_libevent_watch;
    attached->adapter.wait = omcache_libevent_wait;
    attached->base = base;
    attached->timer = event_new(base, -1, 0, omcache_libevent_on_timer, attached);
    if (attached->timer != NULL && omcache_adapter_begin(&attached->adapter) == OMCACHE_OK)
        return attached;
    if (attached->timer != NULL)
        event_free(attached->timer);
    free(attached);
    return NULL;
}

#endif
