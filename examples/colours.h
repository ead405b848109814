/*
 * colours.h - what the examples for event loops have in common: three values are
 * stored, then they and one that is not there are got.  Nothing here waits: each step
 * follows when the one before has completed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef COLOURS_H
#define COLOURS_H

#include <omcache.h>
#include <stdio.h>
#include <string.h>

enum {
    TIMEOUT = 2000, /* ms that an operation may take */
    COUNT = 3,
};

static const char *const names[] = {"red", "green", "blue", "pink"};
static const char *const values[] = {"#ff0000", "#00ff00", "#0000ff"};

static int waiting; /* for so many completions */
static int failed;

/* The example's own: ends its loop.  A real program's would go on with other things. */
static void finish(void);

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

/* Begins.  When all is done, finish is called, and `failed` tells how it went. */
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

#endif
