/*
 * Opening, closing and polling descriptors, and telling of them.
 */
#include "link/watch.h"

#include "base/memory.h"
#include "net/poll.h"
#include "net/socket.h"

enum {
    ROOM_MIN = 4,
};

void omc_watch_init(struct omc_watch *watch, struct omc_link *link)
{
    *watch = (struct omc_watch){.fd = -1, .link = link};
}

/* Where the table has a descriptor, or would have it. */
static size_t slot_of(const struct omc_watches *watches, int fd)
{
    size_t mask = watches->table_size - 1, slot = (size_t)fd & mask;

    while (watches->table[slot] != NULL && watches->table[slot]->fd != fd)
        slot = (slot + 1) & mask;
    return slot;
}

static bool grow_table(struct omc_watches *watches, size_t size)
{
    struct omc_watches larger = {.table_size = size};

    larger.table = omc_memory_new(size, sizeof(struct omc_watch *));
    if (larger.table == NULL)
        return false;
    for (size_t i = 0; i < watches->table_size; i++) {
        if (watches->table[i] != NULL)
            larger.table[slot_of(&larger, watches->table[i]->fd)] = watches->table[i];
    }
    omc_memory_free(watches->table);
    watches->table = larger.table;
    watches->table_size = size;
    return true;
}

/* Takes an entry out; those behind it that it had displaced move up. */
static void remove_from_table(struct omc_watches *watches, int fd)
{
    size_t mask = watches->table_size - 1, hole = slot_of(watches, fd);

    for (size_t slot = (hole + 1) & mask; watches->table[slot] != NULL; slot = (slot + 1) & mask) {
        size_t home = (size_t)watches->table[slot]->fd & mask;

        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            watches->table[hole] = watches->table[slot];
            hole = slot;
        }
    }
    watches->table[hole] = NULL;
}

static bool grow_arrays(struct omc_watches *watches, size_t room)
{
    struct pollfd *pollfds = omc_memory_resize(watches->pollfds, room, sizeof(*pollfds));
    struct omc_watch **polled =
        omc_memory_resize(watches->polled, room, sizeof(struct omc_watch *));
    struct omc_watch **changed =
        omc_memory_resize(watches->changed, room, sizeof(struct omc_watch *));
    int *closing = omc_memory_resize(watches->closing, room, sizeof(*closing));

    if (pollfds != NULL)
        watches->pollfds = pollfds;
    if (polled != NULL)
        watches->polled = polled;
    if (changed != NULL)
        watches->changed = changed;
    if (closing != NULL)
        watches->closing = closing;
    return pollfds != NULL && polled != NULL && changed != NULL && closing != NULL;
}

/* Room is made when a descriptor is opened, so that nothing later can fail.  One
 * that is to be closed may have a successor before it is. */
static bool reserve_watch(struct omc_watches *watches)
{
    size_t needed = watches->open + watches->closing_count + 1;
    size_t room = watches->room == 0 ? ROOM_MIN : watches->room * 2;

    if (needed <= watches->room)
        return true;
    if (!grow_table(watches, room * 4) || !grow_arrays(watches, room))
        return false;
    watches->room = room;
    return true;
}

bool omc_watch_open(struct omc_watches *watches, struct omc_watch *watch, int fd)
{
    if (!reserve_watch(watches))
        return false;
    watch->fd = fd;
    watch->events = 0;
    watch->told = 0;
    watch->ready = 0;
    watch->changed = false;
    watches->table[slot_of(watches, fd)] = watch;
    watches->open++;
    return true;
}

static void note_change(struct omc_watches *watches, struct omc_watch *watch)
{
    if (watches->func == NULL || watch->changed)
        return;
    watch->changed = true;
    watch->changed_at = watches->changed_count;
    watches->changed[watches->changed_count++] = watch;
}

static void forget_change(struct omc_watches *watches, struct omc_watch *watch)
{
    struct omc_watch *last;

    if (!watch->changed)
        return;
    last = watches->changed[--watches->changed_count];
    watches->changed[watch->changed_at] = last;
    last->changed_at = watch->changed_at;
    watch->changed = false;
}

void omc_watch_want(struct omc_watches *watches, struct omc_watch *watch, short events)
{
    watch->events = events;
    if (watch->fd >= 0 && events != watch->told)
        note_change(watches, watch);
}

void omc_watch_close(struct omc_watches *watches, struct omc_watch *watch)
{
    if (watch->fd < 0)
        return;
    remove_from_table(watches, watch->fd);
    forget_change(watches, watch);
    watches->open--;
    if (watches->func != NULL && watch->told != 0)
        watches->closing[watches->closing_count++] = watch->fd;
    else
        omc_socket_close(watch->fd);
    watch->fd = -1;
    watch->ready = 0;
}

void omc_watch_move(struct omc_watches *watches, struct omc_watch *to, struct omc_watch *from)
{
    struct omc_link *link = to->link;

    watches->table[slot_of(watches, from->fd)] = to;
    *to = *from;
    to->link = link;
    if (to->changed)
        watches->changed[to->changed_at] = to;
    omc_watch_init(from, from->link);
}

struct omc_watch *omc_watch_find(const struct omc_watches *watches, int fd)
{
    return watches->table_size == 0 || fd < 0 ? NULL : watches->table[slot_of(watches, fd)];
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

/* Closes what the application would have been told to stop. */
static void close_untold(struct omc_watches *watches)
{
    while (watches->closing_count > 0)
        omc_socket_close(watches->closing[--watches->closing_count]);
}

void omc_watch_set_callback(struct omc_watches *watches, omcache_watch_callback_func *func,
                            void *context)
{
    close_untold(watches);
    while (watches->changed_count > 0)
        forget_change(watches, watches->changed[0]);
    watches->func = func;
    watches->context = context;
    for (size_t i = 0; i < watches->table_size; i++) {
        struct omc_watch *watch = watches->table[i];

        if (watch == NULL)
            continue;
        watch->told = 0;
        omc_watch_want(watches, watch, watch->events);
    }
}

/* What is to be closed goes first, as its number may be another's soon. */
bool omc_watch_take_news(struct omc_watches *watches, struct omc_watch_news *news)
{
    while (watches->closing_count == 0 && watches->changed_count > 0) {
        struct omc_watch *watch = watches->changed[0];

        forget_change(watches, watch);
        if (watch->events == watch->told)
            continue;
        watch->told = watch->events;
        *news = (struct omc_watch_news){watch->fd, watch->events, false};
        return true;
    }
    if (watches->closing_count == 0)
        return false;
    *news = (struct omc_watch_news){watches->closing[--watches->closing_count], 0, true};
    return true;
}

void omc_watch_fini(struct omc_watches *watches)
{
    close_untold(watches);
    omc_memory_free(watches->table);
    omc_memory_free(watches->pollfds);
    omc_memory_free(watches->polled);
    omc_memory_free(watches->changed);
    omc_memory_free(watches->closing);
}
