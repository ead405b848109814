/*
 * Sockets, poll() and a clock in memory; see network.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/network.h"

#include "base/clock.h"
#include "fuzz/fuzz.h"
#include "net/poll.h"
#include "net/socket.h"

#include <errno.h>
#include <sys/un.h>

enum {
    FIRST_FD = 3,
    POLLS_MAX = 1000,   /* without anything coming of it: the library spins */
    CONNECTS_MAX = 100, /* without a pause: likewise */
};

static struct network_wire wires[NETWORK_WIRES];
static enum network_door doors[NETWORK_SERVERS];
static network_meanwhile_func *meanwhile;
static int64_t usec;
static unsigned number;
static unsigned polls;
static unsigned connects;
static unsigned causes;
static unsigned delays;

int64_t __wrap_omc_clock_usec(void);

int64_t __wrap_omc_clock_usec(void)
{
    return usec;
}

void network_note_step(void)
{
    polls = 0;
    connects = 0;
}

unsigned network_causes(void)
{
    return causes;
}

unsigned network_delays(void)
{
    return delays;
}

void network_pass(int64_t msec)
{
    usec += msec * 1000;
    network_note_step();
}

void network_start(void)
{
    for (size_t i = 0; i < NETWORK_WIRES; i++)
        wires[i].state = NETWORK_FREE;
    for (size_t i = 0; i < NETWORK_SERVERS; i++)
        doors[i] = NETWORK_DOOR_OPEN;
    meanwhile = NULL;
    usec = 1000000;
    number = causes = delays = 0;
    network_note_step();
}

void network_set_meanwhile(network_meanwhile_func *func)
{
    meanwhile = func;
}

void network_set_door(int server, enum network_door door)
{
    doors[server] = door;
}

struct network_wire *network_find(int fd)
{
    int i = fd - FIRST_FD;

    return i >= 0 && i < NETWORK_WIRES && wires[i].state != NETWORK_FREE ? &wires[i] : NULL;
}

struct network_wire *network_wire(unsigned i)
{
    unsigned count = network_open();

    if (count == 0)
        return NULL;
    i %= count;
    for (struct network_wire *wire = wires;; wire++) {
        if (wire->state != NETWORK_FREE && i-- == 0)
            return wire;
    }
}

unsigned network_open(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < NETWORK_WIRES; i++)
        count += wires[i].state != NETWORK_FREE;
    return count;
}

void network_admit(struct network_wire *wire, bool admit)
{
    if (wire->state == NETWORK_CONNECTING)
        wire->state = admit ? NETWORK_CONNECTED : NETWORK_REFUSED;
}

/* Takes len bytes off the front of the replies. */
static void consume_replies(struct network_wire *wire, size_t len)
{
    size_t kept = 0;

    if (len > 0)
        wire->torn = true;
    memmove(wire->replies, wire->replies + len, wire->reply_len - len);
    wire->reply_len -= len;
    for (size_t i = 0; i < wire->reply_count; i++) {
        if (wire->ends[i] == len)
            wire->torn = false;
        if (wire->ends[i] > len)
            wire->ends[kept++] = wire->ends[i] - len;
    }
    wire->reply_count = kept;
}

size_t network_deliver(struct network_wire *wire, size_t len)
{
    if (wire->out_at == wire->out_len)
        wire->out_at = wire->out_len = 0;
    if (len > wire->reply_len)
        len = wire->reply_len;
    if (len > NETWORK_ROOM - wire->out_len)
        len = NETWORK_ROOM - wire->out_len;
    memcpy(wire->out + wire->out_len, wire->replies, len);
    wire->out_len += len;
    consume_replies(wire, len);
    if (len > 0)
        polls = 0;
    return len;
}

bool network_reply(struct network_wire *wire, const void *bytes, size_t len)
{
    if (len > NETWORK_ROOM - wire->reply_len)
        return false;
    memcpy(wire->replies + wire->reply_len, bytes, len);
    wire->reply_len += len;
    return true;
}

