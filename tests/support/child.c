/*
 * Programs that a test runs in the background.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/child.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNNING_MAX 16

/* What to kill when a test ends. */
static pid_t running[RUNNING_MAX];

static void remember(pid_t pid)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (!running[i]) {
            running[i] = pid;
            return;
        }
    }
    kill(pid, SIGKILL);
    ck_abort_msg("more than %d programs at once", RUNNING_MAX);
}

static void forget(pid_t pid)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (running[i] == pid) {
            running[i] = 0;
        }
    }
}

/* In the child.  Anything but the standard descriptors is close-on-exec. */
static void exec_program(const char *const *argv, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1); /* the parent died before prctl could tell us */
    }
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execvp(argv[0], (char *const *)argv);
    perror(argv[0]);
    _exit(127);
}

pid_t child_start(const char *const *argv)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        exec_program(argv, parent);
    }
    remember(pid);
    return pid;
}

bool child_has_ended(pid_t pid, int *status)
{
    if (waitpid(pid, status, WNOHANG) != pid) {
        return false;
    }
    forget(pid);
    return true;
}

void child_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    forget(pid);
}

void child_kill_all(void)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (running[i]) {
            child_kill(running[i]);
        }
    }
}
