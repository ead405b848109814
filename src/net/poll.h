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

/* Whether one of these events is there right now, or fd has failed. */
bool omc_poll_now(int fd, short events);

#endif
