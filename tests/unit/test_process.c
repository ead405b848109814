/*
 * Noticing a fork, by the page that it wipes and by asking the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/process.h"

#include "support/fixture.h"

#include <sys/wait.h>
#include <unistd.h>

/* Whether each of a child, its child after it was noted, and this process is another. */
static int look(struct omc_process *process)
{
    int found = omc_process_is_other(process) ? 1 : 0;
    int status = 0;

    omc_process_note(process);
    found += omc_process_is_other(process) ? 2 : 0;
    if (fork() == 0)
        _exit(omc_process_is_other(process) ? 4 : 0);
    wait(&status);
    return found + WEXITSTATUS(status) + (omc_process_is_other(process) ? 8 : 0);
}

static void check_forks(struct omc_process *process)
{
    int status = 0;

    ck_assert(!omc_process_is_other(process));
    if (fork() == 0)
        _exit(look(process));
    wait(&status);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 1 + 4);
    ck_assert(!omc_process_is_other(process));
}

START_TEST(forks_are_noticed)
{
    struct omc_process process;

    omc_process_init(&process);
    check_forks(&process);
    omc_process_fini(&process);
    ck_assert_ptr_null((void *)process.mark);
}
END_TEST

START_TEST(forks_are_noticed_without_a_page)
{
    struct omc_process process;

    omc_process_init(&process);
    omc_process_fini(&process);
    check_forks(&process);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *tcase = tcase_create("process");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, forks_are_noticed);
    tcase_add_test(tcase, forks_are_noticed_without_a_page);
    return fixture_run(suite);
}
