/*
 * The descriptors of a handle: what each is watched for, and whose it is.
 *
 * There are two who watch: the library itself, when a call waits, and the
 * application's event loop, which is told of every change when a call ends.
 */
#ifndef OMC_LINK_WATCH_H
#define OMC_LINK_WATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "omcache.h"

struct omc_link;

struct omc_watch {
    int fd;                /* -1: none */
    short events;          /* what it is to be watched for, in poll's bits */
    short told;            /* what the application knows of that */
    short ready;           /* what was found and nobody has handled yet */
    bool changed;          /* in the list of those to be compared, */
    size_t changed_at;     /* at this place */
    struct omc_link *link; /* whose it is; NULL: the resolver's */
};

struct omc_watches {
    struct omc_watch **table; /* all that are open, by descriptor: a hash table */
    size_t table_size;        /* a power of two, over twice `open`; 0 at first */
    size_t open;

    /* Arrays with room for all of them. */
    size_t room;
    struct pollfd *pollfds;    /* what poll is to be asked next */
    struct omc_watch **polled; /* entry i is for pollfds[i] */
    size_t polled_count;
    struct omc_watch **changed; /* what the application may have to be told */
    size_t changed_count;
    int *closing; /* what it must be told to stop before it is closed */
    size_t closing_count;

    omcache_watch_callback_func *func;
    void *context;
};

/* What the application is to be told of a descriptor. */
struct omc_watch_news {
    int fd;
    short events;
    bool closing; /* it is to be closed when that has been told */
};

void omc_watch_init(struct omc_watch *watch, struct omc_link *link);

/* Takes over a descriptor; false without memory. */
bool omc_watch_open(struct omc_watches *watches, struct omc_watch *watch, int fd);

/* Says what it is to be watched for, if it is open. */
void omc_watch_want(struct omc_watches *watches, struct omc_watch *watch, short events);

/* Gives up its descriptor, if it has one.  That is closed at once, or when the
 * application has been told. */
void omc_watch_close(struct omc_watches *watches, struct omc_watch *watch);

/* Moves a descriptor to another watch, which has none. */
void omc_watch_move(struct omc_watches *watches, struct omc_watch *to, struct omc_watch *from);

/* The one that has this descriptor, or NULL. */
struct omc_watch *omc_watch_find(const struct omc_watches *watches, int fd);

/* Chooses what the next wait is for: nothing, and one more. */
void omc_watch_choose_none(struct omc_watches *watches);
void omc_watch_choose(struct omc_watches *watches, struct omc_watch *watch);

/* Waits up to msec milliseconds (-1: for ever) for those chosen; sets their
 * `ready`. */
void omc_watch_wait(struct omc_watches *watches, int msec);

/* Sets who is told of changes, from all that is open on; func NULL: nobody. */
void omc_watch_set_callback(struct omc_watches *watches, omcache_watch_callback_func *func,
                            void *context);

/* Whether there may be something to be told; and takes the next of it, false if there is nothing.
 */
static inline bool omc_watch_has_news(const struct omc_watches *watches)
{
    return watches->closing_count > 0 || watches->changed_count > 0;
}
bool omc_watch_take_news(struct omc_watches *watches, struct omc_watch_news *news);

void omc_watch_fini(struct omc_watches *watches);

#endif
