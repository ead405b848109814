/*
 * Keys that are none, and those that are just short enough.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static char longest[300];

static void try_length(memcached_st *memc, size_t length)
{
    const char *keys[] = {longest};
    memcached_return_t rc;
    size_t value_length = 99;
    uint64_t n = 0;
    uint32_t flags = 99;
    char *value;

    printf("--- %zu bytes\n", length);
    say(memc, "set", memcached_set(memc, longest, length, "1", 1, 0, 0));
    say(memc, "add", memcached_add(memc, longest, length, "1", 1, 0, 0));
    say(memc, "append", memcached_append(memc, longest, length, "1", 1, 0, 0));
    say(memc, "cas", memcached_cas(memc, longest, length, "1", 1, 0, 0, 1));
    value = memcached_get(memc, longest, length, &value_length, &flags, &rc);
    printf("get: %d, %zu bytes, %s\n", rc, value_length, value == NULL ? "(null)" : value);
    free(value);
    say(memc, "mget", memcached_mget(memc, keys, &length, 1));
    do {
        value = memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc);
        printf("fetch: %d, %s\n", rc, value == NULL ? "(null)" : "a value");
        free(value);
    } while (rc == MEMCACHED_SUCCESS);
    say(memc, "increment", memcached_increment(memc, longest, length, 1, &n));
    say(memc, "touch", memcached_touch(memc, longest, length, 10));
    say(memc, "delete", memcached_delete(memc, longest, length, 0));
    rc = MEMCACHED_SUCCESS; /* which is not set if all is well */
    (void)memcached_server_by_key(memc, longest, length, &rc);
    say(memc, "server_by_key", rc);
    say(memc, "set by key", memcached_set_by_key(memc, "k", 1, longest, length, "1", 1, 0, 0));
}

static void try_all(memcached_st *memc)
{
    const size_t lengths[] = {1, 250, 251, 299, 0};
    size_t i;

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        try_length(memc, lengths[i]);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);

    memset(longest, 'k', sizeof(longest));
    try_all(memc);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    try_all(memc);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 0);

    puts("=== verified");
    say(memc, "VERIFY_KEY", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_VERIFY_KEY, 1));
    say(memc, "set plain", memcached_set(memc, "plain", 5, "1", 1, 0, 0));
    say(memc, "set blank", memcached_set(memc, "a b", 3, "1", 1, 0, 0));
    say(memc, "set newline", memcached_set(memc, "a\nb", 3, "1", 1, 0, 0));
    say(memc, "get control", memcached_delete(memc, "\001", 1, 0));
    show(memc, "a b");
    show(memc, "plain");
    memcached_free(memc);
    return 0;
}