void network_end_reply(struct network_wire *wire)
{
    size_t last = wire->reply_count == 0 ? 0 : wire->ends[wire->reply_count - 1];

    if (wire->reply_len > last && wire->reply_count < NETWORK_REPLIES)
        wire->ends[wire->reply_count++] = wire->reply_len;
}

static enum network_state state_behind(enum network_door door)
{
    return door == NETWORK_DOOR_OPEN ? NETWORK_CONNECTED : NETWORK_CONNECTING;
}

static void start_wire(struct network_wire *wire, int server)
{
    wire->state = state_behind(doors[server]);
    wire->number = number++;
    wire->server = server;
    wire->window = NETWORK_ROOM;
    wire->in_len = wire->reply_len = wire->reply_count = 0;
    wire->out_len = wire->out_at = 0;
    wire->swallow = 0;
    wire->late = wire->torn = wire->blamed = wire->blocked = wire->binary = wire->generous = false;
}

int omc_socket_connect(const struct omc_address *address)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
    int server = name->sun_path[1] - '0';
    int i = 0;

    FUZZ_CHECK(name->sun_family == AF_UNIX && server >= 0 && server < NETWORK_SERVERS);
    FUZZ_CHECK(++connects < CONNECTS_MAX);
    if (doors[server] == NETWORK_DOOR_REFUSED || doors[server] == NETWORK_DOOR_FULL) {
        errno = doors[server] == NETWORK_DOOR_FULL ? EAGAIN : ECONNREFUSED;
        *(doors[server] == NETWORK_DOOR_FULL ? &delays : &causes) += 1;
        return -1;
    }
    while (i < NETWORK_WIRES && wires[i].state != NETWORK_FREE)
        i++;
    FUZZ_CHECK(i < NETWORK_WIRES);
    start_wire(&wires[i], server);
    return FIRST_FD + i;
}

void omc_socket_set_keepalive(int fd, uint32_t seconds)
{
    (void)fd;
    (void)seconds;
}

int omc_socket_connect_error(int fd)
{
    const struct network_wire *wire = network_find(fd);

    FUZZ_CHECK(wire != NULL);
    if (wire->state == NETWORK_CONNECTING)
        return EINPROGRESS;
    return wire->state == NETWORK_REFUSED ? ECONNREFUSED : 0;
}

ssize_t omc_socket_look(int fd)
{
    const struct network_wire *wire = network_find(fd);

    FUZZ_CHECK(wire != NULL);
    if (wire->state == NETWORK_RESET) {
        errno = ECONNRESET;
        return OMC_SOCKET_ERROR;
    }
    if (wire->out_len > wire->out_at)
        return 1;
    return wire->state == NETWORK_ENDED ? OMC_SOCKET_CLOSED : OMC_SOCKET_AGAIN;
}

ssize_t omc_socket_read(int fd, void *bytes, size_t size)
{
    struct network_wire *wire = network_find(fd);
    size_t len;

    FUZZ_CHECK(wire != NULL && size > 0);
    if (wire->state == NETWORK_RESET) {
        errno = ECONNRESET;
        return OMC_SOCKET_ERROR;
    }
    len = wire->out_len - wire->out_at;
    if (len == 0)
        return wire->state == NETWORK_ENDED ? OMC_SOCKET_CLOSED : OMC_SOCKET_AGAIN;
    if (len > size)
        len = size;
    memcpy(bytes, wire->out + wire->out_at, len);
    wire->out_at += len;
    polls = 0;
    return (ssize_t)len;
}

/* There is always room for a byte where the peer has taken all that came before. */
static size_t room_for(const struct network_wire *wire)
{
    size_t window = wire->window == 0 ? 1 : wire->window;

    return window > wire->in_len ? window - wire->in_len : 0;
}

