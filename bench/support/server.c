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
static pid_t server, tunnel;

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

/* Starts a program, which ends with this one, on a core. */
static pid_t start(char *const *words, int core)
{
    pid_t pid = fork();
    int nowhere;

    bench_need(pid >= 0, "a process");
    if (pid > 0)
        return pid;
    nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(core);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execvp(words[0], words);
    _exit(127);
}

/* -R: it answers what came together at once, not the first 20 and then the others of other
 * connections; so figures do not depend on who is quicker.  With an option and its value
 * (NULL: none) it speaks TLS. */
static void start_memcached(char *list, char *option, char *value)
{
    char *const words[] = {"memcached", "-u",
                           "root",      "-l",
                           list,        "-U",
                           "0",         "-c",
                           "8192",      "-b",
                           "1024",      "-t",
                           "1",         "-R",
                           "1000",      "-m",
                           "256",       "-I",
                           "2m",        option,
                           value,       option == NULL ? NULL : "-Z",
                           NULL};

    server = start(words, bench_first_core());
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
static void await_child(unsigned port)
{
    pid_t waiting = fork();
    int status = 1;

    bench_need(waiting >= 0, "a process");
    if (waiting == 0) {
        await_port((in_port_t)port);
        _exit(0);
    }
    waitpid(waiting, &status, 0);
    bench_need(status == 0, "a server");
}

const char *bench_server_start(unsigned servers)
{
    static char address[BENCH_LIST_ROOM];
    char list[BENCH_LIST_ROOM];

    allow_descriptors();
    choose_host();
    bench_server_list(1, address);
    bench_server_list(servers, list);
    start_memcached(list, NULL, NULL);
    await_child(BENCH_PORT + servers - 1);
    return address;
}

/* The port's address. */
static char *write_address(unsigned port, char room[BENCH_ADDRESS_ROOM])
{
    snprintf(room, BENCH_ADDRESS_ROOM, "%s:%u", host, port);
    return room;
}

/* Has openssl make a certificate for the servers' address that nobody has signed. */
static void make_certificate(struct bench_secure *secure)
{
    char command[512];

    strcpy(secure->folder, "/tmp/omcache-bench-XXXXXX");
    bench_need(mkdtemp(secure->folder) != NULL, "a folder");
    snprintf(secure->certificate, sizeof(secure->certificate), "%s/cert.pem", secure->folder);
    snprintf(secure->key, sizeof(secure->key), "%s/key.pem", secure->folder);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
             "-subj /CN=bench -addext subjectAltName=IP:%s -keyout %s -out %s 2>/dev/null",
             host, secure->key, secure->certificate);
    bench_need(system(command) == 0, "a certificate");
}

static void start_tunnel(struct bench_secure *secure)
{
    char path[128];
    char *const words[] = {"stunnel", path, NULL};
    FILE *file;

    snprintf(path, sizeof(path), "%s/stunnel.conf", secure->folder);
    file = fopen(path, "w");
    bench_need(file != NULL, "a file");
    fprintf(file,
            "foreground = yes\npid =\ndebug = err\nsocket = l:TCP_NODELAY=1\n"
            "socket = r:TCP_NODELAY=1\n[memcached]\nclient = yes\naccept = %s\nconnect = %s\n"
            "CAfile = %s\nverifyChain = yes\ncheckIP = %s\n",
            secure->tunnel, secure->tls, secure->certificate, host);
    fclose(file);
    tunnel = start(words, bench_last_core());
    bench_need(clock_getcpuclockid(tunnel, &secure->tunnel_clock) == 0, "a clock");
}

void bench_server_start_secure(struct bench_secure *secure)
{
    char list[2 * BENCH_ADDRESS_ROOM + 8], options[256];

    choose_host();
    write_address(BENCH_PORT, secure->plain);
    write_address(BENCH_PORT + 1, secure->tls);
    write_address(BENCH_PORT + 2, secure->tunnel);
    make_certificate(secure);
    snprintf(list, sizeof(list), "notls:%s,%s", secure->plain, secure->tls);
    snprintf(options, sizeof(options), "ssl_chain_cert=%s,ssl_key=%s", secure->certificate,
             secure->key);
    start_memcached(list, "-o", options);
    await_child(BENCH_PORT + 1);
    start_tunnel(secure);
    await_child(BENCH_PORT + 2);
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

/* Stops it, if it was started. */
static void stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void bench_server_stop(void)
{
    stop(tunnel);
    stop(server);
}

void bench_server_stop_secure(const struct bench_secure *secure)
{
    char command[128];

    bench_server_stop();
    snprintf(command, sizeof(command), "rm -r %s", secure->folder);
    bench_need(system(command) == 0, "to remove a folder");
}
