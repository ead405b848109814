/*
 * What the adapters to event loops share.  Programs include the header of their loop.
 * Authors of an adapter to another loop may start from this file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_ADAPTER_H
#define OMCACHE_ADAPTER_H

#include <omcache.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { OMCACHE_ADAPTER_RETRY = 100 }; /* ms */

struct omcache_adapter_s {
    omcache_t *mc;
    void **watches; /* by descriptor: the loop's object for it; NULL: it is not watched */
    size_t room;
    int missed; /* a descriptor is not watched, out of memory: ask for all again soon */

    /* Makes the loop watch fd for events, or stop watching it if they are 0.  *watch is the
     * loop's object, which this function makes, keeps and frees.  Returns 0 if out of memory. */
    int (*watch)(struct omcache_adapter_s *adapter, int fd, short events, void **watch);

    /* Makes the loop call omcache_adapter_timer after this number of milliseconds.  This
     * replaces the time set before. */
    void (*wait)(struct omcache_adapter_s *adapter, int msec);
};

static inline int omcache_adapter_reserve(struct omcache_adapter_s *adapter, size_t fd)
{
    size_t room = fd * 2 + 16;
    void **watches;

    if (fd < adapter->room)
        return 1;
    watches = (void **)realloc(adapter->watches, room * sizeof(void *));
    if (watches == NULL)
        return 0;
    memset(watches + adapter->room, 0, (room - adapter->room) * sizeof(void *));
    adapter->watches = watches;
    adapter->room = room;
    return 1;
}

static inline void omcache_adapter_on_timeout(omcache_t *mc, int timeout_msec, void *context)
{
    struct omcache_adapter_s *adapter = (struct omcache_adapter_s *)context;

    (void)mc;
    if (adapter->missed && timeout_msec > OMCACHE_ADAPTER_RETRY)
        timeout_msec = OMCACHE_ADAPTER_RETRY;
    adapter->wait(adapter, timeout_msec);
}

static inline void omcache_adapter_on_watch(omcache_t *mc, int fd, short events, void *context)
{
    struct omcache_adapter_s *adapter = (struct omcache_adapter_s *)context;

    if (events == 0) {
        if ((size_t)fd >= adapter->room || adapter->watches[fd] == NULL)
            return;
        adapter->watch(adapter, fd, 0, &adapter->watches[fd]);
        adapter->watches[fd] = NULL;
    } else if (!omcache_adapter_reserve(adapter, (size_t)fd) ||
               !adapter->watch(adapter, fd, events, &adapter->watches[fd])) {
        adapter->missed = 1;
        omcache_adapter_on_timeout(mc, OMCACHE_ADAPTER_RETRY, adapter);
    }
}

/* The loop's timer calls this.  When it returns, a callback may have detached the
 * adapter. */
static inline void omcache_adapter_timer(struct omcache_adapter_s *adapter)
{
    int missed = adapter->missed;

    adapter->missed = 0;
    if (missed)
        omcache_set_watch_callback(adapter->mc, omcache_adapter_on_watch, adapter);
    omcache_process_timeouts(adapter->mc);
}

/* Begins to serve a handle.  The first timer is due at once, and asks for the later
 * ones. */
static inline int omcache_adapter_begin(struct omcache_adapter_s *adapter)
{
    int rc = omcache_set_watch_callback(adapter->mc, omcache_adapter_on_watch, adapter);

    if (rc != OMCACHE_OK)
        return rc;
    omcache_set_timeout_callback(adapter->mc, omcache_adapter_on_timeout, adapter);
    adapter->wait(adapter, 0);
    return OMCACHE_OK;
}

/* Stops serving a handle.  The loop stops watching the descriptors first, as the library
 * may close some. */
static inline void omcache_adapter_end(struct omcache_adapter_s *adapter)
{
    for (size_t fd = 0; fd < adapter->room; fd++)
        omcache_adapter_on_watch(adapter->mc, (int)fd, 0, adapter);
    free(adapter->watches);
    omcache_set_timeout_callback(adapter->mc, NULL, NULL);
    omcache_set_watch_callback(adapter->mc, NULL, NULL);
}

#endif
