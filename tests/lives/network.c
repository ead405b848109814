/*
 * Sockets, poll() and a resolver in memory; see network.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/network.h"

#include "base/memory.h"
#include "lives/peer.h"
#include "net/poll.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/stream.h"
#include "net/tls.h"

#include "lives/check.h"
#include <errno.h>
#include <string.h>

enum {
    FIRST_FD = 3,
    LOOKUP_FD = 50,
    ADDRESSES = 2, /* that the name stands for */
};

struct network network;

void network_start(void)
{
    network = (struct network){.window = NETWORK_ALL};
}

bool network_is_unsafe(const struct wire *wire)
{
    return network.is_secret && wire->state >= WIRE_OPEN && !wire->is_known;
}

struct wire *network_find(int fd)
{
    int i = fd - FIRST_FD;

    LIFE_CHECK(i >= 0 && i < NETWORK_WIRES && network.wires[i].state != WIRE_FREE,
               "used a descriptor that is closed");
    return &network.wires[i];
}

/* The oldest one that is younger. */
static struct wire *next_born(uint32_t than)
{
    struct wire *found = NULL;

    for (struct wire *wire = network.wires; wire < network.wires + NETWORK_WIRES; wire++) {
        if (wire->state != WIRE_FREE && wire->born > than &&
            (found == NULL || wire->born < found->born))
            found = wire;
    }
    return found;
}

struct wire *network_first(void)
{
    return next_born(0);
}

struct wire *network_second(void)
{
    const struct wire *first = network_first();

    return first == NULL ? NULL : next_born(first->born);
}

unsigned network_open(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < NETWORK_WIRES; i++)
        count += network.wires[i].state != WIRE_FREE;
    return count;
}

int omc_socket_connect(const struct omc_address *address)
{
    int i = 0;

    (void)address;
    if (network.is_starved) {
        errno = EMFILE;
        return -1;
    }
    while (i < NETWORK_WIRES && network.wires[i].state != WIRE_FREE)
        i++;
    LIFE_CHECK(i < NETWORK_WIRES, "too many connections at once");
    memset(&network.wires[i], 0, sizeof(network.wires[i]));
    network.wires[i].state = WIRE_CONNECTING;
    network.wires[i].born = ++network.born;
    return FIRST_FD + i;
}

int omc_socket_connect_error(int fd)
{
    switch (network_find(fd)->state) {
    case WIRE_CONNECTING:
        return EINPROGRESS;
    case WIRE_REFUSED:
        return ECONNREFUSED;
    default:
        return 0;
    }
}

void omc_socket_set_keepalive(int fd, uint32_t seconds)
{
    (void)fd;
    (void)seconds;
}

void omc_socket_let_wait(int fd, bool may_wait)
{
    (void)fd;
    (void)may_wait;
}

/* How many bytes there are to be read, or what a read would give. */
ssize_t omc_socket_look(int fd)
{
    const struct wire *wire = network_find(fd);

    if (wire->state == WIRE_RESET) {
        errno = ECONNRESET;
        return OMC_SOCKET_ERROR;
    }
    if (wire->out_there > wire->out_at)
        return (ssize_t)(wire->out_there - wire->out_at);
    return wire->state == WIRE_ENDED ? OMC_SOCKET_CLOSED : OMC_SOCKET_AGAIN;
}

ssize_t omc_socket_read(int fd, void *bytes, size_t size)
{
    struct wire *wire = network_find(fd);
    ssize_t found = omc_socket_look(fd);
    size_t len = (size_t)found;

    if (found <= 0)
        return found;
    LIFE_CHECK(size >= len, "made little room to read");
    memcpy(bytes, wire->out + wire->out_at, len);
    wire->out_at += len;
    peer_note_read(wire);
    return (ssize_t)len;
}

ssize_t omc_socket_await(int fd, void *bytes, size_t size)
{
    return omc_socket_read(fd, bytes, size);
}

/*
 * Streams that need a word of the peer before they can be used.
 */