ssize_t omc_socket_write(int fd, const struct iovec *pieces, size_t count)
{
    struct network_wire *wire = network_find(fd);
    size_t sent = 0;

    FUZZ_CHECK(wire != NULL && count > 0);
    FUZZ_CHECK(wire->state != NETWORK_CONNECTING && wire->state != NETWORK_REFUSED);
    if (wire->state != NETWORK_CONNECTED) {
        errno = EPIPE;
        return OMC_SOCKET_ERROR;
    }
    wire->blocked = false;
    for (size_t i = 0; i < count; i++) {
        size_t len = pieces[i].iov_len;

        if (len > room_for(wire))
            len = room_for(wire);
        memcpy(wire->in + wire->in_len, pieces[i].iov_base, len);
        wire->in_len += len;
        sent += len;
        wire->blocked = len < pieces[i].iov_len;
        if (wire->blocked)
            break;
    }
    if (sent > 0)
        polls = 0;
    return sent > 0 ? (ssize_t)sent : OMC_SOCKET_AGAIN;
}

/* Whether the peer has taken all that it was sent, and has answered it. */
static bool owes_nothing(const struct network_wire *wire)
{
    return wire->state == NETWORK_CONNECTED && wire->in_len == 0 && wire->reply_len == 0 &&
           wire->swallow == 0 && !wire->blocked && !wire->blamed && !wire->late;
}

void network_note_late(void)
{
    for (size_t i = 0; i < NETWORK_WIRES; i++)
        wires[i].late = !owes_nothing(&wires[i]);
}

void network_note_given_up(bool (*is_given_up)(int fd))
{
    for (int i = 0; i < NETWORK_WIRES; i++) {
        if (wires[i].state != NETWORK_FREE && is_given_up(FIRST_FD + i))
            wires[i].late = wires[i].late || !owes_nothing(&wires[i]);
    }
}

void network_note_return(void)
{
    for (size_t i = 0; i < NETWORK_WIRES; i++)
        wires[i].late = false;
}

void omc_socket_close(int fd)
{
    struct network_wire *wire = network_find(fd);

    FUZZ_CHECK(wire != NULL);
    causes += !owes_nothing(wire);
    wire->state = NETWORK_FREE;
}

short network_ready(int fd, short events)
{
    const struct network_wire *wire = network_find(fd);
    int ready = 0;

    FUZZ_CHECK(wire != NULL);
    if (wire->state == NETWORK_CONNECTING)
        return 0;
    if (wire->state == NETWORK_REFUSED || wire->state == NETWORK_RESET)
        ready |= POLLERR | POLLHUP;
    if (wire->state != NETWORK_CONNECTED || wire->out_at < wire->out_len)
        ready |= POLLIN;
    if (wire->state != NETWORK_CONNECTED || room_for(wire) > 0)
        ready |= POLLOUT;
    return (short)(ready & (events | POLLERR | POLLHUP));
}

static size_t fill_in(struct pollfd *fds, size_t count)
{
    size_t ready = 0;

    for (size_t i = 0; i < count; i++) {
        fds[i].revents = network_ready(fds[i].fd, fds[i].events);
        ready += fds[i].revents != 0;
    }
    return ready;
}

void omc_poll(struct pollfd *fds, size_t count, int msec)
{
    int64_t end = usec + (int64_t)msec * 1000;

    FUZZ_CHECK(++polls < POLLS_MAX);
    while (fill_in(fds, count) == 0 && msec != 0) {
        if (msec > 0 && usec >= end)
            return;
        if (meanwhile != NULL && meanwhile())
            continue;
        FUZZ_CHECK(msec > 0); /* else it would wait for ever */
        usec = end;
        network_note_step();
        return;
    }
}

bool omc_poll_one(int fd, short events, int msec)
{
    struct pollfd entry = {.fd = fd, .events = events};

    if (msec == 0)
        return network_ready(fd, events) != 0;
    omc_poll(&entry, 1, msec);
    return entry.revents != 0;
}

/* It always may. */
void omc_socket_let_wait(int fd, bool may_wait)
{
    (void)fd;
    (void)may_wait;
}

ssize_t omc_socket_await(int fd, void *bytes, size_t size)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    omc_poll(&entry, 1, OMC_SOCKET_PATIENCE);
    return entry.revents == 0 ? OMC_SOCKET_AGAIN : omc_socket_read(fd, bytes, size);
}
