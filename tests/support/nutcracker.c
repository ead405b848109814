/*
 * A real nutcracker for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/nutcracker.h"

#include "support/child.h"
#include "support/clock.h"
#include "support/loopback.h"

#include <check.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_DEADLINE_MS 20000

static void write_configuration(const char *path, const struct nutcracker *n,
                                const struct fleet *fleet)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "pool:\n"
            "  listen: %s\n"
            "  hash: murmur\n"
            "  distribution: modula\n"
            "  timeout: 2000\n"
            "  auto_eject_hosts: false\n"
            "  servers:\n",
            n->address);
    for (size_t i = 0; i < fleet->count; i++) {
        fprintf(file, "   - %s:1\n", fleet->servers[i].address);
    }
    ck_assert_int_eq(fclose(file), 0);
}

static bool accepts(const char *host, int port)
{
    int fd = loopback_connect(host, port);
    if (fd < 0) {
        return false;
    }
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};
    int error = 1;
    socklen_t len = sizeof(error);
    if (poll(&pfd, 1, 100) == 1) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    close(fd);
    return error == 0;
}

static void await(struct nutcracker *n, const char *host)
{
    int64_t deadline = clock_ms() + START_DEADLINE_MS;
    while (!accepts(host, n->port)) {
        int status;
        if (child_has_ended(n->pid, &status)) {
            n->pid = 0;
            ck_abort_msg("nutcracker at %s ended at once with status %#x", n->address,
                         (unsigned)status);
        }
        ck_assert_msg(clock_ms() < deadline, "nutcracker at %s does not accept", n->address);
        clock_sleep(1);
    }
}

/* It reads its configuration before it listens: then the file has been of use. */
void nutcracker_start(struct nutcracker *n, const struct fleet *fleet)
{
    char folder[] = "/tmp/nutcracker-XXXXXX";
    char host[LOOPBACK_HOST_SIZE];
    char path[64];
    char stats[16];
    n->port = NUTCRACKER_PORT;
    snprintf(n->address, sizeof(n->address), "%s:%d", loopback_host(host), n->port);
    snprintf(stats, sizeof(stats), "%d", n->port + 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pool.yml", folder);
    write_configuration(path, n, fleet);
    const char *argv[] = {"nutcracker", "-c",  path, "-a",        host,
                          "-s",         stats, "-o", "/dev/null", NULL};
    n->pid = child_start(argv);
    await(n, host);
    unlink(path);
    rmdir(folder);
}

void nutcracker_kill(struct nutcracker *n)
{
    child_kill(n->pid);
    n->pid = 0;
}
