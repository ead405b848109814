/*
 * Between the resolver, which knows descriptors, and the servers that have names.
 */
#include "link/names.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "link/endpoint.h"
#include "net/socket.h"

void omc_names_init(struct omc_names *names, struct omc_watches *watched)
{
    *names = (struct omc_names){.watched = watched, .deadline = OMC_CLOCK_NEVER};
}

static struct omc_watch **find(struct omc_names *names, int fd)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->watches[i]->fd == fd)
            return &names->watches[i];
    }
    return NULL;
}

static struct omc_watch *add(struct omc_names *names, int fd)
{
    struct omc_watch *watch = omc_memory_new(1, sizeof(*watch));
    struct omc_watch **watches =
        omc_memory_resize(names->watches, names->count + 1, sizeof(struct omc_watch *));

    if (watches != NULL)
        names->watches = watches;
    if (watch != NULL)
        omc_watch_init(watch, NULL);
    if (watch == NULL || watches == NULL || !omc_watch_open(names->watched, watch, fd)) {
        omc_memory_free(watch);
        return NULL;
    }
    names->watches[names->count++] = watch;
    return watch;
}

static bool watch_fd(void *context, int fd, short events)
{
    struct omc_names *names = context;
    struct omc_watch **known = find(names, fd);
    struct omc_watch *watch = known != NULL ? *known : add(names, fd);

    if (watch == NULL)
        return false;
    omc_watch_want(names->watched, watch, events);
    return true;
}

static void close_fd(void *context, int fd)
{
    struct omc_names *names = context;
    struct omc_watch **known = find(names, fd);

    if (known == NULL) { /* there was no memory for it */
        omc_socket_close(fd);
        return;
    }
    omc_watch_close(names->watched, *known);
    omc_memory_free(*known);
    *known = names->watches[--names->count];
}

static void found(void *context, void *lookup_context)
{
    struct omc_names *names = context;
    struct omc_endpoint *endpoint = lookup_context;

    if (endpoint->found)
        return;
    endpoint->found = true;
    endpoint->next_found = names->found;
    names->found = endpoint;
}

static void update_lookup_deadline(struct omc_names *names, int64_t now)
{
    int left = -1;

    if (names->found != NULL)
        left = 0;
    else if (names->resolver != NULL)
        left = omc_resolver_timeout(names->resolver);

    names->deadline = left < 0 ? OMC_CLOCK_NEVER : omc_clock_after(now, left);
}

struct omc_endpoint *omc_names_take_found(struct omc_names *names, int64_t now)
{
    struct omc_endpoint *endpoint = names->found;

    if (endpoint == NULL)
        return NULL;
    names->found = endpoint->next_found;
    endpoint->found = false;
    update_lookup_deadline(names, now);
    return endpoint;
}

void omc_names_forget(struct omc_names *names, struct omc_endpoint *endpoint)
{
    struct omc_endpoint **next = &names->found;

    while (*next != NULL && *next != endpoint)
        next = &(*next)->next_found;
    if (*next != NULL)
        *next = endpoint->next_found;
    endpoint->found = false;
}

struct omc_lookup *omc_names_look_up(struct omc_names *names, struct omc_endpoint *endpoint,
                                     int64_t now)
{
    const struct omc_resolver_owner owner = {names, watch_fd, close_fd, found};
    struct omc_lookup *lookup;

    if (names->resolver == NULL)
        names->resolver = omc_resolver_new(&owner, names->servers);
    if (names->resolver == NULL)
        return NULL;
    lookup = omc_resolver_look_up(names->resolver, endpoint->host, endpoint->port, endpoint);
    update_lookup_deadline(names, now);
    return lookup;
}

void omc_names_stop(struct omc_names *names)
{
    if (names->resolver != NULL)
        omc_resolver_free(names->resolver);
    names->resolver = NULL;
    names->deadline = OMC_CLOCK_NEVER;
}

void omc_names_fini(struct omc_names *names)
{
    omc_names_stop(names);
    omc_memory_free(names->watches);
    omc_memory_free(names->servers);
}

bool omc_names_set_servers(struct omc_names *names, const char *servers)
{
    char *copy = servers == NULL ? NULL : omc_memory_copy_string(servers, strlen(servers));

    if (servers != NULL && copy == NULL)
        return false;
    omc_names_stop(names);
    omc_memory_free(names->servers);
    names->servers = copy;
    return true;
}

void omc_names_choose(struct omc_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        omc_watch_choose(names->watched, names->watches[i]);
}

/* The next one of which something was found. */
static struct omc_watch *next_ready(const struct omc_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->watches[i]->ready != 0)
            return names->watches[i];
    }
    return NULL;
}

void omc_names_dispatch(struct omc_names *names, int64_t now)
{
    struct omc_watch *watch;

    if (names->resolver == NULL)
        return;
    /* Whatever is processed may close some and open others. */
    while ((watch = next_ready(names)) != NULL) {
        short ready = watch->ready;

        watch->ready = 0;
        omc_resolver_process(names->resolver, watch->fd, ready);
        update_lookup_deadline(names, now);
    }
}

void omc_names_look(struct omc_names *names, int64_t now)
{
    omc_watch_choose_none(names->watched);
    omc_names_choose(names);
    omc_watch_wait(names->watched, 0);
    omc_names_dispatch(names, now);
}

void omc_names_check_deadline(struct omc_names *names, int64_t now)
{
    if (now < names->deadline)
        return;
    omc_resolver_process(names->resolver, -1, 0);
    update_lookup_deadline(names, now);
}
