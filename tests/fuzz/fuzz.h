/*
 * What the fuzz targets have in common.  Each is one file, fuzz_*.c, that defines
 * LLVMFuzzerTestOneInput: libFuzzer calls that (`make fuzz`), or replay.c does with the
 * inputs that are kept in corpus/ (`make check`).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tries one input; always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What must be true whatever the input is. */
#define FUZZ_CHECK(condition)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* An input that is taken apart from its front; behind its end it has zeros. */
struct fuzz_input {
    const unsigned char *at;
    const unsigned char *end;
};

static inline struct fuzz_input fuzz_input(const uint8_t *bytes, size_t size)
{
    return (struct fuzz_input){bytes, bytes + size};
}

static inline size_t fuzz_left(const struct fuzz_input *in)
{
    return (size_t)(in->end - in->at);
}

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static inline uint32_t fuzz_number(struct fuzz_input *in)
{
    uint32_t number = 0;

    for (int i = 0; i < 4; i++)
        number = number << 8 | fuzz_byte(in);
    return number;
}

/* Takes up to len bytes; how many there were. */
static inline size_t fuzz_bytes(struct fuzz_input *in, size_t len, const unsigned char **bytes)
{
    if (len > fuzz_left(in))
        len = fuzz_left(in);
    *bytes = in->at;
    in->at += len;
    return len;
}

/* A copy in memory of just that size, so that a sanitizer sees every step beyond it. */
static inline unsigned char *fuzz_copy(const void *bytes, size_t len)
{
    unsigned char *copy = malloc(len == 0 ? 1 : len);

    FUZZ_CHECK(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

#endif
