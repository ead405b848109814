/*
 * A kernel that takes what a test lets it take, for the one file of a unit test program that
 * includes this: what is written to TAKING_FD, which is no socket, is kept here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_TAKING_H
#define TESTS_TAKING_H

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "support/real_call.h"

#define TAKING_FD 12345
#define TAKING_ROOM ((size_t)1 << 25)

static struct {
    size_t (*takes)(size_t given); /* how many of so many bytes; NULL: all */
    int error;                     /* with which it fails, or 0 */
    unsigned char bytes[TAKING_ROOM];
    size_t size;
    size_t calls;
    size_t most_pieces; /* in one of them */
    size_t most_bytes;
} taking;

static inline void taking_begin(void)
{
    taking.takes = NULL;
    taking.error = 0;
    taking.size = taking.calls = taking.most_pieces = taking.most_bytes = 0;
}

static void taking_copy(const struct iovec *pieces, size_t len)
{
    if (len > TAKING_ROOM - taking.size)
        ck_abort_msg("more is written than there is room for");
    for (; len > 0; pieces++) {
        size_t some = pieces->iov_len < len ? pieces->iov_len : len;

        if (some > 0)
            memcpy(taking.bytes + taking.size, pieces->iov_base, some);
        taking.size += some;
        len -= some;
    }
}

static ssize_t taking_write(const struct iovec *pieces, size_t count)
{
    size_t given = 0, taken;

    for (size_t i = 0; i < count; i++)
        given += pieces[i].iov_len;
    if (given == 0)
        ck_abort_msg("nothing is written");
    taking.calls++;
    taking.most_pieces = count > taking.most_pieces ? count : taking.most_pieces;
    taking.most_bytes = given > taking.most_bytes ? given : taking.most_bytes;
    taken = taking.takes == NULL ? given : taking.takes(given);
    if (taking.error != 0 || taken == 0) {
        errno = taking.error != 0 ? taking.error : EAGAIN;
        return -1;
    }
    taking_copy(pieces, taken);
    return (ssize_t)taken;
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    const struct iovec piece = {(void *)(uintptr_t)buf, n};

    FIND_REAL(send);
    return fd == TAKING_FD ? taking_write(&piece, 1) : real(fd, buf, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    FIND_REAL(sendmsg);
    return fd == TAKING_FD ? taking_write(message->msg_iov, (size_t)message->msg_iovlen)
                           : real(fd, message, flags);
}

#endif
