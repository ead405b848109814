/*
 * The floor: bare sockets, whose requests were made beforehand, in the binary protocol.
 * What is left to do is what nobody can do without: send, receive, and find the end of
 * the answer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    HEADER = 24,
    GET = 0x00,
    SET = 0x01,
    NOOP = 0x0a,
    GETKQ = 0x0d,
    SETQ = 0x11,
    GET_LEN = HEADER + BENCH_KEY_LEN,
    SET_EXTRAS = 8,
    GET_EXTRAS = 4,
};

/* Requests, one behind the other. */
struct requests {
    unsigned char *bytes;
    size_t len;
};

struct server {
    int fd;
    struct requests gets, sets; /* of its keys, and a no-op behind them */
};

struct floor {
    size_t keys, value_len, server_count;
    struct server *servers;
    unsigned owners[BENCH_KEYS_MAX]; /* a key's server */
    struct requests gets, sets;      /* of all keys, each to be answered */
    size_t set_len;
    unsigned char *answers;
    size_t room;
    int epoll;
};

static void add_header(struct requests *to, int opcode, size_t key_len, size_t extras,
                       size_t value_len)
{
    unsigned char *at = to->bytes + to->len;
    uint32_t body = htonl((uint32_t)(extras + key_len + value_len));

    memset(at, 0, HEADER + extras);
    at[0] = 0x80;
    at[1] = (unsigned char)opcode;
    at[3] = (unsigned char)key_len;
    at[4] = (unsigned char)extras;
    memcpy(at + 8, &body, sizeof(body));
    to->len += HEADER + extras;
}

static void add_request(struct requests *to, int opcode, size_t key, size_t extras,
                        const struct bench_work *work)
{
    size_t value_len = extras > 0 ? work->value_len : 0;

    add_header(to, opcode, BENCH_KEY_LEN, extras, value_len);
    memcpy(to->bytes + to->len, bench_key(key, work->value_len), BENCH_KEY_LEN);
    to->len += BENCH_KEY_LEN;
    memcpy(to->bytes + to->len, work->value, value_len);
    to->len += value_len;
}

static void make_requests(struct floor *floor, const struct bench_work *work)
{
    floor->set_len = HEADER + SET_EXTRAS + BENCH_KEY_LEN + work->value_len;
    floor->gets.bytes = bench_memory(1, work->keys * GET_LEN);
    floor->sets.bytes = bench_memory(1, work->keys * floor->set_len);
    for (size_t key = 0; key < work->keys; key++) {
        add_request(&floor->gets, GET, key, 0, work);
        add_request(&floor->sets, SET, key, SET_EXTRAS, work);
    }
    for (size_t i = 0; i < floor->server_count; i++) {
        struct server *server = &floor->servers[i];

        server->gets.bytes = bench_memory(1, work->keys * GET_LEN + HEADER);
        server->sets.bytes = bench_memory(1, work->keys * floor->set_len + HEADER);
        for (size_t key = 0; key < work->keys; key++) {
            if (floor->owners[key] != i)
                continue;
            add_request(&server->gets, GETKQ, key, 0, work);
            add_request(&server->sets, SETQ, key, SET_EXTRAS, work);
        }
        if (server->gets.len > 0) {
            add_header(&server->gets, NOOP, 0, 0, 0);
            add_header(&server->sets, NOOP, 0, 0, 0);
        }
    }
}

/* Each key goes to the server that the libraries send it to. */
static void choose_servers(struct floor *floor, const struct bench_work *work)
{
    void *ours = bench_ours_binary.calls->open(work, bench_ours_binary.protocol);

    for (size_t key = 0; key < work->keys; key++)
        floor->owners[key] = bench_ours_binary.calls->look_up(ours, key);
    bench_ours_binary.calls->close(ours);
}

static void *open_client(const struct bench_work *work, int protocol)
{
    struct floor *floor = bench_memory(1, sizeof(*floor));
    struct epoll_event event = {.events = EPOLLIN};
    const char *address = work->servers;

    (void)protocol;
    floor->keys = work->keys;
    floor->value_len = work->value_len;
    floor->server_count = work->server_count;
    floor->servers = bench_memory(work->server_count, sizeof(*floor->servers));
    for (size_t i = 0; i < work->server_count; i++) {
        floor->servers[i].fd = bench_server_connect(address);
        address += strcspn(address, ",") + 1;
    }
    choose_servers(floor, work);
    make_requests(floor, work);
    floor->room = (work->keys + 1) * (HEADER + GET_EXTRAS + BENCH_KEY_LEN + work->value_len);
    floor->answers = bench_memory(1, floor->room);
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_need(epoll_ctl(floor->epoll, EPOLL_CTL_ADD, floor->servers[0].fd, &event) == 0,
               "to watch a socket");
    return floor;
}

static void close_client(void *client)
{
    struct floor *floor = client;

    for (size_t i = 0; i < floor->server_count; i++) {
        close(floor->servers[i].fd);
        free(floor->servers[i].gets.bytes);
        free(floor->servers[i].sets.bytes);
    }
    close(floor->epoll);
    free(floor->servers);
    free(floor->gets.bytes);
    free(floor->sets.bytes);
    free(floor->answers);
    free(floor);
}

