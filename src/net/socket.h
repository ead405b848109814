/*
 * Stream sockets that do not block, never raise SIGPIPE and are closed on exec.
 */
#ifndef OMC_NET_SOCKET_H
#define OMC_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "net/address.h"

enum {
    OMC_SOCKET_PATIENCE = 20, /* milliseconds that omc_socket_await waits, or a little more */
};

/* Results below the number of bytes. */
enum {
    OMC_SOCKET_AGAIN = 0,   /* nothing possible right now */
    OMC_SOCKET_ERROR = -1,  /* failed, errno says why */
    OMC_SOCKET_CLOSED = -2, /* orderly closed by the peer */
};

/* Starts to connect and returns the descriptor, or -1 with errno: EAGAIN if that of
 * a unix socket is to be tried again later.  The socket becomes writable when the
 * attempt has ended. */
int omc_socket_connect(const struct omc_address *address);

/* How an attempt ended: 0, the errno it failed with, or EINPROGRESS if it has not. */
int omc_socket_connect_error(int fd);

/* Lets the kernel ask the peer whether it is still there after so many seconds of silence;
 * 0: not any more. */
void omc_socket_set_keepalive(int fd, uint32_t seconds);

/* Read into size bytes, and write count pieces: how many bytes, or a result
 * from above.  What is large is written by several system calls: if one fails after others, that
 * is found by the next write. */
ssize_t omc_socket_read(int fd, void *bytes, size_t size);
ssize_t omc_socket_write(int fd, const struct iovec *pieces, size_t count);

/* What a read of one byte would return, which is still there to be read then.  An error is gone. */
ssize_t omc_socket_look(int fd);

/* Lets omc_socket_await wait, or not, as at first. */
void omc_socket_let_wait(int fd, bool may_wait);

/* Reads, and waits a while for something to read: OMC_SOCKET_AGAIN if nothing came.
 * It is the only one here that waits. */
ssize_t omc_socket_await(int fd, void *bytes, size_t size);

void omc_socket_close(int fd);

#endif
