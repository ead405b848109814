/*
 * Multi-gets and their ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static const char *const keys[] = {"fudge", "son", "food", "missing"};
static const size_t lengths[] = {5, 3, 4, 7};

static void fetch_all(memcached_st *memc, size_t count)
{
    char key[MEMCACHED_MAX_KEY];
    size_t key_length, value_length;
    memcached_return_t rc;
    uint32_t flags;
    char *value;
    int ends = 0;

    say(memc, "mget", memcached_mget(memc, keys, lengths, count));
    while (ends < 3) {
        key_length = value_length = 99;
        flags = 99;
        memset(key, 'x', sizeof(key));
        value = memcached_fetch(memc, key, &key_length, &value_length, &flags, &rc);
        if (value == NULL)
            printf("no value: %d, %zu, %zu, %u\n", rc, key_length, value_length, flags);
        else
            printf("%.*s = %s: %d, %zu, %u\n", (int)key_length, key, value, rc, value_length,
                   flags);
        ends += value == NULL;
        free(value);
    }
}

static void fetch_results(memcached_st *memc, size_t first, size_t count, memcached_result_st *own)
{
    memcached_result_st *result;
    memcached_return_t rc;
    int ends = 0;

    say(memc, "mget", memcached_mget(memc, keys + first, lengths + first, count));
    while (ends < 2) {
        result = memcached_fetch_result(memc, own, &rc);
        if (result == NULL) {
            printf("no result: %d\n", rc);
            ends++;
            continue;
        }
        printf("%.*s = %.*s: %d, %zu, %zu, %u, cas %d%s\n",
               (int)memcached_result_key_length(result), memcached_result_key_value(result),
               (int)memcached_result_length(result), memcached_result_value(result), rc,
               memcached_result_key_length(result), memcached_result_length(result),
               memcached_result_flags(result), memcached_result_cas(result) != 0,
               result == own ? ", our own" : "");
        if (result != own)
            memcached_result_free(result);
    }
}

static void run(memcached_st *memc)
{
    memcached_result_st own, *made;
    memcached_return_t rc;
    char *taken;

    fetch_all(memc, 4);
    fetch_all(memc, 1);
    say(memc, "mget of nothing", memcached_mget(memc, keys, lengths, 0));
    say(memc, "mget of NULL", memcached_mget(memc, NULL, NULL, 0));
    puts("--- results of the library");
    fetch_results(memc, 0, 4, NULL);
    fetch_results(memc, 3, 1, NULL);
    puts("--- results of our own");
    if (memcached_result_create(memc, &own) != &own)
        puts("memcached_result_create has made another one");
    fetch_results(memc, 0, 4, &own);
    fetch_results(memc, 3, 1, &own);
    fetch_results(memc, 1, 2, &own);
    memcached_result_free(&own);
    made = memcached_result_create(memc, NULL);
    say(memc, "mget", memcached_mget(memc, keys, lengths, 1));
    made = memcached_fetch_result(memc, made, &rc);
    if (made != NULL) {
        printf("taken of %zu\n", memcached_result_length(made));
        taken = memcached_result_take_value(made);
        printf("%.5s, left %zu\n", taken, memcached_result_length(made));
        free(taken);
        memcached_result_free(made);
    }
    puts("--- an empty value");
    (void)memcached_fetch_result(memc, NULL, &rc); /* or the end of the values before is left */
    say(memc, "set", memcached_set(memc, "fudge", 5, "", 0, 0, 0));
    say(memc, "mget", memcached_mget(memc, keys, lengths, 1));
    made = memcached_fetch_result(memc, NULL, &rc);
    say(memc, "fetch", rc);
    if (made != NULL) {
        taken = memcached_result_take_value(made);
        puts(taken == NULL ? "nothing is taken" : "something is taken");
        free(taken);
        memcached_result_free(made);
    }
    say(memc, "end", memcached_fetch_result(memc, NULL, &rc) == NULL ? rc : MEMCACHED_FAILURE);
    say(memc, "mget without keys", memcached_mget(memc, NULL, lengths, 1));
    say(memc, "mget without lengths", memcached_mget(memc, keys, NULL, 1));
    puts("--- another command in between");
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    show(memc, "food");
    show(memc, "missing");
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    say(memc, "set", memcached_set(memc, "other", 5, "o", 1, 0, 0));
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    say(memc, "mget again", memcached_mget(memc, keys + 2, lengths + 2, 1));
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    memcached_quit(memc);
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch after quit", rc);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    memcached_return_t rc;
    size_t i;

    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch of nothing", rc);
    for (i = 0; i < 3; i++)
        say(memc, "set", memcached_set(memc, keys[i], lengths[i], keys[i], lengths[i], 50, 9));
    run(memc);
    puts("=== with an empty value");
    say(memc, "set", memcached_set(memc, "son", 3, NULL, 0, 50, 10));
    fetch_all(memc, 4);
    fetch_results(memc, 0, 4, NULL);
    say(memc, "set", memcached_set(memc, "son", 3, "son", 3, 50, 9));
    puts("=== with cas");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
    fetch_results(memc, 0, 4, NULL);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc);
    memcached_free(memc);
    return 0;
}
