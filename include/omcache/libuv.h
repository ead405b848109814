/*
 * OMcache in a libuv loop.  Header only; link with -luv.  uv.h needs -std=gnu11 or
 * -D_GNU_SOURCE.  examples/libuv.c is a whole program.
 *
 * Open connections stay watched, so the loop does not end by itself before detach.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBUV_H
#define OMCACHE_LIBUV_H

#include <omcache/adapter.h>
#include <uv.h>

typedef struct omcache_libuv_s {
    struct omcache_adapter_s adapter;
    uv_timer_t *timer;
} omcache_libuv_t;

struct omcache_libuv_watch_s {
    uv_poll_t poll; /* the first member, so that freeing it frees the whole struct */
    struct omcache_adapter_s *adapter;
    int fd, what;
};

static inline void omcache_libuv_on_close(uv_handle_t *handle)
{
    free(handle);
}

static inline void omcache_libuv_on_ready(uv_poll_t *handle, int status, int what)
{
    struct omcache_libuv_watch_s *watch = (struct omcache_libuv_watch_s *)handle;
    int ready = (what & UV_READABLE ? POLLIN : 0) | (what & UV_WRITABLE ? POLLOUT : 0);

    if (status < 0) { /* libuv has stopped watching it, but it may still be needed */
        uv_poll_start(handle, watch->what, omcache_libuv_on_ready);
        ready = POLLERR;
    }
    omcache_process_fd(watch->adapter->mc, watch->fd, (short)ready);
}

static inline void omcache_libuv_on_timer(uv_timer_t *timer)
{
    omcache_adapter_timer((struct omcache_adapter_s *)timer->data);
}

/* The shortest time is 1 ms: if a timer starts one of 0 ms, libuv 1.44 does nothing else
 * any more. */
static inline void omcache_libuv_wait(struct omcache_adapter_s *adapter, int msec)
{
    uv_timer_t *timer = ((omcache_libuv_t *)adapter)->timer;

    uv_update_time(timer->loop); /* the timer counts from this time */
    uv_timer_start(timer, omcache_libuv_on_timer, msec > 0 ? (uint64_t)msec : 1, 0);
}

static inline int omcache_libuv_watch(struct omcache_adapter_s *adapter, int fd, short events,
                                      void **place)
{
    struct omcache_libuv_watch_s *watch = (struct omcache_libuv_watch_s *)*place;
    uv_loop_t *loop = ((omcache_libuv_t *)adapter)->timer->loop;

    if (events == 0) {
        uv_close((uv_handle_t *)&watch->poll, omcache_libuv_on_close);
        return 1;
    }
    if (watch == NULL) {
        watch = (struct omcache_libuv_watch_s *)calloc(1, sizeof(*watch));
        if (watch == NULL || uv_poll_init(loop, &watch->poll, fd) != 0) {
            free(watch);
            return 0;
        }
        watch->adapter = adapter;
        watch->fd = fd;
        *place = watch;
    }
    watch->what = (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, watch->what, omcache_libuv_on_ready) == 0;
}

/* Takes a handle out of its loop and frees what attach returned; the next iteration of
 * the loop frees the rest.  Call it before omcache_free.  Operations in flight then end
 * with omcache_free, or go on when the handle is attached again.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if attached is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline int omcache_libuv_detach(omcache_libuv_t *attached)
{
    if (attached == NULL)
        return OMCACHE_INVALID;
    uv_close((uv_handle_t *)attached->timer, omcache_libuv_on_close);
    omcache_adapter_end(&attached->adapter);
    free(attached);
    return OMCACHE_OK;
}

/* Puts a handle into a loop.  The handle must not be in a loop already.  The loop must
 * exist until omcache_libuv_detach.
 * Returns the argument for omcache_libuv_detach; NULL if out of memory, or if mc is NULL
 * or being freed.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline omcache_libuv_t *omcache_libuv_attach(omcache_t *mc, uv_loop_t *loop)
{
    omcache_libuv_t *attached = (omcache_libuv_t *)calloc(1, sizeof(*attached));
    uv_timer_t *timer = (uv_timer_t *)calloc(1, sizeof(*timer));

    if (attached != NULL && timer != NULL && uv_timer_init(loop, timer) == 0) {
        attached->adapter.mc = mc;
        attached->adapter.watch = omcache_libuv_watch;
        attached->adapter.wait = omcache_libuv_wait;
        attached->timer = timer;
        timer->data = attached;
        if (omcache_adapter_begin(&attached->adapter) == OMCACHE_OK)
            return attached;
        uv_close((uv_handle_t *)timer, omcache_libuv_on_close);
        timer = NULL;
    }
    free(timer);
    free(attached);
    return NULL;
}

#endif
