/*
 * stampede - many readers of a value that runs out, and only one that makes it anew
 *
 * A page of a web site is made from a database, which takes long, and is kept in
 * memcached for a while.  When that is over, everybody who wants the page just then
 * would ask the database at once.  Here READERS of them want it at the same moment,
 * over several connections in one epoll loop, twice:
 *
 *  - when the page is not there: one reader makes it, the others look again a little
 *    later, until it is;
 *  - when the page is about to run out: one reader makes a new one, the others take the
 *    old one without waiting.
 *
 *     stampede [servers]         such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * It exits with 0 if both times exactly one reader made the page.
 *
 * `make examples` builds it.  By hand, in the top folder:
 *
 *     make
 *     cc -std=c11 -D_GNU_SOURCE -Iinclude examples/stampede.c -Lbuild -lomcache \
 *        -o build/stampede
 *     LD_LIBRARY_PATH=build build/stampede
 *
 * What to copy: the options that main() makes, and on_page(), which decides what a
 * reader does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <omcache.h>

enum {
    READERS = 50,
    HANDLES = 5,     /* which the readers share */
    MAKING = 200,    /* ms that it takes to make the page */
    LOOK_AGAIN = 20, /* ms */
    PATIENCE = 1000, /* ms: what waits for a server longer has failed */
    GIVE_UP = 1500,  /* ms for all readers */
    LIFE = 10,       /* s that a page is kept */
    TOO_LITTLE = 30, /* s: with less left one reader makes a new page */
    EVENTS_MAX = 64,
    LOG_LEVEL = 4, /* warnings and worse */
};

struct reader {
    omcache_t *mc;
    double alarm; /* when it goes on by itself; 0: it waits for an answer, or is done */
    bool making;  /* the page: when the alarm comes, it is made */
    uint64_t cas; /* of what the page is to replace */
    bool done;
};

/* What happened when all wanted the page. */
struct tally {
    int made, old, fresh, failed, looks;
};

static struct reader readers[READERS];
static struct tally tally;
static omcache_meta_t *reading, *storing;
static char key[64];
static int edition; /* of the page */
static int epoll = -1;

static double now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void finish(struct reader *reader, int *count)
{
    reader->done = true;
    ++*count;
}

static void fail(struct reader *reader, const char *what, int rc)
{
    printf("%s: %s\n", what, omcache_strerror(rc));
    finish(reader, &tally.failed);
}

/* ---- what readers do ----------------------------------------------------- */

/* The answer to a reader that wants the page. */
static void on_page(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct reader *reader = context;
    int status = omcache_reply_status(reply);
    size_t len;

    (void)mc;
    omcache_reply_value(reply, &len);
    if (status != OMCACHE_OK) {
        fail(reader, "get", status);
    } else if (omcache_reply_won(reply)) {
        reader->making = true; /* it is on us, and on nobody else */
        reader->cas = omcache_reply_cas(reply);
        reader->alarm = now_ms() + MAKING;
    } else if (len == 0) {
        reader->alarm = now_ms() + LOOK_AGAIN; /* another one is making the first page */
    } else if (omcache_reply_already_won(reply)) {
        finish(reader, &tally.old); /* another one is making a new page: this is good enough */
    } else {
        finish(reader, &tally.fresh);
    }
}

static void look(struct reader *reader)
{
    int rc =
        omcache_async_meta_get(reader->mc, key, strlen(key), reading, PATIENCE, on_page, reader);

    tally.looks++;
    if (rc != OMCACHE_OK)
        fail(reader, "get", rc);
}

static void on_stored(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    if (omcache_reply_status(reply) == OMCACHE_OK)
        finish(context, &tally.made);
    else
        fail(context, "set", omcache_reply_status(reply));
}

/* The page is made.  It is stored only over what was there when that began: somebody
 * may have removed it since, because it is wrong. */
static void store(struct reader *reader)
{
    char page[64];
    int len = snprintf(page, sizeof page, "the page, edition %d", ++edition), rc;

    reader->making = false;
    omcache_meta_set_cas(storing, reader->cas);
    rc = omcache_async_meta_set(reader->mc, key, strlen(key), page, (size_t)len, 0, storing,
                                PATIENCE, on_stored, reader);
    if (rc != OMCACHE_OK)
        fail(reader, "set", rc);
}

/* ---- the loop ------------------------------------------------------------ */

/* The library's descriptors are watched for what it says, and the handle that they
 * are of is found by a search: there are few. */
