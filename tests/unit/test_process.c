/*
 * Noticing a fork, by the page that it wipes and by asking the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/process.h"

#include "support/fixture.h"
#include "support/real_call.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the kernel does with the page: all that it should, or what older and emulated ones do. */
static enum manner {
    WIPES,
    HAS_NO_MEMORY,
    KNOWS_NO_ADVICE,
    TAKES_ANY_ADVICE,
} kernel;

static size_t pages; /* that there are of it */

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    void *page;
    FIND_REAL(mmap);
    if (len != 1)
        return real(addr, len, prot, flags, fd, offset);
    if (kernel == HAS_NO_MEMORY) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    page = real(addr, len, prot, flags, fd, offset);
    pages += page != MAP_FAILED;
    return page;
}

int munmap(void *addr, size_t len)
{
    FIND_REAL(munmap);
    pages -= len == 1;
    return real(addr, len);
}

int madvise(void *addr, size_t len, int advice)
{
    FIND_REAL(madvise);
    if (len != 1 || kernel == WIPES)
        return real(addr, len, advice);
    if (kernel == TAKES_ANY_ADVICE)
        return 0;
    errno = EINVAL;
    return -1;
}

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
    ck_assert_uint_eq(pages, 1);
    check_forks(&process);
    omc_process_fini(&process);
    ck_assert_ptr_null((void *)process.mark);
    ck_assert_uint_eq(pages, 0);
}
END_TEST

/* A page that would not be wiped must not be relied on, nor kept. */
START_TEST(forks_are_noticed_where_the_kernel_wipes_no_page)
{
    struct omc_process process;

    kernel = (enum manner)_i;
    omc_process_init(&process);
    ck_assert_ptr_null((void *)process.mark);
    ck_assert_uint_eq(pages, 0);
    check_forks(&process);
    omc_process_fini(&process);
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
    tcase_add_loop_test(tcase, forks_are_noticed_where_the_kernel_wipes_no_page, HAS_NO_MEMORY,
                        TAKES_ANY_ADVICE + 1);
    tcase_add_test(tcase, forks_are_noticed_without_a_page);
    return fixture_run(suite);
}
