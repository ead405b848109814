/*
 * poll(2).
 */
#include "net/poll.h"

#include <errno.h>

enum {
    BLIND_PAUSE = 10, /* milliseconds */
};

/* The kernel could not look (ENOMEM, EINVAL): whether something is ready shows when it
 * is tried, and with a pause between the tries nothing spins. */
static void poll_blindly(struct pollfd *fds, size_t count, int msec)
{
    if (msec != 0)
        poll(NULL, 0, msec > 0 && msec < BLIND_PAUSE ? msec : BLIND_PAUSE);
    for (size_t i = 0; i < count; i++)
        fds[i].revents = fds[i].events;
}

void omc_poll(struct pollfd *fds, size_t count, int msec)
{
    int found = poll(fds, (nfds_t)count, msec);

    if (found > 0)
        return;
    if (found < 0 && errno != EINTR) {
        poll_blindly(fds, count, msec);
        return;
    }
    for (size_t i = 0; i < count; i++)
        fds[i].revents = 0;
}

bool omc_poll_one(int fd, short events, int msec)
{
    struct pollfd entry = {.fd = fd, .events = events};

    return poll(&entry, 1, msec) > 0;
}
