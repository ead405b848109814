/*
 * Copying and comparing keys and values, which are short mostly.
 */
#ifndef OMC_BASE_COPY_H
#define OMC_BASE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* memcpy, of a length that the compiler is not to know a limit of: for fewer than some thousand
 * bytes gcc would use an instruction of x86 that takes 20 ns to begin, where a call takes 2. */
static inline void omc_copy_bytes(void *to, const void *from, size_t len)
{
    __asm__("" : "+r"(len));
    memcpy(to, from, len);
}

/* Whether eight bytes are equal. */
static inline bool omc_copy_equals_eight(const unsigned char *a, const unsigned char *b)
{
    uint64_t first, second;

    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    return first == second;
}

/* Whether all are: memcmp without a call, for those who often find it so.  The last step overlaps
 * the one before. */
static inline bool omc_copy_equals(const unsigned char *a, const unsigned char *b, size_t len)
{
    const size_t step = sizeof(uint64_t);

    if (len < step)
        return memcmp(a, b, len) == 0;
    for (size_t at = 0; at < len - step; at += step) {
        if (!omc_copy_equals_eight(a + at, b + at))
            return false;
    }
    return omc_copy_equals_eight(a + len - step, b + len - step);
}

#endif
