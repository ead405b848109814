/*
 * Noticing that this is another process: a child of the one in which something was made.
 */
#ifndef OMC_BASE_PROCESS_H
#define OMC_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A process as it is remembered.  To ask the kernel costs more than many a call should, so
 * where the kernel knows how, it wipes a page of memory in every child instead. */
struct omc_process {
    volatile unsigned char *mark; /* 1, or 0 in a child; NULL: to be asked */
    pid_t pid;
};

/* Remembers this process.  Without memory for the page the kernel is asked. */
void omc_process_init(struct omc_process *process);
void omc_process_fini(struct omc_process *process);

bool omc_process_has_other_pid(const struct omc_process *process);

/* Whether this is another process than the one remembered. */
static inline bool omc_process_is_other(const struct omc_process *process)
{
    return process->mark != NULL ? *process->mark == 0 : omc_process_has_other_pid(process);
}

/* Remembers this one from now on. */
void omc_process_note(struct omc_process *process);

#endif
