/*
 * A page that forks wipe; see process.h.
 */
#include "base/process.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
    SIZE = 1, /* the kernel makes a page of it */
};

/* A byte that is 0 in every child; NULL if that cannot be had.  An emulated kernel may accept any
 * advice and follow none: that shows when it accepts advice that there is not. */
static volatile unsigned char *make_mark(void)
{
#ifdef MADV_WIPEONFORK
    void *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, SIZE, -1) != 0 && madvise(page, SIZE, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, SIZE);
#endif
    return NULL;
}

void omc_process_init(struct omc_process *process)
{
    process->mark = make_mark();
    omc_process_note(process);
}

void omc_process_fini(struct omc_process *process)
{
    if (process->mark != NULL)
        munmap((void *)process->mark, SIZE);
    process->mark = NULL;
}

bool omc_process_has_other_pid(const struct omc_process *process)
{
    return getpid() != process->pid;
}

void omc_process_note(struct omc_process *process)
{
    process->pid = getpid();
    if (process->mark != NULL)
        *process->mark = 1;
}
