/*
 * Children that use what they have inherited.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dice.h"
#include "support/fixture.h"
#include "support/ledger.h"
#include "support/load.h"
#include "support/storm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4
#define TURNS 30
#define CHILD_SECONDS 10 /* a call of it has ended long before */
#define TIMEOUT_MS 100

static pid_t children[CHILDREN];
size_t load_forks;

/* Its parent goes on to write, so that of a value only the form is known. */
static void read_key(unsigned id)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, id), got_len;
    const unsigned char *got;
    int rc = omcache_get(client, (unsigned char *)key, len, &got, &got_len, NULL, NULL, TIMEOUT_MS);
    if (rc == OMCACHE_OK) {
        ledger_judge(NULL, key, len, got, got_len);
    }
}

static void count_key(unsigned id)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_counter(key, id);
    uint64_t number;
    if (omcache_increment(client, (unsigned char *)key, len, 1, ledger_initial(id), 0, &number,
                          TIMEOUT_MS) == OMCACHE_OK) {
        ledger_judge_number(id, number);
    }
}

/* What both do then: numbers have no key by which those of the other would be known. */
static void use_client(void)
{
    for (int turn = 0; turn < TURNS; turn++) {
        if (dice(2)) {
            count_key(dice(LEDGER_COUNTERS));
        } else {
            read_key(dice(LEDGER_KEYS));
        }
    }
}

static void live(void)
{
    alarm(CHILD_SECONDS);
    dice_begin(dice(1u << 30), load_forks + 1); /* others than the parent's */
    ledger.wrong = 0;
    use_client();
    if (dice(2)) {
        omcache_free(client);
    }
    fixture_end_fork(ledger.wrong > 0);
}

/* Takes note of a child's end, if it has ended or is to be waited for. */
static void reap(pid_t *child, int flags)
{
    int status = 0;
    pid_t pid = *child > 0 ? waitpid(*child, &status, flags) : 0;
    if (pid <= 0) {
        return;
    }
    *child = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        ledger_wrong(&ledger.unended, "a child of a fork has not ended");
    } else if (status != 0) {
        ledger_wrong(&ledger.foreign, "a child of a fork ended with status %d", status);
    }
}

void load_fork(void)
{
    pid_t *child = &children[dice(CHILDREN)];
    reap(child, WNOHANG);
    if (*child > 0 || !dice_once_in(20)) {
        return;
    }
    fflush(stdout);
    *child = fork();
    if (*child == 0) {
        live();
    }
    ck_assert_msg(*child > 0, "fork: %s", strerror(errno));
    load_forks++;
    use_client();
}

void load_fork_finish(void)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        reap(&children[i], 0);
    }
}
