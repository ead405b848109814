/*
 * The system calls on sockets, for the one file of a unit test program that includes this:
 * they are those of the C library, but fail when told to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FAILING_CALLS_H
#define TESTS_FAILING_CALLS_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "support/real_call.h"

enum failing_call {
    CALL_NONE,
    CALL_SOCKET,
    CALL_CONNECT,
    CALL_SENDMSG,
    CALL_RECV,
    CALL_RECVFROM,
    CALL_POLL,
    CALL_SETSOCKOPT,
    CALL_GETSOCKOPT,
    CALL_SO_ERROR, /* getsockopt works, and tells of this error */
    CALL_GETPEERNAME,
};

/* What fails: calls of this kind, `count` of them from number `from` (counted from 1), or each
 * `step`th of those, with this errno (of recv, 0: the end of the stream).  And how many have
 * been made. */
static struct {
    enum failing_call call;
    size_t from;
    size_t count;
    size_t step;
    int error;
    size_t made;
} failing;

static inline void fail_calls(enum failing_call call, size_t from, size_t count, int error)
{
    failing.call = call;
    failing.from = from;
    failing.count = count;
    failing.step = 1;
    failing.error = error;
    failing.made = 0;
}

/* None fails any more.  Whether one did. */
static inline bool stop_failing_calls(void)
{
    failing.call = CALL_NONE;
    return failing.made >= failing.from;
}

static bool fails(enum failing_call call)
{
    if (failing.call != call)
        return false;
    failing.made++;
    if (failing.made < failing.from || failing.made - failing.from >= failing.count ||
        (failing.made - failing.from) % failing.step != 0)
        return false;
    errno = failing.error;
    return true;
}

int socket(int domain, int type, int protocol)
{
    FIND_REAL(socket);
    return fails(CALL_SOCKET) ? -1 : real(domain, type, protocol);
}

/* What is in progress or was interrupted goes on, unless it is over at once. */
int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
    FIND_REAL(connect);
    if (!fails(CALL_CONNECT))
        return real(fd, addr, len);
    if ((failing.error == EINPROGRESS || failing.error == EINTR) && real(fd, addr, len) != 0 &&
        errno != EINPROGRESS)
        return -1;
    errno = failing.error;
    return -1;
}

/* A request in one piece is sent with this one; it is counted with the other. */
ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    FIND_REAL(send);
    return fails(CALL_SENDMSG) ? -1 : real(fd, buf, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    FIND_REAL(sendmsg);
    return fails(CALL_SENDMSG) ? -1 : real(fd, message, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    FIND_REAL(recv);
    if (fails(CALL_RECV))
        return failing.error == 0 ? 0 : -1;
    return real(fd, buf, n, flags);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *addr_len)
{
    FIND_REAL(recvfrom);
    return fails(CALL_RECVFROM) ? -1 : real(fd, buf, n, flags, addr, addr_len);
}

int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
    FIND_REAL(poll);
    if (nfds > 0 && fails(CALL_POLL))
        return -1;
    return real(fds, nfds, timeout);
}

int setsockopt(int fd, int level, int optname, const void *optval, socklen_t optlen)
{
    FIND_REAL(setsockopt);
    return fails(CALL_SETSOCKOPT) ? -1 : real(fd, level, optname, optval, optlen);
}

int getsockopt(int fd, int level, int optname, void *optval, socklen_t *optlen)
{
    int rc;

    FIND_REAL(getsockopt);
    if (fails(CALL_GETSOCKOPT))
        return -1;
    rc = real(fd, level, optname, optval, optlen);
    if (rc == 0 && optname == SO_ERROR && fails(CALL_SO_ERROR))
        memcpy(optval, &failing.error, sizeof(failing.error));
    return rc;
}

int getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
    FIND_REAL(getpeername);
    return fails(CALL_GETPEERNAME) ? -1 : real(fd, addr, len);
}

#endif
