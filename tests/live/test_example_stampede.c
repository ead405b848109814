/*
 * The example of many readers, run as a program.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/child.h"
#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Runs it for a server list; its status as waitpid() has it. */
static int run(const char *servers)
{
    const char *build = getenv("B");
    char program[4096];
    int status = -1;
    snprintf(program, sizeof(program), "%s/examples/stampede", build ? build : "build");
    const char *argv[] = {program, servers, NULL};
    pid_t pid = child_start(argv);
    int64_t begun = clock_ms();
    while (!child_has_ended(pid, &status)) {
        ck_assert_int_lt(clock_ms() - begun, 20000);
        clock_sleep(5);
    }
    return status;
}

START_TEST(one_reader_makes_the_page)
{
    NOT_OVER_TLS;
    fixture_servers(3);
    int status = run(fleet.list);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(without_servers_it_goes_wrong)
{
    fixture_servers(1);
    memcached_kill(&fleet.servers[0]);
    int status = run(fleet.list);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("example_stampede");
    TCase *tcase = fixture_case(suite, "example");

    tcase_add_test(tcase, one_reader_makes_the_page);
    tcase_add_test(tcase, without_servers_it_goes_wrong);
    return fixture_run(suite);
}
