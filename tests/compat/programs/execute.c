/*
 * Functions that are called for results.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static memcached_return_t print_result(const memcached_st *memc, memcached_result_st *result,
                                       void *context)
{
    (void)memc;
    printf("%s: %.*s = %.*s, flags %u\n", (const char *)context,
           (int)memcached_result_key_length(result), memcached_result_key_value(result),
           (int)memcached_result_length(result), memcached_result_value(result),
           memcached_result_flags(result));
    return MEMCACHED_SUCCESS;
}

static memcached_return_t fail(const memcached_st *memc, memcached_result_st *result, void *context)
{
    (void)memc, (void)result, (void)context;
    puts("fail");
    return MEMCACHED_FAILURE;
}

static void run(memcached_st *memc)
{
    const char *keys[] = {"a", "b", "none", "c"};
    const size_t lengths[] = {1, 1, 4, 1};
    memcached_execute_fn print[] = {print_result}, both[] = {print_result, fail};
    char first[] = "first", second[] = "second";
    memcached_result_st *result;
    memcached_return_t rc;
    char *value;

    say(memc, "mget", memcached_mget(memc, keys, lengths, 4));
    say(memc, "fetch_execute", memcached_fetch_execute(memc, print, first, 1));
    say(memc, "fetch_execute", memcached_fetch_execute(memc, print, first, 1));
    say(memc, "mget", memcached_mget(memc, keys + 2, lengths + 2, 1));
    say(memc, "fetch_execute", memcached_fetch_execute(memc, print, first, 1));
    say(memc, "mget", memcached_mget(memc, keys, lengths, 4));
    say(memc, "fetch_execute", memcached_fetch_execute(memc, both, second, 2));
    say(memc, "mget_execute", memcached_mget_execute(memc, keys, lengths, 4, print, second, 1));
    say(memc, "fetch_execute", memcached_fetch_execute(memc, print, first, 1));
    say(memc, "mget_execute", memcached_mget_execute(memc, keys, lengths, 4, NULL, NULL, 0));
    value = memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc);
    printf("fetch: %d %s\n", rc, value == NULL ? "(null)" : value);
    free(value);
    while ((result = memcached_fetch_result(memc, NULL, &rc)) != NULL)
        memcached_result_free(result);
    say(memc, "end", rc);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    memcached_result_st own;

    say(memc, "set", memcached_set(memc, "a", 1, "1", 1, 0, 7));
    say(memc, "set", memcached_set(memc, "b", 1, "22", 2, 0, 8));
    say(memc, "set", memcached_set(memc, "c", 1, "333", 3, 0, 9));
    run(memc);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc);

    puts("=== a result of our own");
    memcached_result_create(memc, &own);
    say(memc, "set value", memcached_result_set_value(&own, "words", 5));
    memcached_result_set_flags(&own, 3);
    printf("%.*s %zu %u %zu\n", (int)memcached_result_length(&own), memcached_result_value(&own),
           memcached_result_length(&own), memcached_result_flags(&own),
           memcached_result_key_length(&own));
    memcached_result_reset(&own);
    printf("%zu %u\n", memcached_result_length(&own), memcached_result_flags(&own));
    memcached_result_free(&own);
    printf("user data: %d\n", memcached_set_user_data(memc, &own) == NULL);
    printf("user data: %d\n", memcached_get_user_data(memc) == &own);
    memcached_free(memc);
    return 0;
}
