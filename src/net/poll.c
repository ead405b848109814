/*
 * poll(2).
 */
#include "net/poll.h"

void omc_poll(struct pollfd *fds, size_t count, int msec)
{
    if (poll(fds, (nfds_t)count, msec) > 0)
        return;
    for (size_t i = 0; i < count; i++)
        fds[i].revents = 0;
}

bool omc_poll_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    omc_poll(&entry, 1, 0);
    return entry.revents != 0;
}
