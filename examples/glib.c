/*
 * glib - OMcache in a GLib main loop
 *
 *     glib [servers]           such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc glib.c $(pkg-config --cflags --libs omcache glib-2.0)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <glib.h>
#include <omcache.h>
#include <omcache/glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT = 2000, /* ms that an operation may take */
    COUNT = 3,
};

static const char *const names[] = {"red", "green", "blue", "pink"};
static const char *const values[] = {"#ff0000", "#00ff00", "#0000ff"};

static GMainLoop *loop;
static omcache_glib_t *attached;
static int waiting; /* for so many completions */
static int failed;

/* The end.  A real program's loop would go on with other things. */
static void finish(void)
{
    omcache_glib_detach(attached);
    g_main_loop_quit(loop);
}

/* Called once for each key, and then once more without one. */
static void on_value(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    int rc = omcache_reply_status(reply);
    size_t key_len, len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &len);

    (void)mc, (void)context;
    if (key == NULL)
        finish();
    else if (rc == OMCACHE_OK)
        printf("%.*s = %.*s\n", (int)key_len, (const char *)key, (int)len, (const char *)value);
    else
        printf("%.*s: %s\n", (int)key_len, (const char *)key, omcache_strerror(rc));
    failed |= rc != OMCACHE_OK && rc != OMCACHE_NOT_FOUND;
}

static void get_values(omcache_t *mc)
{
    const void *keys[COUNT + 1];
    size_t lens[COUNT + 1];

    for (int i = 0; i < COUNT + 1; i++) {
        keys[i] = names[i];
        lens[i] = strlen(names[i]);
    }
    if (omcache_async_get_multi(mc, keys, lens, COUNT + 1, TIMEOUT, on_value, NULL) != OMCACHE_OK) {
        failed = 1;
        finish();
    }
}

static void on_stored(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    printf("stored %s: %s\n", (const char *)context, omcache_strerror(omcache_reply_status(reply)));
    failed |= omcache_reply_status(reply) != OMCACHE_OK;
    if (--waiting == 0)
        get_values(mc);
}

/* None of these waits: the loop runs what is to be done. */
static void store_values(omcache_t *mc)
{
    for (int i = 0; i < COUNT; i++) {
        int rc = omcache_async_set(mc, names[i], strlen(names[i]), values[i], strlen(values[i]),
                                   60 /* seconds */, 0, 0, TIMEOUT, on_stored, (void *)names[i]);

        waiting += rc == OMCACHE_OK;
        failed |= rc != OMCACHE_OK;
    }
    if (waiting == 0)
        finish();
}

int main(int argc, char **argv)
{
    omcache_t *mc = omcache_init();

    if (mc == NULL || omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    loop = g_main_loop_new(NULL, FALSE);
    attached = omcache_glib_attach(mc, NULL);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    if (waiting > 0)
        g_main_loop_run(loop);
    omcache_free(mc);
    g_main_loop_unref(loop);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
