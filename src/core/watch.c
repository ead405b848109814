/*
 * Opening, closing and polling descriptors.
 */
#include "core/watch.h"

#include "base/memory.h"
#include "net/poll.h"
#include "net/socket.h"

void omc_watch_init(struct omc_watch *watch, struct omc_server *server)
{
    *watch = (struct omc_watch){.fd = -1, .server = server};
}

/* Room is made when a descriptor is opened, so that a wait cannot fail. */
static bool reserve(struct omc_watches *watches)
{
    size_t room = watches->room == 0 ? 4 : watches->room * 2;
    struct omc_watch **polled;
    struct pollfd *pollfds;

    if (watches->open < watches->room)
        return true;
    pollfds = omc_memory_resize(watches->pollfds, room, sizeof(*pollfds));
    if (pollfds == NULL)
        return false;
    watches->pollfds = pollfds;
    polled = omc_memory_resize(watches->polled, room, sizeof(struct omc_watch *));
    if (polled == NULL)
        return false;
    watches->polled = polled;
    watches->room = room;
    return true;
}

bool omc_watch_open(struct omc_watches *watches, struct omc_watch *watch, int fd)
{
    if (!reserve(watches))
        return false;
    watches->open++;
    watch->fd = fd;
    watch->events = 0;
    watch->ready = 0;
    return true;
}

void omc_watch_close(struct omc_watches *watches, struct omc_watch *watch)
{
    if (watch->fd < 0)
        return;
    omc_socket_close(watch->fd);
    watch->fd = -1;
    watch->ready = 0;
    watches->open--;
}

void omc_watch_move(struct omc_watch *to, struct omc_watch *from)
{
    struct omc_server *server = to->server;

    *to = *from;
    to->server = server;
    from->fd = -1;
    from->ready = 0;
}

void omc_watch_choose_none(struct omc_watches *watches)
{
    watches->polled_count = 0;
}

void omc_watch_choose(struct omc_watches *watches, struct omc_watch *watch)
{
    size_t i = watches->polled_count++;

    watches->polled[i] = watch;
    watches->pollfds[i] = (struct pollfd){.fd = watch->fd, .events = watch->events};
}

void omc_watch_wait(struct omc_watches *watches, int msec)
{
    omc_poll(watches->pollfds, watches->polled_count, msec);
    for (size_t i = 0; i < watches->polled_count; i++)
        watches->polled[i]->ready = watches->pollfds[i].revents;
}

void omc_watch_fini(struct omc_watches *watches)
{
    omc_memory_free(watches->pollfds);
    omc_memory_free(watches->polled);
}
