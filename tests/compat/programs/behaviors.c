/*
 * What is set of each behavior at first, and what setting it does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static const struct {
    memcached_behavior_t behavior;
    const char *name;
    uint64_t values[4];
} settings[] = {
    {MEMCACHED_BEHAVIOR_NO_BLOCK, "NO_BLOCK", {1, 0, 5, 0}},
    {MEMCACHED_BEHAVIOR_TCP_NODELAY, "TCP_NODELAY", {1, 0, 2, 1}},
    {MEMCACHED_BEHAVIOR_HASH, "HASH", {MEMCACHED_HASH_MD5, MEMCACHED_HASH_CRC, 99, 0}},
    {MEMCACHED_BEHAVIOR_HASH,
     "HASH",
     {MEMCACHED_HASH_CUSTOM, MEMCACHED_HASH_MURMUR, MEMCACHED_HASH_HSIEH, MEMCACHED_HASH_JENKINS}},
    {MEMCACHED_BEHAVIOR_KETAMA, "KETAMA", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, "KETAMA_WEIGHTED", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_DISTRIBUTION, "DISTRIBUTION", {1, 2, 3, 4}},
    {MEMCACHED_BEHAVIOR_DISTRIBUTION, "DISTRIBUTION", {5, 7, 99, 0}},
    {MEMCACHED_BEHAVIOR_KETAMA_HASH, "KETAMA_HASH", {MEMCACHED_HASH_MD5, 99, 0, 2}},
    {MEMCACHED_BEHAVIOR_SUPPORT_CAS, "SUPPORT_CAS", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_POLL_TIMEOUT, "POLL_TIMEOUT", {100, 1000, 4294967295U, 5000}},
    {MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, "CONNECT_TIMEOUT", {100, 1000, 2, 4000}},
    {MEMCACHED_BEHAVIOR_SND_TIMEOUT, "SND_TIMEOUT", {100, 1000000, 2, 0}},
    {MEMCACHED_BEHAVIOR_RCV_TIMEOUT, "RCV_TIMEOUT", {100, 1000000, 2, 0}},
    {MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, "RETRY_TIMEOUT", {0, 1, 30, 2}},
    {MEMCACHED_BEHAVIOR_DEAD_TIMEOUT, "DEAD_TIMEOUT", {1, 30, 2, 0}},
    {MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT, "SERVER_FAILURE_LIMIT", {0, 1, 30, 5}},
    {MEMCACHED_BEHAVIOR_SERVER_TIMEOUT_LIMIT, "SERVER_TIMEOUT_LIMIT", {1, 30, 2, 0}},
    {MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS, "AUTO_EJECT_HOSTS", {1, 0, 3, 0}},
    {MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS, "REMOVE_FAILED_SERVERS", {1, 0, 3, 0}},
    {MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, "BUFFER_REQUESTS", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_SORT_HOSTS, "SORT_HOSTS", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_VERIFY_KEY, "VERIFY_KEY", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY, "HASH_WITH_PREFIX_KEY", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_NOREPLY, "NOREPLY", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, "BINARY_PROTOCOL", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK, "IO_MSG_WATERMARK", {0, 1, 1000, 500}},
    {MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK, "IO_BYTES_WATERMARK", {0, 1, 1000, 65536}},
    {MEMCACHED_BEHAVIOR_IO_KEY_PREFETCH, "IO_KEY_PREFETCH", {0, 1, 1000, 0}},
    {MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, "TCP_KEEPALIVE", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_TCP_KEEPIDLE, "TCP_KEEPIDLE", {1, 60, 1, 0}},
    {MEMCACHED_BEHAVIOR_CORK, "CORK", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS, "NUMBER_OF_REPLICAS", {0, 0, 0, 0}},
    {MEMCACHED_BEHAVIOR_RANDOMIZE_REPLICA_READ, "RANDOMIZE_REPLICA_READ", {0, 1, 0, 0}},
    {MEMCACHED_BEHAVIOR_CACHE_LOOKUPS, "CACHE_LOOKUPS", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_USER_DATA, "USER_DATA", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_LOAD_FROM_FILE, "LOAD_FROM_FILE", {1, 0, 1, 0}},
    {MEMCACHED_BEHAVIOR_USE_UDP, "USE_UDP", {0, 0, 0, 0}},
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* Socket buffers are read back from a socket, and so are the kernel's to say. */
static unsigned long long get(memcached_st *memc, memcached_behavior_t behavior)
{
    if (behavior == MEMCACHED_BEHAVIOR_LOAD_FROM_FILE)
        return 0;
    return (unsigned long long)memcached_behavior_get(memc, behavior);
}

static void print_all(memcached_st *memc)
{
    int i;

    for (i = 0; i < SETTINGS; i++)
        printf("%s %llu\n", settings[i].name, get(memc, settings[i].behavior));
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    memcached_return_t rc;
    int i, j;

    print_all(memc);
    for (i = 0; i < SETTINGS; i++) {
        for (j = 0; j < 4; j++) {
            rc = memcached_behavior_set(memc, settings[i].behavior, settings[i].values[j]);
            printf("%s = %llu: %d, now %llu; ", settings[i].name,
                   (unsigned long long)settings[i].values[j], rc, get(memc, settings[i].behavior));
            printf("HASH %llu DISTRIBUTION %llu KETAMA %llu WEIGHTED %llu KETAMA_HASH %llu\n",
                   get(memc, MEMCACHED_BEHAVIOR_HASH), get(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION),
                   get(memc, MEMCACHED_BEHAVIOR_KETAMA),
                   get(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED),
                   get(memc, MEMCACHED_BEHAVIOR_KETAMA_HASH));
        }
    }
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    show(memc, "k");
    print_all(memc);
    memcached_free(memc);
    return 0;
}
