/*
 * tour_stage.h - what the tour needs besides the library: steps with their
 * timing, checks that end it, and memcached servers of its own, which are gone
 * when the program is, however it ends.
 *
 * Part of tour.c, and of interest only to those who want to know how it starts
 * its servers; nothing here calls the library.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOUR_STAGE_H
#define TOUR_STAGE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SERVERS = 3,
    PORT = 21411,        /* of server 0; the address is what nobody else uses */
    PATIENCE = 5000,     /* ms: what takes longer than this is a failed step */
    WHOLE_TOUR = 60,     /* s: something hangs if it takes longer */
    FULL_BAR = 60,       /* columns for a server that has everything */
    NOT_INSTALLED = 127, /* exit code of a child that found no memcached */
};

static volatile pid_t pids[SERVERS]; /* 0: not running */
static char address[INET_ADDRSTRLEN];
static double step_start;

/* ---- talking to the reader -------------------------------------------- */

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void nap(long msec)
{
    nanosleep(&(struct timespec){.tv_nsec = msec * 1000000}, NULL);
}

/* The title shows at once, the time behind it when the step is done. */
__attribute__((format(printf, 1, 2))) static void begin(const char *format, ...)
{
    static int number;
    char title[80];
    va_list args;

    va_start(args, format);
    vsnprintf(title, sizeof title, format, args);
    va_end(args);
    printf("\n%2d. %-60s", ++number, title);
    fflush(stdout);
    step_start = now_ms();
}

static double done(void)
{
    double elapsed = now_ms() - step_start;
    printf("%10.1f ms\n", elapsed);
    return elapsed;
}

static void draw_bar(int s, int count, int all)
{
    printf("     server %d  ", s);
    for (int i = 0; i < count * FULL_BAR / all; i++)
        putchar('#');
    printf(" %d\n", count);
}

/* Ends the tour unless ok; exit() calls stop_servers. */
__attribute__((format(printf, 2, 3))) static void check(bool ok, const char *format, ...)
{
    va_list args;

    if (ok)
        return;
    printf("\n\n   FAILED: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    exit(EXIT_FAILURE);
}

/* ---- the servers ------------------------------------------------------- */

static void stop_server(int s)
{
    pid_t pid = pids[s];

    pids[s] = 0;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void stop_servers(void)
{
    for (int s = 0; s < SERVERS; s++)
        stop_server(s);
}

/* The signals are this program's affair, the library does not touch them.  All
 * that is called here may be called in a signal handler. */
static void on_signal(int sig)
{
    static const char text[] = "\n\n   Interrupted (or stuck): stopping the servers.\n";
    ssize_t written = write(STDOUT_FILENO, text, sizeof text - 1);

    (void)written;
    stop_servers();
    _exit(sig == SIGALRM ? EXIT_FAILURE : 128 + sig);
}

/* In the child: its own process group keeps Ctrl-C from it, and the death signal
 * ends it should this program be killed the hard way. */
static void become_memcached(const char *port, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null < 0 || getppid() != parent)
        _exit(EXIT_FAILURE);
    setpgid(0, 0);
    dup2(null, STDIN_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    execlp("memcached", "memcached", "-l", address, "-p", port, "-U", "0", "-t", "1", "-m", "64",
           "-c", "64", geteuid() == 0 ? "-u" : (char *)NULL, "root", (char *)NULL);
    _exit(errno == ENOENT ? NOT_INSTALLED : EXIT_FAILURE);
}

static bool is_listening(int s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(PORT + s))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    inet_pton(AF_INET, address, &to.sin_addr);
    connected = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return connected;
}

static void check_still_runs(int s)
{
    int status;

    if (waitpid(pids[s], &status, WNOHANG) == 0)
        return;
    pids[s] = 0;
    check(
        !WIFEXITED(status) || WEXITSTATUS(status) != NOT_INSTALLED,
        "there is no memcached in PATH.\n   On Debian: apt-get install memcached (or make deps).");
    check(false, "memcached on %s port %d ended right after its start.", address, PORT + s);
}

static void start_server(int s)
{
    double deadline = now_ms() + PATIENCE;
    pid_t parent = getpid();
    char port[12];

    snprintf(port, sizeof port, "%d", PORT + s);
    pids[s] = fork();
    check(pids[s] >= 0, "cannot start a process: %s", strerror(errno));
    if (pids[s] == 0)
        become_memcached(port, parent);
    while (!is_listening(s)) {
        check_still_runs(s);
        check(now_ms() < deadline, "server %d does not listen on %s:%s", s, address, port);
        nap(2);
    }
    check_still_runs(s);
}

/* The process id makes a loopback address that no other running tour has. */
static void set_stage(void)
{
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    unsigned int pid = (unsigned int)getpid();

    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(address, sizeof address, "127.%u.%u.%u", 64 | (pid >> 16 & 63), pid >> 8 & 255,
             pid & 255);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
    alarm(WHOLE_TOUR);
    atexit(stop_servers);
}

#endif /* TOUR_STAGE_H */
