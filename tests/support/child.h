/*
 * Programs that a test runs in the background.  They are killed at its end, however
 * it ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts a program found in PATH with these arguments, of which the first is its name
 * and the last NULL.  It shares our standard error. */
pid_t child_start(const char *const *argv);

/* Whether it has ended by itself, with this status of waitpid(); it is gone then. */
bool child_has_ended(pid_t pid, int *status);

/* Kills one, suspended or not. */
void child_kill(pid_t pid);

/* Kills all that this process has started. */
void child_kill_all(void);

#endif
