/*
 * libuv - OMcache in a libuv loop
 *
 *     libuv [servers]          such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc libuv.c $(pkg-config --cflags --libs omcache libuv)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <omcache/libuv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    TIMEOUT = 2000, /* ms that an operation may take */
    COUNT = 3,
};

static const char *const names[] = {"red", "green", "blue", "pink"};
static const char *const values[] = {"#ff0000", "#00ff00", "#0000ff"};

static omcache_libuv_t *attached;
static int waiting; /* for so many completions */
static int failed;

/* The end.  A real program's loop would go on with other things. */
static void finish(void)
{
    omcache_libuv_detach(attached);
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
    uv_loop_t *loop = uv_default_loop();
    omcache_t *mc = omcache_init();

    if (loop == NULL || mc == NULL ||
        omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    attached = omcache_libuv_attach(mc, loop);
    if (attached == NULL)
        return EXIT_FAILURE;
    store_values(mc);
    uv_run(loop, UV_RUN_DEFAULT); /* until nothing is watched any more */
    omcache_free(mc);
    uv_loop_close(loop);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