static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    struct epoll_event event = {.data.fd = fd};

    (void)mc;
    (void)context;
    event.events = ((events & POLLIN) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((events & POLLOUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    if (events == 0)
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int earlier(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* How long nothing is to be done, in ms. */
static int time_to_sleep(omcache_t *const *handles)
{
    int sleep = LOOK_AGAIN;

    for (int i = 0; i < HANDLES; i++)
        sleep = earlier(sleep, omcache_next_timeout(handles[i]));
    for (int i = 0; i < READERS; i++) {
        double left = readers[i].alarm - now_ms();

        if (readers[i].alarm > 0)
            sleep = earlier(sleep, left > 0 ? (int)left + 1 : 0);
    }
    return sleep;
}

static void wake_readers(void)
{
    for (int i = 0; i < READERS; i++) {
        struct reader *reader = &readers[i];

        if (reader->alarm == 0 || reader->alarm > now_ms())
            continue;
        reader->alarm = 0;
        if (reader->making)
            store(reader);
        else
            look(reader);
    }
}

static void turn(omcache_t *const *handles)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, time_to_sleep(handles));

    for (int i = 0; i < count; i++) {
        short found = (short)(events[i].events & (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP));
        int rc = OMCACHE_NOT_FOUND;

        /* The bits are the same as those of poll(). */
        for (int h = 0; h < HANDLES && rc == OMCACHE_NOT_FOUND; h++)
            rc = omcache_process_fd(handles[h], events[i].data.fd, found);
    }
    for (int i = 0; i < HANDLES; i++)
        omcache_process_timeouts(handles[i]);
    wake_readers();
}

/* ---- the two rounds ------------------------------------------------------ */

static bool all_done(void)
{
    for (int i = 0; i < READERS; i++) {
        if (!readers[i].done)
            return false;
    }
    return true;
}

/* All readers want the page now.  Whether just one of them made it. */
static bool stampede(omcache_t *const *handles, const char *when)
{
    double begun = now_ms();

    memset(&tally, 0, sizeof tally);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.mc = handles[i % HANDLES]};
        look(&readers[i]);
    }
    while (!all_done() && now_ms() - begun < GIVE_UP)
        turn(handles);
    printf("%s: %d readers, %d made the page, %d took the old one, %d waited for the new one, "
           "%d failed; %d gets in %.0f ms\n",
           when, READERS, tally.made, tally.old, tally.fresh, tally.failed, tally.looks,
           now_ms() - begun);
    return tally.made == 1 && tally.old + tally.fresh == READERS - 1;
}

static bool open_handles(omcache_t **handles, const char *servers)
{
    for (int i = 0; i < HANDLES; i++) {
        int rc;

        handles[i] = omcache_init();
        if (handles[i] == NULL)
            return false;
        omcache_set_log_callback(handles[i], LOG_LEVEL, omcache_log_stderr, "stampede: ");
        omcache_set_watch_callback(handles[i], on_watch, NULL);
        rc = omcache_set_servers(handles[i], servers);
        if (rc != OMCACHE_OK) {
            fprintf(stderr, "server list \"%s\": %s\n", servers, omcache_strerror(rc));
            return false;
        }
    }
    return true;
}

static bool run(omcache_t *const *handles)
{
    bool good = stampede(handles, "not there");

    /* What has just been stored lives for LIFE seconds, which is TOO_LITTLE from now on. */
    omcache_meta_set_recache(reading, TOO_LITTLE);
    good = stampede(handles, "about to run out") && good;
    omcache_delete(handles[0], (const unsigned char *)key, strlen(key), PATIENCE);
    return good;
}

int main(int argc, char **argv)
{
    omcache_t *handles[HANDLES] = {NULL};
    bool good = false;

    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(key, sizeof key, "stampede-%ld", (long)getpid());
    epoll = epoll_create1(EPOLL_CLOEXEC);
    reading = omcache_meta_new();
    storing = omcache_meta_new();
    if (epoll >= 0 && reading != NULL && storing != NULL &&
        open_handles(handles, argc > 1 ? argv[1] : "127.0.0.1:11211")) {
        omcache_meta_set_vivify(reading, LIFE); /* the first to miss the page makes it */
        omcache_meta_set_ttl(storing, LIFE);
        good = run(handles);
    }
    for (int i = 0; i < HANDLES; i++)
        omcache_free(handles[i]);
    omcache_meta_free(reading);
    omcache_meta_free(storing);
    if (epoll >= 0)
        close(epoll);
    puts(good ? "each time just one reader made the page" : "that went wrong");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
