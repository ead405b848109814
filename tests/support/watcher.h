/*
 * An application's event loop, in small: it knows of the client's descriptors and
 * timeouts only what the callbacks tell, and checks that they tell it properly.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_WATCHER_H
#define TESTS_WATCHER_H

#include <omcache.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define WATCHER_MAX 1200

struct watcher {
    omcache_t *mc;
    struct pollfd fds[WATCHER_MAX];
    size_t count;
    size_t calls; /* of the watch callback */
    size_t turns;
};

/* Starts to watch a client. */
void watcher_init(struct watcher *watcher, omcache_t *mc);

/* What a descriptor is watched for, 0 if it is not. */
short watcher_events(const struct watcher *watcher, int fd);

/* One turn: waits up to `msec` milliseconds (-1: without limit), or until a timeout
 * of the client's is due, and has everything processed. */
void watcher_turn(struct watcher *watcher, int msec);

/* Turns until *number is at least `wanted`; fails the test if that takes over 20 s. */
void watcher_run(struct watcher *watcher, const size_t *number, size_t wanted);

#endif
