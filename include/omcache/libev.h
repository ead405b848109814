/*
 * OMcache in a libev loop.  Header only; link with -lev.  libev must be built with
 * EV_MULTIPLICITY, as it normally is.  examples/libev.c is a whole program.
 *
 * Open connections stay watched, so the loop does not end by itself before detach.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBEV_H
#define OMCACHE_LIBEV_H

#include <ev.h>
#include <omcache/adapter.h>

/* What attach returns.  Programs must not use the members. */
typedef struct omcache_libev_s {
    struct omcache_adapter_s adapter;
    struct ev_loop *loop;
    ev_timer timer;
} omcache_libev_t;

/* libev reports most errors as the events that were watched. */
static inline void omcache_libev_on_ready(struct ev_loop *loop, ev_io *io, int what)
{
    struct omcache_adapter_s *adapter = (struct omcache_adapter_s *)io->data;
    int ready = (what & EV_READ ? POLLIN : 0) | (what & EV_WRITE ? POLLOUT : 0) |
                (what & EV_ERROR ? POLLERR : 0);

    (void)loop;
    omcache_process_fd(adapter->mc, io->fd, (short)ready);
}

static inline void omcache_libev_on_timer(struct ev_loop *loop, ev_timer *timer, int what)
{
    (void)loop, (void)what;
    omcache_adapter_timer((struct omcache_adapter_s *)timer->data);
}

static inline void omcache_libev_wait(struct omcache_adapter_s *adapter, int msec)
{
    omcache_libev_t *attached = (omcache_libev_t *)adapter;

    ev_now_update(attached->loop); /* the timer counts from this time */
    ev_timer_stop(attached->loop, &attached->timer);
    ev_timer_set(&attached->timer, msec / 1e3, 0.);
    ev_timer_start(attached->loop, &attached->timer);
}

static inline int omcache_libev_watch(struct omcache_adapter_s *adapter, int fd, short events,
                                      void **watch)
{
    int what = (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0);
    struct ev_loop *loop = ((omcache_libev_t *)adapter)->loop;
    ev_io *io = (ev_io *)*watch;

    if (io == NULL)
        *watch = io = (ev_io *)calloc(1, sizeof(*io));
    if (io == NULL)
        return 0;
    ev_io_stop(loop, io);
    if (events == 0) {
        free(io);
        return 1;
    }
    ev_io_init(io, omcache_libev_on_ready, fd, what);
    io->data = adapter;
    ev_io_start(loop, io);
    return 1;
}

/* Takes a handle out of its loop and frees what attach returned.  Call it before
 * omcache_free.  Operations in flight then end with omcache_free, or go on when the
 * handle is attached again.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if attached is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline int omcache_libev_detach(omcache_libev_t *attached)
{
    if (attached == NULL)
        return OMCACHE_INVALID;
    ev_timer_stop(attached->loop, &attached->timer);
    omcache_adapter_end(&attached->adapter);
    free(attached);
    return OMCACHE_OK;
}

/* Puts a handle into a loop, such as EV_DEFAULT.  The handle must not be in a loop
 * already.  The loop must exist until omcache_libev_detach.
 * Returns the argument for omcache_libev_detach; NULL if out of memory, or if mc is NULL
 * or being freed.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline omcache_libev_t *omcache_libev_attach(omcache_t *mc, struct ev_loop *loop)
{
    omcache_libev_t *attached = (omcache_libev_t *)calloc(1, sizeof(*attached));

    if (attached == NULL)
        return NULL;
    attached->adapter.mc = mc;
    attached->adapter.watch = omcache_libev_watch;
    attached->adapter.wait = omcache_libev_wait;
    attached->loop = loop;
    ev_timer_init(&attached->timer, omcache_libev_on_timer, 0., 0.);
    attached->timer.data = attached;
    if (omcache_adapter_begin(&attached->adapter) == OMCACHE_OK)
        return attached;
    free(attached);
    return NULL;
}

#endif