static void send_whole(int fd, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

        bench_need(sent > 0, "to send");
        bytes += sent;
        len -= (size_t)sent;
    }
}

static size_t body_len(const unsigned char *header)
{
    uint32_t len;

    memcpy(&len, header + 8, sizeof(len));
    return ntohl(len);
}

/* Receives one answer. */
static void await_answer(struct floor *floor, int fd, size_t body)
{
    ssize_t got = recv(fd, floor->answers, floor->room, 0);
    size_t have = (size_t)got, all = HEADER + body;

    bench_need(got >= HEADER && body_len(floor->answers) == body, "the floor's answer");
    /* It is known how much comes, and a bare socket can wait for that. */
    if (have < all)
        have += (size_t)recv(fd, floor->answers + have, all - have, MSG_WAITALL);
    bench_need(have == all, "all of the floor's answer");
}

static void get(void *client, size_t key)
{
    struct floor *floor = client;
    int fd = floor->servers[floor->owners[key]].fd;

    send_whole(fd, floor->gets.bytes + key * GET_LEN, GET_LEN);
    await_answer(floor, fd, GET_EXTRAS + floor->value_len);
}

static void set(void *client, size_t key)
{
    struct floor *floor = client;
    int fd = floor->servers[floor->owners[key]].fd;

    send_whole(fd, floor->sets.bytes + key * floor->set_len, floor->set_len);
    await_answer(floor, fd, 0);
}

/* Receives answers up to that to the no-op; how many came before it. */
static size_t await_noop(struct floor *floor, int fd)
{
    size_t at = 0, end = 0, count = 0;

    for (;;) {
        ssize_t got = recv(fd, floor->answers + end, floor->room - end, 0);

        bench_need(got > 0, "to receive");
        end += (size_t)got;
        while (end - at >= HEADER) {
            const unsigned char *header = floor->answers + at;
            size_t len = HEADER + body_len(header);

            if (header[1] == NOOP)
                return count;
            if (end - at < len)
                break;
            at += len;
            count++;
        }
    }
}

static void get_all(void *client)
{
    struct floor *floor = client;
    size_t count = 0;

    for (size_t i = 0; i < floor->server_count; i++)
        send_whole(floor->servers[i].fd, floor->servers[i].gets.bytes, floor->servers[i].gets.len);
    for (size_t i = 0; i < floor->server_count; i++) {
        if (floor->servers[i].gets.len > 0)
            count += await_noop(floor, floor->servers[i].fd);
    }
    bench_need(count == floor->keys, "the floor's multi-get");
}

static void set_all(void *client)
{
    struct floor *floor = client;
    size_t count = 0;

    for (size_t i = 0; i < floor->server_count; i++)
        send_whole(floor->servers[i].fd, floor->servers[i].sets.bytes, floor->servers[i].sets.len);
    for (size_t i = 0; i < floor->server_count; i++) {
        if (floor->servers[i].sets.len > 0)
            count += await_noop(floor, floor->servers[i].fd);
    }
    bench_need(count == 0, "the floor's buffered sets"); /* only failures are answered */
}

/* Sends, and reads answers to sends before, if they are there. */
static void send_all(void *client)
{
    struct floor *floor = client;

    for (size_t i = 0; i < floor->server_count; i++) {
        const struct server *server = &floor->servers[i];

        if (server->sets.len == 0)
            continue;
        send_whole(server->fd, server->sets.bytes, server->sets.len);
        (void)recv(server->fd, floor->answers, floor->room, MSG_DONTWAIT);
    }
}

/* Sends that many gets of the first keys at once. */
static size_t ask(struct floor *floor, size_t count)
{
    size_t together = count < floor->keys ? count : floor->keys;

    for (size_t left = count; left > 0; left -= together) {
        if (left < together)
            together = left;
        send_whole(floor->servers[0].fd, floor->gets.bytes, together * GET_LEN);
    }
    return count;
}

/* An event loop around one socket.  Each answer makes room for another question; those
 * for which there is room are asked together. */
static void get_async(void *client, size_t count, size_t outstanding)
{
    struct floor *floor = client;
    size_t answer = HEADER + GET_EXTRAS + floor->value_len, have = 0, come = 0;
    size_t asked = ask(floor, outstanding);

    while (come < count) {
        struct epoll_event event;
        size_t at = 0, left, before = come;
        ssize_t got;

        bench_need(epoll_wait(floor->epoll, &event, 1, -1) == 1, "an event");
        got = recv(floor->servers[0].fd, floor->answers + have, floor->room - have, MSG_DONTWAIT);
        bench_need(got > 0, "to receive");
        have += (size_t)got;
        for (; have - at >= answer; at += answer, come++)
            bench_need(body_len(floor->answers + at) == answer - HEADER, "the floor's answer");
        have -= at;
        memmove(floor->answers, floor->answers + at, have);
        left = count - asked;
        asked += ask(floor, come - before < left ? come - before : left);
    }
}

static const struct bench_calls calls = {
    .open = open_client,
    .close = close_client,
    .get = get,
    .set = set,
    .get_all = get_all,
    .set_all = set_all,
    .send_all = send_all,
    .get_async = get_async,
};

const struct bench_client bench_floor = {"floor", "bare socket", &calls, 0};
