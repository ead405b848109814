/*
 * Statistics and versions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static memcached_return_t count_one(const memcached_instance_st *server, const char *key,
                                    size_t key_length, const char *value, size_t value_length,
                                    void *context)
{
    int *count = (int *)context;

    if (key_length == 7 && memcmp(key, "pointer", 7) == 0)
        printf("odd: %.*s\n", (int)value_length, value);
    if (key_length == 12 && memcmp(key, "pointer_size", 12) == 0)
        printf("%s has pointers of %.*s\n", memcached_server_type(server), (int)value_length,
               value);
    (*count)++;
    return MEMCACHED_SUCCESS;
}

static memcached_return_t tell_version(const memcached_st *memc,
                                       const memcached_instance_st *server, void *context)
{
    (void)memc, (void)context;
    printf("version %u.%u.%u\n", memcached_server_major_version(server),
           memcached_server_minor_version(server), memcached_server_micro_version(server));
    return MEMCACHED_SUCCESS;
}

static void run(memcached_st *memc, const char *host, int port)
{
    memcached_server_fn callbacks[] = {tell_version};
    char items[] = "items", nonsense[] = "nonsense", settings[] = "settings";
    memcached_stat_st *stats, one;
    memcached_return_t rc;
    char **keys, *value;
    uint32_t i;
    int count;

    memcached_server_cursor(memc, callbacks, NULL, 1);
    say(memc, "version", memcached_version(memc));
    memcached_server_cursor(memc, callbacks, NULL, 1);
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    stats = memcached_stat(memc, NULL, &rc);
    say(memc, "stat", rc);
    if (stats == NULL)
        return;
    for (i = 0; i < memcached_server_count(memc); i++)
        printf(
            "server %u: version %s, items %lu, limit %llu, threads %lu, pointers %lu, misses %d\n",
            i, stats[i].version, stats[i].curr_items, stats[i].limit_maxbytes, stats[i].threads,
            stats[i].pointer_size, (int)stats[i].get_misses >= 0);
    keys = memcached_stat_get_keys(memc, stats, &rc);
    say(memc, "keys", rc);
    for (count = 0; keys != NULL && keys[count] != NULL; count++) {
        value = memcached_stat_get_value(memc, stats, keys[count], &rc);
        printf("%s %d", keys[count], rc);
        if (strcmp(keys[count], "version") == 0 || strcmp(keys[count], "curr_items") == 0 ||
            strcmp(keys[count], "limit_maxbytes") == 0 || strcmp(keys[count], "threads") == 0)
            printf(" %s", value);
        putchar('\n');
        free(value);
    }
    free(keys);
    value = memcached_stat_get_value(memc, stats, "nonsense", &rc);
    printf("nonsense: %d, %s\n", rc, value == NULL ? "(null)" : value);
    memcached_stat_free(memc, stats);

    say(memc, "stat_servername", memcached_stat_servername(&one, NULL, host, (in_port_t)port));
    printf("%s %lu\n", one.version, one.pointer_size);
    count = 0;
    say(memc, "stat_execute", memcached_stat_execute(memc, NULL, count_one, &count));
    printf("many: %d\n", count > 20);
    count = 0;
    say(memc, "items", memcached_stat_execute(memc, items, count_one, &count));
    printf("many: %d\n", count > 5);
    count = 0;
    say(memc, "settings", memcached_stat_execute(memc, settings, count_one, &count));
    printf("many: %d\n", count > 20);
    count = 0;
    rc = memcached_stat_execute(memc, nonsense, count_one, &count);
    printf("nonsense fails: %d, %d\n", memcached_failed(rc), count);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 2);
    char host[64];
    int port;

    if (sscanf(argv[argc - 1], "%63[^:]:%d", host, &port) != 2)
        return 1;
    run(memc, host, port);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc, host, port);
    memcached_free(memc);
    return 0;
}
