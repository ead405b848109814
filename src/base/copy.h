/*
 * Copying keys and values, which are short mostly.
 */
#ifndef OMC_BASE_COPY_H
#define OMC_BASE_COPY_H

#include <stddef.h>
#include <string.h>

/* memcpy, of a length that the compiler is not to know a limit of: for fewer than some thousand
 * bytes gcc would use an instruction of x86 that takes 20 ns to begin, where a call takes 2. */
static inline void omc_copy_bytes(void *to, const void *from, size_t len)
{
    __asm__("" : "+r"(len));
    memcpy(to, from, len);
}

#endif
