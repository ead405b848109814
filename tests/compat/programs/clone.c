/*
 * Clients in memory of our own, and copies of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void describe(memcached_st *memc, const char *what)
{
    const char *prefix =
        (const char *)memcached_callback_get(memc, MEMCACHED_CALLBACK_PREFIX_KEY, NULL);
    char key[16];
    int i;

    printf("%s: %u servers, prefix %s, binary %u, hash %u, distribution %u, weighted %u, ", what,
           memcached_server_count(memc), prefix == NULL ? "(null)" : prefix,
           (unsigned)memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL),
           (unsigned)memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_HASH),
           (unsigned)memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION),
           (unsigned)memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED));
    printf("timeout %u, ", (unsigned)memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT));
    for (i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        printf("%u", memcached_generate_hash(memc, key, strlen(key)));
    }
    putchar('\n');
    say(memc, "set", memcached_set(memc, "k", 1, what, strlen(what), 0, 0));
    show(memc, "k");
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 0), *copy, stacked, stacked_copy;
    memcached_server_st *servers;

    copy = memcached_clone(NULL, NULL);
    printf("of nothing: %u servers\n", memcached_server_count(copy));
    memcached_free(copy);
    describe(memc, "plain");
    copy = memcached_clone(NULL, memc);
    describe(copy, "its copy");
    memcached_free(copy);

    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 2345);
    memcached_callback_set(memc, MEMCACHED_CALLBACK_PREFIX_KEY, "pre:");
    describe(memc, "with settings");
    copy = memcached_clone(&stacked_copy, memc);
    printf("in our memory: %d\n", copy == &stacked_copy);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 1);
    describe(copy, "copy in our memory");
    memcached_free(memc);
    show(copy, "k");
    memcached_free(copy);

    printf("created: %d\n", memcached_create(&stacked) == &stacked);
    servers = memcached_servers_parse(argv[argc - 1]);
    memcached_server_push(&stacked, servers);
    memcached_server_list_free(servers);
    describe(&stacked, "on the stack");
    copy = memcached_clone(NULL, &stacked);
    describe(copy, "copy from the stack");
    memcached_servers_reset(copy);
    printf("reset: %u servers\n", memcached_server_count(copy));
    say(copy, "push", memcached_push(copy, &stacked));
    describe(copy, "pushed");
    memcached_free(copy);
    memcached_free(&stacked);
    memcached_free(NULL);
    return 0;
}
