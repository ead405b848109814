/*
 * The descriptors of a handle: what each is watched for, and whose it is.
 */
#ifndef OMC_CORE_WATCH_H
#define OMC_CORE_WATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct omc_server;

struct omc_watch {
    int fd;                    /* -1: none */
    short events;              /* what it is to be watched for, in poll's bits */
    short ready;               /* what was found and nobody has handled yet */
    struct omc_server *server; /* whose it is; NULL: the resolver's */
};

/* All that are open, and what poll is to be asked about next. */
struct omc_watches {
    size_t open;
    size_t room; /* of the two arrays, at least `open` */
    struct pollfd *pollfds;
    struct omc_watch **polled; /* entry i is for pollfds[i] */
    size_t polled_count;
};

void omc_watch_init(struct omc_watch *watch, struct omc_server *server);

/* Takes over a descriptor; false without memory. */
bool omc_watch_open(struct omc_watches *watches, struct omc_watch *watch, int fd);

/* Closes its descriptor, if it has one. */
void omc_watch_close(struct omc_watches *watches, struct omc_watch *watch);

/* Moves a descriptor to another watch, which has none. */
void omc_watch_move(struct omc_watch *to, struct omc_watch *from);

/* Chooses what the next wait is for: nothing, and one more. */
void omc_watch_choose_none(struct omc_watches *watches);
void omc_watch_choose(struct omc_watches *watches, struct omc_watch *watch);

/* Waits up to msec milliseconds (-1: for ever) for those chosen; sets their
 * `ready`. */
void omc_watch_wait(struct omc_watches *watches, int msec);

void omc_watch_fini(struct omc_watches *watches);

#endif
