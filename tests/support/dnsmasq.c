/*
 * Real DNS servers for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"

#include "support/child.h"
#include "support/clock.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 20000
#define OPTIONS_MAX 16

/* Without a daemon it neither forks nor becomes another user, whoever we are. */
static const char *const basics[] = {
    "dnsmasq",    "--no-daemon",   "--conf-file=/dev/null", "--pid-file=",    "--no-resolv",
    "--no-hosts", "--no-negcache", "--bind-interfaces",     "--local=/test/",
};
#define BASICS (sizeof(basics) / sizeof(basics[0]))

/* The records, and one more by which we can see that they are in use. */
static void write_hosts(struct dnsmasq *d, const char *hosts)
{
    ck_assert_int_eq(ftruncate(d->hosts, 0), 0);
    ck_assert_int_eq(lseek(d->hosts, 0, SEEK_SET), 0);
    ck_assert_int_gt(dprintf(d->hosts, "%s\n127.0.0.1 version-%u.test\n", hosts, ++d->version), 0);
}

/* A query for the IPv4 address of that one more; returns its length. */
static size_t make_query(const struct dnsmasq *d, unsigned char *query, size_t size)
{
    static const unsigned char head[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    static const unsigned char tail[] = {4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
    char label[32];
    size_t len = (size_t)snprintf(label, sizeof(label), "version-%u", d->version);
    ck_assert_uint_le(sizeof(head) + 1 + len + sizeof(tail), size);
    memcpy(query, head, sizeof(head));
    query[sizeof(head)] = (unsigned char)len;
    memcpy(query + sizeof(head) + 1, label, len);
    memcpy(query + sizeof(head) + 1 + len, tail, sizeof(tail));
    return sizeof(head) + 1 + len + sizeof(tail);
}

static bool answers(const struct dnsmasq *d)
{
    unsigned char query[64];
    unsigned char answer[512];
    struct sockaddr_storage addr;
    socklen_t addr_len;
    size_t len = make_query(d, query, sizeof(query));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    ck_assert(loopback_sockaddr(d->host, d->port, &addr, &addr_len));
    bool done = connect(fd, (struct sockaddr *)&addr, addr_len) == 0 &&
                send(fd, query, len, 0) == (ssize_t)len && poll(&pfd, 1, 200) == 1 &&
                recv(fd, answer, sizeof(answer), 0) >= 12 && answer[7] == 1; /* of answers */
    close(fd);
    return done;
}

static void await(struct dnsmasq *d)
{
    int64_t deadline = clock_ms() + DEADLINE_MS;
    while (!answers(d)) {
        int status;
        if (child_has_ended(d->pid, &status)) {
            d->pid = 0;
            ck_abort_msg("dnsmasq at %s ended with status %#x", d->address, (unsigned)status);
        }
        ck_assert_msg(clock_ms() < deadline, "dnsmasq at %s does not answer", d->address);
        clock_sleep(1);
    }
}

const char *dnsmasq_address(void)
{
    static char address[32];
    char host[LOOPBACK_HOST_SIZE];
    snprintf(address, sizeof(address), "%s:%d", loopback_host(host), DNSMASQ_PORT);
    return address;
}

void dnsmasq_configure_lookups(void)
{
    setenv("LOCALDOMAIN", "test", 1);
    setenv("RES_OPTIONS", "retrans:200 retry:8", 1);
}

void dnsmasq_start(struct dnsmasq *d, const char *hosts, const char *const *options)
{
    char records[64];
    char port[32];
    char listen[64];
    const char *argv[BASICS + 3 + OPTIONS_MAX + 1];
    size_t count = 0;
    memset(d, 0, sizeof(*d));
    loopback_host(d->host);
    d->port = DNSMASQ_PORT;
    snprintf(d->address, sizeof(d->address), "%s", dnsmasq_address());
    /* A file without a name, so that none is left behind. */
    d->hosts = memfd_create("hosts", MFD_CLOEXEC);
    ck_assert_int_ge(d->hosts, 0);
    write_hosts(d, hosts);
    snprintf(records, sizeof(records), "--addn-hosts=/proc/%d/fd/%d", (int)getpid(), d->hosts);
    snprintf(port, sizeof(port), "--port=%d", d->port);
    snprintf(listen, sizeof(listen), "--listen-address=%s", d->host);
    memcpy(argv, basics, sizeof(basics));
    argv[BASICS] = records;
    argv[BASICS + 1] = port;
    argv[BASICS + 2] = listen;
    while (options && options[count]) {
        ck_assert_uint_lt(count, OPTIONS_MAX);
        argv[BASICS + 3 + count] = options[count];
        count++;
    }
    argv[BASICS + 3 + count] = NULL;
    d->pid = child_start(argv);
    await(d);
}

void dnsmasq_set_hosts(struct dnsmasq *d, const char *hosts)
{
    write_hosts(d, hosts);
    ck_assert_int_eq(kill(d->pid, SIGHUP), 0);
    await(d);
}

void dnsmasq_kill(struct dnsmasq *d)
{
    child_kill(d->pid);
    close(d->hosts);
    d->pid = 0;
}

void dnsmasq_pause(struct dnsmasq *d)
{
    int status;
    ck_assert_int_eq(kill(d->pid, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(d->pid, &status, WUNTRACED), d->pid);
}

void dnsmasq_resume(struct dnsmasq *d)
{
    ck_assert_int_eq(kill(d->pid, SIGCONT), 0);
}
