/*
 * Starting and stopping memcached.
 */
#include "support/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/parts.h"

static char host[16];
static pid_t pid;

/* All of 127.0.0.0/8 is loopback; so each process can have an address of its own. */
static void choose_host(void)
{
    unsigned own = (unsigned)getpid();

    snprintf(host, sizeof(host), "127.%u.%u.%u", 64 + (own >> 16 & 63), own >> 8 & 255, own & 255);
}

void bench_server_list(unsigned servers, char list[BENCH_LIST_ROOM])
{
    size_t end = 0;

    bench_need(servers <= BENCH_SERVERS_MAX, "fewer servers");
    for (unsigned i = 0; i < servers; i++)
        end += (size_t)snprintf(list + end, BENCH_LIST_ROOM - end, "%s%s:%u", i == 0 ? "" : ",",
                                host, BENCH_PORT + i);
}

static void become_memcached(unsigned servers)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    char list[BENCH_LIST_ROOM];

    bench_server_list(servers, list);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(bench_first_core());
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    /* -R: it answers what came together at once, not the first 20 and then the others of
     * other connections; so figures do not depend on who is quicker. */
    execlp("memcached", "memcached", "-u", "root", "-l", list, "-U", "0", "-c", "8192", "-b",
           "1024", "-t", "1", "-R", "1000", "-m", "256", "-I", "2m", (char *)NULL);
    _exit(127);
}

static int accepts(in_port_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;

    accepted = fd >= 0 && inet_pton(AF_INET, host, &name.sin_addr) == 1 &&
               connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    close(fd);
    return accepted;
}

/* Servers may be many, and clients, too. */
static void allow_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* It opens its ports in the order of the list. */
static void await_port(in_port_t port)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int tries = 10000;

    while (!accepts(port) && tries-- > 0)
        nanosleep(&moment, NULL);
    bench_need(tries > 0, "memcached that accepts connections");
}

/* A child waits, so that how long it takes is not counted. */
static void await_memcached(unsigned servers)
{
    pid_t waiting = fork();
    int status = 1;

    bench_need(waiting >= 0, "a process");
    if (waiting == 0) {
        await_port((in_port_t)(BENCH_PORT + servers - 1));
        _exit(0);
    }
    waitpid(waiting, &status, 0);
    bench_need(status == 0, "memcached");
}

const char *bench_server_start(unsigned servers)
{
    static char address[BENCH_LIST_ROOM];

    allow_descriptors();
    choose_host();
    bench_server_list(1, address);
    pid = fork();
    bench_need(pid >= 0, "a process");
    if (pid == 0)
        become_memcached(servers);
    await_memcached(servers);
    return address;
}

int bench_server_connect(const char *address)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    size_t host_len = strcspn(address, ":");
    char ip[INET_ADDRSTRLEN] = "";

    bench_need(host_len < sizeof(ip), "an address");
    memcpy(ip, address, host_len);
    name.sin_port = htons((in_port_t)strtoul(address + host_len + 1, NULL, 10));
    bench_need(fd >= 0 && inet_pton(AF_INET, ip, &name.sin_addr) == 1 &&
                   connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 &&
                   setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0,
               "a connection");
    return fd;
}

void bench_server_stop(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
