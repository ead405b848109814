/*
 * Every way to store, in both of libmemcached's protocols.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

/* The cas of a key, by way of a multi-get. */
static uint64_t cas_of(memcached_st *memc, const char *key)
{
    const char *keys[] = {key};
    size_t lengths[] = {strlen(key)};
    memcached_return_t rc;
    memcached_result_st *result;
    uint64_t cas = 0;

    say(memc, "mget", memcached_mget(memc, keys, lengths, 1));
    result = memcached_fetch_result(memc, NULL, &rc);
    say(memc, "fetch_result", rc);
    if (result != NULL) {
        cas = memcached_result_cas(result);
        memcached_result_free(result);
    }
    result = memcached_fetch_result(memc, NULL, &rc);
    printf("end: %d %s\n", rc, result == NULL ? "no result" : "a result");
    return cas;
}

static void store(memcached_st *memc)
{
    uint64_t cas;

    say(memc, "flush", memcached_flush(memc, 0));
    show(memc, "k");
    say(memc, "replace missing", memcached_replace(memc, "k", 1, "r", 1, 0, 0));
    say(memc, "append missing", memcached_append(memc, "k", 1, "r", 1, 0, 0));
    say(memc, "prepend missing", memcached_prepend(memc, "k", 1, "r", 1, 0, 0));
    say(memc, "cas missing", memcached_cas(memc, "k", 1, "r", 1, 0, 0, 77));
    say(memc, "add", memcached_add(memc, "k", 1, "added", 5, 0, 1));
    show(memc, "k");
    say(memc, "add again", memcached_add(memc, "k", 1, "again", 5, 0, 2));
    show(memc, "k");
    say(memc, "replace", memcached_replace(memc, "k", 1, "replaced", 8, 0, 3));
    show(memc, "k");
    say(memc, "append", memcached_append(memc, "k", 1, "+behind", 7, 0, 4));
    say(memc, "prepend", memcached_prepend(memc, "k", 1, "front+", 6, 100, 5));
    show(memc, "k");
    say(memc, "set", memcached_set(memc, "k", 1, "set", 3, 100, 6));
    show(memc, "k");
    cas = cas_of(memc, "k");
    printf("cas %s\n", cas == 0 ? "0" : "known");
    say(memc, "cas", memcached_cas(memc, "k", 1, "swapped", 7, 0, 8, cas));
    show(memc, "k");
    say(memc, "cas stale", memcached_cas(memc, "k", 1, "stale", 5, 0, 9, cas));
    show(memc, "k");
    say(memc, "set empty", memcached_set(memc, "k", 1, "", 0, 0, 10));
    show(memc, "k");
    say(memc, "set null", memcached_set(memc, "k", 1, NULL, 0, 0, 11));
    show(memc, "k");
    say(memc, "delete later", memcached_delete(memc, "k", 1, 10));
    show(memc, "k");
    say(memc, "delete", memcached_delete(memc, "k", 1, 0));
    say(memc, "delete missing", memcached_delete(memc, "k", 1, 0));
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);

    say(memc, "SUPPORT_CAS", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1));
    puts("--- text");
    store(memc);
    puts("--- binary");
    say(memc, "BINARY_PROTOCOL",
        memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1));
    store(memc);
    memcached_free(memc);
    return 0;
}
