/*
 * Waiting for sockets.
 */
#ifndef OMC_NET_POLL_H
#define OMC_NET_POLL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* Waits up to msec milliseconds (-1: for ever) and fills in revents.  An
 * interruption by a signal looks like a timeout that came early. */
void omc_poll(struct pollfd *fds, size_t count, int msec);

/* Whether one of these events is there within msec milliseconds, or fd has failed.  A signal may
 * make it false earlier. */
bool omc_poll_one(int fd, short events, int msec);

#endif
