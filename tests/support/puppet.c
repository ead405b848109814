/*
 * A server that the test itself plays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/puppet.h"

#include "support/assert.h"
#include "support/loopback.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PUPPETS_MAX 4

static struct puppet *puppets[PUPPETS_MAX];

void puppet_open(struct puppet *puppet, int number)
{
    char host[LOOPBACK_HOST_SIZE];
    ck_assert_int_lt(number, PUPPETS_MAX);
    puppets[number] = puppet;
    puppet->fd = -1;
    puppet->begin = 0;
    puppet->end = 0;
    puppet->listener = loopback_listen(loopback_host(host), PUPPET_PORT + number, 16);
    snprintf(puppet->address, sizeof(puppet->address), "%s:%d", host, PUPPET_PORT + number);
    ck_assert_msg(puppet->listener >= 0, "listen on %s: %s", puppet->address, strerror(errno));
}

void puppet_hang_up(struct puppet *puppet, bool reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (puppet->fd < 0) {
        return;
    }
    if (reset) {
        setsockopt(puppet->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(puppet->fd);
    puppet->fd = -1;
    puppet->begin = 0;
    puppet->end = 0;
}

void puppet_close(struct puppet *puppet)
{
    puppet_hang_up(puppet, true);
    close(puppet->listener);
    for (size_t i = 0; i < PUPPETS_MAX; i++) {
        if (puppets[i] == puppet) {
            puppets[i] = NULL;
        }
    }
}

bool puppet_is_there(void)
{
    for (size_t i = 0; i < PUPPETS_MAX; i++) {
        if (puppets[i] != NULL) {
            return true;
        }
    }
    return false;
}

void puppet_close_all(void)
{
    for (size_t i = 0; i < PUPPETS_MAX; i++) {
        if (puppets[i] != NULL) {
            puppet_close(puppets[i]);
        }
    }
}

static bool is_readable(int fd, int msec)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, msec) == 1;
}

void puppet_accept(struct puppet *puppet, struct watcher *loop)
{
    int64_t begun = clock_ms();
    while (!is_readable(puppet->listener, 0)) {
        ck_assert_msg(clock_ms() - begun < 10000, "nobody connects to %s", puppet->address);
        watcher_turn(loop, 10);
    }
    puppet_hang_up(puppet, false);
    puppet->fd = accept4(puppet->listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(puppet->fd, 0);
    int on = 1;
    setsockopt(puppet->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void puppet_greet(struct puppet *puppet, struct watcher *loop)
{
    struct wire_request hello;
    puppet_accept(puppet, loop);
    for (int i = 0; puppet_waiting(puppet) == 0; i++) {
        ck_assert_int_lt(i, 1000);
        watcher_turn(loop, 10);
    }
    ck_assert(puppet_next(puppet, &hello, 1000));
    ck_assert_int_eq(hello.opcode, WIRE_NOOP);
    puppet_answer(puppet, &hello, 0, NULL, 0);
}

static size_t body_of(const unsigned char *at)
{
    uint32_t body;
    memcpy(&body, at + 8, sizeof(body));
    return ntohl(body);
}

/* The length of the request at a place, 0 if not all of it is there. */
static size_t whole(const struct puppet *puppet, size_t at)
{
    size_t left = puppet->end - at;
    size_t len = left < WIRE_HEADER ? 0 : WIRE_HEADER + body_of(puppet->in + at);
    return len > left ? 0 : len;
}

static void receive(struct puppet *puppet, int msec)
{
    memmove(puppet->in, puppet->in + puppet->begin, puppet->end - puppet->begin);
    puppet->end -= puppet->begin;
    puppet->begin = 0;
    if (puppet->fd < 0 || !is_readable(puppet->fd, msec)) {
        return;
    }
    ssize_t got =
        recv(puppet->fd, puppet->in + puppet->end, sizeof(puppet->in) - puppet->end, MSG_DONTWAIT);
    if (got > 0) {
        puppet->end += (size_t)got;
    }
}

bool puppet_next(struct puppet *puppet, struct wire_request *request, int msec)
{
    int64_t begun = clock_ms();
    while (whole(puppet, puppet->begin) == 0) {
        if (clock_ms() - begun > msec) {
            return false;
        }
        receive(puppet, 1);
    }
    const unsigned char *at = puppet->in + puppet->begin;
    size_t body = body_of(at);
    uint16_t key_len;
    memcpy(&key_len, at + 2, sizeof(key_len));
    request->opcode = at[1];
    request->key_len = ntohs(key_len);
    request->extras_len = at[4];
    request->value_len = body - request->key_len - request->extras_len;
    memcpy(&request->opaque, at + 12, sizeof(request->opaque));
    memcpy(request->body, at + WIRE_HEADER,
           body < sizeof(request->body) ? body : sizeof(request->body));
    puppet->begin += WIRE_HEADER + body;
    return true;
}

size_t puppet_waiting(struct puppet *puppet)
{
    size_t count = 0;
    receive(puppet, 0);
    for (size_t at = puppet->begin, len; (len = whole(puppet, at)) > 0; at += len) {
        count++;
    }
    return count;
}

void puppet_send(struct puppet *puppet, const void *bytes, size_t len)
{
    ck_assert_uint_eq((size_t)send(puppet->fd, bytes, len, MSG_NOSIGNAL), len);
}

void puppet_answer(struct puppet *puppet, const struct wire_request *request, int status,
                   const void *value, size_t value_len)
{
    static unsigned char bytes[1 << 17];
    static const unsigned char no_flags[4];
    bool is_get = request->opcode == WIRE_GETK || request->opcode == WIRE_GATK;
    struct wire_reply reply = {
        .opcode = request->opcode,
        .status = (uint16_t)status,
        .opaque = request->opaque,
        .value = value,
        .value_len = value_len,
    };
    if (is_get && status == 0) {
        reply.extras = no_flags;
        reply.extras_len = sizeof(no_flags);
        reply.key = request->body + request->extras_len;
        reply.key_len = request->key_len;
    }
    size_t len = wire_encode(&reply, bytes, sizeof(bytes));
    ck_assert_uint_gt(len, 0);
    puppet_send(puppet, bytes, len);
}

unsigned puppet_packets(const struct puppet *puppet)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    ck_assert_int_eq(getsockopt(puppet->fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_in;
}
