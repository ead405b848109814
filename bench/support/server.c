/*
 * Starting and stopping memcached.
 */
#include "support/server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/parts.h"

static char folder[] = "/tmp/omcache-bench-XXXXXX";
static char path[64];
static pid_t pid;

static void become_memcached(void)
{
    int nowhere = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execlp("memcached", "memcached", "-u", "root", "-s", path, "-c", "4096", "-t", "1",
           (char *)NULL);
    _exit(127);
}

static int accepts(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;

    memcpy(name.sun_path, path, sizeof(path));
    accepted = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    close(fd);
    return accepted;
}

const char *bench_server_start(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int tries = 10000;

    bench_need(mkdtemp(folder) != NULL, "a folder for a socket");
    snprintf(path, sizeof(path), "%s/m", folder);
    pid = fork();
    bench_need(pid >= 0, "a process");
    if (pid == 0)
        become_memcached();
    while (!accepts() && tries-- > 0)
        nanosleep(&moment, NULL);
    bench_need(tries > 0, "memcached that accepts connections");
    return path;
}

void bench_server_stop(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(path);
    rmdir(folder);
}
