/*
 * OMcache in a GLib main loop.  Header only; for the flags see `pkg-config glib-2.0`,
 * version 2.36 or later.  examples/glib.c is a whole program.
 *
 * If memory runs out, GLib ends the program, here as everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_GLIB_H
#define OMCACHE_GLIB_H

#include <glib.h>
#include <omcache.h>

/* One GLib source has all descriptors.  Its ready time is the timer. */
typedef struct omcache_glib_s {
    GSource source;
    omcache_t *mc;
    GPtrArray *tags; /* by descriptor; NULL: not watched */
} omcache_glib_t;

static inline void omcache_glib_on_watch(omcache_t *mc, int fd, short events, void *context)
{
    omcache_glib_t *adapter = (omcache_glib_t *)context;
    gpointer *tag;

    (void)mc;
    if ((guint)fd >= adapter->tags->len)
        g_ptr_array_set_size(adapter->tags, fd + 1);
    tag = &adapter->tags->pdata[fd];
    if (*tag != NULL)
        g_source_remove_unix_fd(&adapter->source, *tag);
    /* GLib's conditions are poll's on every system. */
    *tag = events == 0 ? NULL : g_source_add_unix_fd(&adapter->source, fd, (GIOCondition)events);
}

static inline void omcache_glib_on_timeout(omcache_t *mc, int timeout_msec, void *context)
{
    omcache_glib_t *adapter = (omcache_glib_t *)context;

    (void)mc;
    g_source_set_ready_time(&adapter->source, g_get_monotonic_time() + timeout_msec * (gint64)1000);
}

/* A callback may detach and free the handle.  The source stays as long as this function
 * runs. */
static inline gboolean omcache_glib_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    omcache_glib_t *adapter = (omcache_glib_t *)source;
    gint64 due = g_source_get_ready_time(source);

    (void)callback, (void)data;
    for (guint fd = 0; !g_source_is_destroyed(source) && fd < adapter->tags->len; fd++) {
        gpointer tag = adapter->tags->pdata[fd];
        int ready = tag == NULL ? 0 : (int)g_source_query_unix_fd(source, tag);

        if (ready != 0)
            omcache_process_fd(adapter->mc, (int)fd, (short)ready);
    }
    if (!g_source_is_destroyed(source) && due >= 0 && due <= g_source_get_time(source)) {
        g_source_set_ready_time(source, -1);
        omcache_process_timeouts(adapter->mc);
    }
    return G_SOURCE_CONTINUE;
}

static inline void omcache_glib_finalize(GSource *source)
{
    g_ptr_array_free(((omcache_glib_t *)source)->tags, TRUE);
}

/* Takes a handle out of its loop and frees adapter.  Call it before omcache_free.
 * Operations in flight then end with omcache_free, or go on when the handle is attached
 * again.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if adapter is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline int omcache_glib_detach(omcache_glib_t *adapter)
{
    if (adapter == NULL)
        return OMCACHE_INVALID;
    omcache_set_timeout_callback(adapter->mc, NULL, NULL);
    g_source_destroy(&adapter->source);
    omcache_set_watch_callback(adapter->mc, NULL, NULL);
    g_source_unref(&adapter->source);
    return OMCACHE_OK;
}

/* Puts a handle into the loop of a context; NULL means the default context.  The handle
 * must not be in a loop already.  The thread that uses the handle must run the loop.
 * Returns the argument for omcache_glib_detach, which is also a GSource for
 * g_source_set_priority() and the like; NULL if mc is NULL or being freed.
 * Never waits; may be called from a callback.  Since 1.0. */
static inline omcache_glib_t *omcache_glib_attach(omcache_t *mc, GMainContext *context)
{
    static GSourceFuncs functions = {
        NULL, NULL, omcache_glib_dispatch, omcache_glib_finalize, NULL, NULL,
    };
    omcache_glib_t *adapter = (omcache_glib_t *)g_source_new(&functions, sizeof(*adapter));

    adapter->mc = mc;
    adapter->tags = g_ptr_array_new();
    g_source_set_name(&adapter->source, "OMcache");
    g_source_attach(&adapter->source, context);
    if (omcache_set_watch_callback(mc, omcache_glib_on_watch, adapter) != OMCACHE_OK) {
        omcache_glib_detach(adapter);
        return NULL;
    }
    omcache_set_timeout_callback(mc, omcache_glib_on_timeout, adapter);
    omcache_glib_on_timeout(mc, 0, adapter); /* asks for later timeouts */
    return adapter;
}

#endif
