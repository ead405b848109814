/*
 * TCP and unix sockets; see socket.h.
 */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT, /* of all writing */

    KEEPALIVE_COUNT = 3, /* questions without an answer end a connection */
};

int omc_socket_connect(const struct omc_address *address)
{
    const struct sockaddr *name = &address->storage.any;
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, error;

    if (fd < 0)
        return -1;
    /* Without it a small request can wait for the answer to the one before.  (Unix
     * sockets do not know it, nor need it.) */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, name, address->len) == 0 || errno == EINPROGRESS || errno == EINTR)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int omc_socket_connect_error(int fd)
{
    struct sockaddr_storage peer;
    int error = 0;
    socklen_t len = sizeof(error), peer_len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    if (error != 0)
        return error;
    /* No error yet is not success: what woke us may have been meant for another
     * socket, which had the same number before. */
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0)
        return errno == ENOTCONN ? EINPROGRESS : errno;
    return 0;
}

/* Unix sockets do not know the intervals, nor need them. */
void omc_socket_set_keepalive(int fd, uint32_t seconds)
{
    int on = seconds > 0, idle = (int)seconds, count = KEEPALIVE_COUNT;
    int interval = idle < KEEPALIVE_COUNT ? 1 : idle / KEEPALIVE_COUNT;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (!on)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static ssize_t result_of_errno(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return OMC_SOCKET_AGAIN;
    return OMC_SOCKET_ERROR;
}

ssize_t omc_socket_read(int fd, void *bytes, size_t size)
{
    ssize_t count = recv(fd, bytes, size, MSG_DONTWAIT);

    if (count > 0)
        return count;
    return count == 0 ? OMC_SOCKET_CLOSED : result_of_errno();
}

/* All others who read and write say that they do not wait. */
void omc_socket_let_wait(int fd, bool may_wait)
{
    static const struct timeval patience = {.tv_usec = 1000L * OMC_SOCKET_PATIENCE};

    if (!may_wait)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    else if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
        (void)fcntl(fd, F_SETFL, 0);
}

ssize_t omc_socket_look(int fd)
{
    char byte;
    ssize_t count = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

    if (count > 0)
        return count;
    return count == 0 ? OMC_SOCKET_CLOSED : result_of_errno();
}

ssize_t omc_socket_await(int fd, void *bytes, size_t size)
{
    ssize_t count = recv(fd, bytes, size, 0);

    if (count > 0)
        return count;
    return count == 0 ? OMC_SOCKET_CLOSED : result_of_errno();
}

ssize_t omc_socket_write(int fd, const struct iovec *pieces, size_t count)
{
    ssize_t sent;

    if (count == 1) {
        sent = send(fd, pieces->iov_base, pieces->iov_len, FLAGS);
    } else {
        /* sendmsg does not write to the pieces; its declaration cannot say so.  Their number
         * is a size_t in some C libraries and an int in others; there are few. */
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                                 .msg_iovlen = (uint16_t)count};

        sent = sendmsg(fd, &message, FLAGS);
    }
    return sent >= 0 ? sent : result_of_errno();
}

void omc_socket_close(int fd)
{
    close(fd);
}
