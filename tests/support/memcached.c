/*
 * Real memcached servers for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/memcached.h"

#include "support/certificates.h"
#include "support/child.h"
#include "support/clock.h"
#include "support/loopback.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_DEADLINE_MS 20000

#define OPTIONS_MAX 8

static const char *tls_options(void)
{
    static char options[1024];
    certificates_need();
    snprintf(options, sizeof(options), "ssl_chain_cert=%s,ssl_key=%s",
             certificates_path("fixture.pem"), certificates_path("fixture.key"));
    return options;
}

/* `listen` is what memcached's option -l has. */
static void launch_at(struct memcached *m, const char *listen)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", m->port);
    const char *how = listen[0] == '/' ? "-s" : "-l";
    const char *argv[20 + OPTIONS_MAX] = {"memcached", how, listen, "-p", port, "-U",  "0",
                                          "-t",        "1", "-m",   "64", "-c", "8192"};
    size_t count = 13;
    if (geteuid() == 0) { /* memcached takes -u from root only, and root must give it */
        argv[count++] = "-u";
        argv[count++] = "root";
    }
    if (certificates_are_wanted()) {
        argv[count++] = "-Z";
        argv[count++] = "-o";
        argv[count++] = tls_options();
    }
    for (size_t i = 0; m->options && m->options[i]; i++) {
        ck_assert_uint_lt(i, OPTIONS_MAX);
        argv[count++] = m->options[i];
    }
    m->pid = child_start(argv);
}

static void launch(struct memcached *m)
{
    launch_at(m, m->host);
}

static bool accepts(const struct memcached *m, int port)
{
    int fd = loopback_connect(m->host, port);
    if (fd < 0) {
        return false;
    }
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof(error);
    if (poll(&pfd, 1, 100) == 1) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    close(fd);
    return error == 0;
}

static void await_port(struct memcached *m, int port)
{
    int64_t deadline = clock_ms() + START_DEADLINE_MS;
    while (!accepts(m, port)) {
        int status;
        if (child_has_ended(m->pid, &status)) {
            m->pid = 0;
            ck_abort_msg("memcached at %s ended at once with status %#x", m->address,
                         (unsigned)status);
        }
        ck_assert_msg(clock_ms() < deadline, "memcached at %s does not accept at port %d",
                      m->address, port);
        clock_sleep(1);
    }
}

static void await(struct memcached *m)
{
    await_port(m, m->port);
}

static void set_address(struct memcached *m, const char *host, int port)
{
    memset(m, 0, sizeof(*m));
    snprintf(m->host, sizeof(m->host), "%s", host);
    m->port = port;
    snprintf(m->address, sizeof(m->address), strchr(host, ':') ? "[%s]:%d" : "%s:%d", m->host,
             port);
}

void memcached_start_at(struct memcached *m, const char *host, int port)
{
    set_address(m, host, port);
    memcached_restart(m);
}

void memcached_start(struct memcached *m, int port)
{
    char host[LOOPBACK_HOST_SIZE];
    memcached_start_at(m, loopback_host(host), port);
}

void memcached_start_with(struct memcached *m, int port, const char *const *options)
{
    char host[LOOPBACK_HOST_SIZE];
    set_address(m, loopback_host(host), port);
    m->options = options;
    memcached_restart(m);
}

void memcached_start_ports(struct memcached *m, int first, int count, char *list, size_t size)
{
    char host[LOOPBACK_HOST_SIZE];
    size_t used = 0;
    set_address(m, loopback_host(host), first);
    for (int port = first; port < first + count; port++) {
        used += (size_t)snprintf(list + used, size - used, "%s%s:%d", used ? "," : "", host, port);
        ck_assert_uint_lt(used, size);
    }
    launch_at(m, list);
    await_port(m, first + count - 1); /* it opens them in this order */
}

static bool accepts_at_socket(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    bool accepted = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    close(fd);
    return accepted;
}

void memcached_start_socket(struct memcached *m, const char *path)
{
    memset(m, 0, sizeof(*m));
    ck_assert_uint_lt(strlen(path), sizeof(m->address));
    snprintf(m->address, sizeof(m->address), "%s", path);
    launch_at(m, m->address);
    int64_t deadline = clock_ms() + START_DEADLINE_MS;
    while (!accepts_at_socket(path)) {
        ck_assert_msg(clock_ms() < deadline, "memcached at %s does not accept", path);
        clock_sleep(1);
    }
}

void memcached_restart(struct memcached *m)
{
    ck_assert_msg(m->pid == 0, "memcached at %s runs already", m->address);
    launch(m);
    await(m);
}

void memcached_kill(struct memcached *m)
{
    ck_assert_msg(m->pid > 0, "memcached at %s does not run", m->address);
    child_kill(m->pid);
    m->pid = 0;
}

void memcached_pause(struct memcached *m)
{
    int status;
    ck_assert_int_eq(kill(m->pid, SIGSTOP), 0);
    /* kill only asks: threads may go on for a moment. */
    ck_assert_int_eq(waitpid(m->pid, &status, WUNTRACED), m->pid);
    ck_assert_msg(WIFSTOPPED(status), "memcached at %s: status %#x", m->address, (unsigned)status);
}

void memcached_resume(struct memcached *m)
{
    ck_assert_int_eq(kill(m->pid, SIGCONT), 0);
}

void fleet_start(struct fleet *fleet, size_t count)
{
    char host[LOOPBACK_HOST_SIZE];
    ck_assert_uint_le(count, FLEET_MAX);
    memset(fleet, 0, sizeof(*fleet));
    loopback_host(host);
    for (size_t i = 0; i < count; i++) {
        set_address(&fleet->servers[i], host, FLEET_PORT + (int)i);
        launch(&fleet->servers[i]);
        size_t used = strlen(fleet->list);
        snprintf(fleet->list + used, sizeof(fleet->list) - used, "%s%s", used ? "," : "",
                 fleet->servers[i].address);
    }
    for (size_t i = 0; i < count; i++) {
        await(&fleet->servers[i]);
    }
    fleet->count = count;
}
