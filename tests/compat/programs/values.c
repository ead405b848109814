/*
 * Values: large ones, too large ones, and any bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

enum { MEBIBYTE = 1048576, TWO_MEBIBYTES = 2097152 };

static void try_length(memcached_st *memc, const char *bytes, size_t length)
{
    size_t back = 0;
    memcached_return_t rc;
    uint32_t flags = 0;
    char *value;

    rc = memcached_set(memc, "large", 5, bytes, length, 0, 0xffffffffU);
    printf("set %zu: %d %s\n", length, rc, memcached_strerror(memc, rc));
    value = memcached_get(memc, "large", 5, &back, &flags, &rc);
    printf("get: %d, %zu, flags %u, %s\n", rc, back, flags,
           value == NULL                                         ? "none"
           : back == length && memcmp(value, bytes, length) == 0 ? "the same"
                                                                 : "different");
    if (value != NULL)
        printf("ends with %d\n", value[back]);
    free(value);
}

static void run(memcached_st *memc, const char *bytes)
{
    const size_t lengths[] = {1, 100, 1400, 8192, 65536, 1000000, MEBIBYTE + 1, TWO_MEBIBYTES, 5};
    size_t i;

    say(memc, "flush", memcached_flush(memc, 0));
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        try_length(memc, bytes, lengths[i]);
    say(memc, "append", memcached_append(memc, "large", 5, bytes, TWO_MEBIBYTES, 0, 0));
    try_length(memc, "\r\nEND\r\nVALUE k 0 1\r\n", 20);
    try_length(memc, "a\0b\0", 4);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    char *bytes = (char *)malloc(TWO_MEBIBYTES);
    size_t i;

    for (i = 0; i < TWO_MEBIBYTES; i++)
        bytes[i] = (char)(i * 31 + i / 7);
    run(memc, bytes);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc, bytes);
    free(bytes);
    memcached_free(memc);
    return 0;
}
