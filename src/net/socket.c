/*
 * TCP and unix sockets; see socket.h.
 */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT, /* of all writing */

    /* What is larger than WHOLE is written in parts, each of several pieces at most.  The peer
     * then reads the first of them while the next is written, and the kernel writes each to
     * memory that is warm from the one before: half the time for 1 MiB.  Not in parts of 64 KiB:
     * the loopback interface sends those as one packet and the rest of 53 bytes as another. */
    WHOLE = 128 * 1024,
    PART = 60 * 1024,
    PART_PIECES = 8,

    /* Pieces of so many bytes in all are copied and written as one: sendmsg() of two takes a
     * quarter longer than send() of one, copying included. */
    TOGETHER = 2048,

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

/* These give a number of bytes, or -1 and errno. */

static ssize_t write_once(int fd, const struct iovec *pieces, size_t count)
{
    /* sendmsg does not write to the pieces; its declaration cannot say so.  Their number
     * is a size_t in some C libraries and an int in others; there are few. */
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (uint16_t)count};

    return sendmsg(fd, &message, FLAGS);
}

/* What is left of some pieces when their first bytes were written. */
struct rest {
    const struct iovec *piece, *end;
    size_t written; /* of the first piece */
};

static void skip_written(struct rest *rest, size_t count)
{
    for (rest->written += count; rest->piece < rest->end; rest->piece++) {
        if (rest->written < rest->piece->iov_len)
            return;
        rest->written -= rest->piece->iov_len;
    }
}

/* Takes pieces off the front of a rest for the next part; how many, and how many bytes they are. */
static size_t take_part(struct rest rest, struct iovec part[PART_PIECES], size_t *size)
{
    size_t count = 0;

    *size = 0;
    for (; rest.piece < rest.end && count < PART_PIECES && *size < PART; rest.piece++) {
        size_t left = rest.piece->iov_len - rest.written, room = PART - *size;

        part[count] =
            (struct iovec){(char *)rest.piece->iov_base + rest.written, left < room ? left : room};
        *size += part[count++].iov_len;
        rest.written = 0;
    }
    return count;
}

static ssize_t write_parts(int fd, const struct iovec *pieces, size_t count)
{
    struct rest rest = {pieces, pieces + count, 0};
    struct iovec part[PART_PIECES];
    size_t size, all = 0;
    ssize_t written;

    do {
        size_t part_count = take_part(rest, part, &size);

        written = write_once(fd, part, part_count);
        if (written < 0)
            return all > 0 ? (ssize_t)all : -1; /* the next attempt finds the same */
        all += (size_t)written;
        skip_written(&rest, (size_t)written);
    } while ((size_t)written == size && rest.piece < rest.end);
    return (ssize_t)all;
}

static ssize_t write_together(int fd, const struct iovec *pieces, size_t count)
{
    unsigned char bytes[TOGETHER], *end = bytes;

    for (size_t i = 0; i < count; i++)
        end = mempcpy(end, pieces[i].iov_base, pieces[i].iov_len);
    return send(fd, bytes, (size_t)(end - bytes), FLAGS);
}

static size_t bytes_in(const struct iovec *pieces, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += pieces[i].iov_len;
    return size;
}

/* It is not inline, so that no register is saved for it where one small piece is written, which is
 * what there is most of. */
__attribute__((noinline)) static ssize_t write_pieces(int fd, const struct iovec *pieces,
                                                      size_t count)
{
    size_t size = bytes_in(pieces, count);

    if (size <= TOGETHER)
        return write_together(fd, pieces, count);
    return size > WHOLE ? write_parts(fd, pieces, count) : write_once(fd, pieces, count);
}

ssize_t omc_socket_write(int fd, const struct iovec *pieces, size_t count)
{
    ssize_t written;

    if (count == 1 && pieces->iov_len <= WHOLE)
        written = send(fd, pieces->iov_base, pieces->iov_len, FLAGS);
    else
        written = write_pieces(fd, pieces, count);
    return written >= 0 ? written : result_of_errno();
}

void omc_socket_close(int fd)
{
    close(fd);
}
