/*
 * epoll - OMcache in a loop of its own, made with epoll
 *
 *     epoll [servers]          such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * Stores three values, gets them and one that is not there, and ends; the exit code is 0
 * if all went well.  `make examples` builds it.  By hand, with OMcache installed:
 *
 *     cc epoll.c $(pkg-config --cflags --libs omcache)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    TIMEOUT = 2000, /* ms that an operation may take */
    COUNT = 3,
};

static const char *const names[] = {"red", "green", "blue", "pink"};
static const char *const values[] = {"#ff0000", "#00ff00", "#0000ff"};

static int epoll;
static bool ended;
static int waiting; /* for so many completions */
static int failed;

/* The end.  A real program's loop would go on with other things. */
static void finish(void)
{
    ended = true;
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

/* Descriptors come and go, and want to be watched for other things at times.  The bits of
 * poll are those of epoll. */
static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};

    (void)mc, (void)context;
    if (events == 0)
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* One turn of the loop.  Where other descriptors are watched, too, event.data tells whose
 * each is; other timers shorten the wait. */
static void turn(omcache_t *mc)
{
    struct epoll_event events[16];
    int count = epoll_wait(epoll, events, 16, omcache_next_timeout(mc));

    for (int i = 0; i < count; i++)
        omcache_process_fd(mc, events[i].data.fd, (short)events[i].events);
    if (omcache_next_timeout(mc) == 0)
        omcache_process_timeouts(mc);
}

int main(int argc, char **argv)
{
    omcache_t *mc = omcache_init();

    if (mc == NULL || omcache_set_servers(mc, argc > 1 ? argv[1] : "127.0.0.1") != OMCACHE_OK)
        return EXIT_FAILURE;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return EXIT_FAILURE;
    omcache_set_watch_callback(mc, on_watch, NULL);
    store_values(mc);
    while (!ended)
        turn(mc);
    omcache_free(mc);
    close(epoll);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