static int secure(struct omc_stream *stream)
{
    struct wire *wire = network_find(stream->fd);

    if (wire->state == WIRE_RESET) {
        errno = ECONNRESET;
        return OMC_SOCKET_ERROR;
    }
    wire->is_known = wire->is_safe;
    if (wire->is_safe)
        return 1;
    return wire->state == WIRE_ENDED ? OMC_SOCKET_CLOSED : OMC_SOCKET_AGAIN;
}

bool omc_tls_open(struct omc_stream *stream, int fd, const struct omc_tls_way *way)
{
    static struct omc_stream_kind secret;

    (void)way;
    omc_stream_open_plain(stream, fd);
    if (network.is_secret) {
        secret = *stream->kind;
        secret.secure = secure;
        stream->kind = &secret;
    }
    return true;
}

/* What only a client needs, of which none is made here. */

struct omc_tls *omc_tls_new(const struct omc_tls_choice *choice, char *problem)
{
    (void)choice;
    problem[0] = '\0';
    return NULL;
}

void omc_tls_free(struct omc_tls *tls)
{
    (void)tls;
}

bool omc_tls_is_resumed(const struct omc_stream *stream)
{
    (void)stream;
    return false;
}

int omc_tls_version(const struct omc_stream *stream)
{
    (void)stream;
    return 0;
}

void omc_tls_forget_session(struct omc_tls_session *session)
{
    (void)session;
}

