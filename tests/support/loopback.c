/*
 * Addresses of a test's own on the loopback network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A pid has at most 22 bits; each of 127.64.0.0/10, 127.128.0.0/10 and 127.192.0.0/10
 * holds them all, away from 127.0.0.x that others use, and but for one pid from the
 * broadcast address. */
static char *write_host(unsigned net, char host[LOOPBACK_HOST_SIZE])
{
    unsigned pid = (unsigned)getpid();
    snprintf(host, LOOPBACK_HOST_SIZE, "127.%u.%u.%u", net + ((pid >> 16) & 63), (pid >> 8) & 255,
             pid & 255);
    return host;
}

char *loopback_host(char host[LOOPBACK_HOST_SIZE])
{
    return write_host(64, host);
}

char *loopback_other_host(int number, char host[LOOPBACK_HOST_SIZE])
{
    return write_host(number == 1 ? 128 : 192, host);
}

bool loopback_sockaddr(const char *host, int port, struct sockaddr_storage *addr, socklen_t *len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    memset(addr, 0, sizeof(*addr));
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(addr, &v4, *len = sizeof(v4));
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(addr, &v6, *len = sizeof(v6));
    } else {
        errno = EINVAL;
        return false;
    }
    return true;
}

static int close_keeping_errno(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int open_socket(const char *host, int port, int flags, struct sockaddr_storage *addr,
                       socklen_t *len)
{
    if (!loopback_sockaddr(host, port, addr, len)) {
        return -1;
    }
    return socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

int loopback_listen(const char *host, int port, int backlog)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int on = 1;
    int fd = open_socket(host, port, 0, &addr, &len);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, backlog) != 0) {
        return close_keeping_errno(fd);
    }
    return fd;
}

int loopback_connect(const char *host, int port)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int fd = open_socket(host, port, SOCK_NONBLOCK, &addr, &len);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, len) != 0 && errno != EINPROGRESS) {
        return close_keeping_errno(fd);
    }
    return fd;
}

int loopback_free_port(const char *host)
{
    struct sockaddr_in6 addr = {0}; /* has room for both families, and the port in the same place */
    socklen_t len = sizeof(addr);
    int fd = loopback_listen(host, 0, 1);
    if (fd < 0) {
        return -1;
    }
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        return close_keeping_errno(fd);
    }
    close(fd);
    return ntohs(addr.sin6_port);
}