static size_t gather(unsigned char *to, const struct iovec *pieces, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        LIFE_CHECK(pieces[i].iov_len <= NETWORK_WRITTEN - len, "too much is written");
        memcpy(to + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    LIFE_CHECK(len > 0, "nothing is written");
    return len;
}

ssize_t omc_socket_write(int fd, const struct iovec *pieces, size_t count)
{
    struct wire *wire = network_find(fd);
    unsigned char bytes[NETWORK_WRITTEN];
    size_t len = gather(bytes, pieces, count), taken = len;

    LIFE_CHECK(wire->state >= WIRE_OPEN, "wrote before it was connected");
    LIFE_CHECK(!network_is_unsafe(wire), "wrote before it was safe");
    if (wire->state != WIRE_OPEN) {
        errno = EPIPE;
        return OMC_SOCKET_ERROR;
    }
    if (wire == network_first() && network.window != NETWORK_ALL) {
        taken = len < network.window ? len : network.window;
        network.window -= taken;
    }
    wire->is_full = taken < len;
    peer_hear(wire, bytes, len, taken);
    return taken > 0 ? (ssize_t)taken : OMC_SOCKET_AGAIN;
}

/* What is connected next finds room. */
void omc_socket_close(int fd)
{
    if (fd == LOOKUP_FD)
        return;
    if (network_find(fd) == network_first())
        network.window = NETWORK_ALL;
    network_find(fd)->state = WIRE_FREE;
}

static short ready_of(int fd)
{
    const struct wire *wire;
    int ready = 0;

    if (fd == LOOKUP_FD)
        return network.lookup > LOOKUP_UNDER_WAY ? POLLIN : 0;
    wire = network_find(fd);
    if (wire->state == WIRE_CONNECTING)
        return 0;
    if (wire->state == WIRE_REFUSED || wire->state == WIRE_RESET)
        ready |= POLLERR | POLLHUP;
    if (wire->state != WIRE_OPEN || wire->out_at < wire->out_there ||
        (network_is_unsafe(wire) && wire->is_safe))
        ready |= POLLIN;
    if (wire->state != WIRE_OPEN || wire != network_first() || network.window > 0)
        ready |= POLLOUT;
    return (short)ready;
}

void omc_poll(struct pollfd *fds, size_t count, int msec)
{
    LIFE_CHECK(msec == 0, "waited");
    for (size_t i = 0; i < count; i++)
        fds[i].revents = (short)(ready_of(fds[i].fd) & (fds[i].events | POLLERR | POLLHUP));
}

bool omc_poll_one(int fd, short events, int msec)
{
    struct pollfd entry = {.fd = fd, .events = events};

    omc_poll(&entry, 1, msec);
    return entry.revents != 0;
}

/*
 * The resolver.
 */

struct omc_resolver {
    struct omc_resolver_owner owner;
    struct omc_lookup *lookup; /* under way, or NULL */
};

struct omc_lookup {
    struct omc_resolver *resolver;
    void *context;
    enum lookup_state state;
    struct omc_addresses found;
    struct omc_address items[ADDRESSES];
};

bool omc_resolver_is_there(void)
{
    return true;
}

struct omc_resolver *omc_resolver_new(const struct omc_resolver_owner *owner, const char *servers)
{
    struct omc_resolver *resolver = omc_memory_new(1, sizeof(*resolver));

    (void)servers;
    resolver->owner = *owner;
    return resolver;
}

/* Nothing is under way any more, but what is may still be freed. */
static void stop(struct omc_resolver *resolver)
{
    if (resolver->lookup == NULL)
        return;
    resolver->lookup->resolver = NULL;
    resolver->lookup = NULL;
    network.lookup = LOOKUP_NONE;
    resolver->owner.close(resolver->owner.context, LOOKUP_FD);
}

void omc_resolver_free(struct omc_resolver *resolver)
{
    stop(resolver);
    omc_memory_free(resolver);
}

bool omc_resolver_check_servers(const char *servers)
{
    return servers == NULL;
}

struct omc_lookup *omc_resolver_look_up(struct omc_resolver *resolver, const char *host,
                                        const char *port, void *lookup_context)
{
    struct omc_lookup *lookup = omc_memory_new(1, sizeof(*lookup));

    (void)host;
    (void)port;
    LIFE_CHECK(resolver->lookup == NULL, "looked up twice");
    resolver->lookup = lookup;
    lookup->resolver = resolver;
    lookup->context = lookup_context;
    lookup->state = network.lookup = LOOKUP_UNDER_WAY;
    LIFE_CHECK(resolver->owner.watch(resolver->owner.context, LOOKUP_FD, POLLIN),
               "there is no memory to watch");
    return lookup;
}

bool omc_lookup_is_done(const struct omc_lookup *lookup)
{
    return lookup->state != LOOKUP_UNDER_WAY;
}

const struct omc_addresses *omc_lookup_result(const struct omc_lookup *lookup, uint32_t *ttl,
                                              const char **problem)
{
    *ttl = 60;
    *problem = "no such name";
    return lookup->state == LOOKUP_FOUND ? &lookup->found : NULL;
}

int omc_lookup_shortage(const struct omc_lookup *lookup)
{
    (void)lookup;
    return 0;
}

void omc_lookup_free(struct omc_lookup *lookup)
{
    if (lookup->resolver != NULL)
        stop(lookup->resolver);
    omc_memory_free(lookup);
}

static void fill_in(struct omc_lookup *lookup)
{
    lookup->found = (struct omc_addresses){lookup->items, ADDRESSES};
    for (size_t i = 0; i < ADDRESSES; i++) {
        lookup->items[i].len = sizeof(lookup->items[i].storage.v4);
        lookup->items[i].storage.v4.sin_family = AF_INET;
        lookup->items[i].storage.v4.sin_port = (in_port_t)(i + 1);
    }
}

void omc_resolver_process(struct omc_resolver *resolver, int fd, short revents)
{
    struct omc_lookup *lookup = resolver->lookup;

    (void)revents;
    if (fd != LOOKUP_FD || lookup == NULL || network.lookup == LOOKUP_UNDER_WAY)
        return;
    lookup->state = network.lookup;
    fill_in(lookup);
    stop(resolver);
    resolver->owner.found(resolver->owner.context, lookup->context);
}

int omc_resolver_timeout(struct omc_resolver *resolver)
{
    (void)resolver;
    return -1;
}
