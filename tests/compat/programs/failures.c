/*
 * No servers, servers that refuse connections, and names that do not exist.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

#include <unistd.h>

static void try_all(memcached_st *memc)
{
    const char *keys[] = {"a", "b"};
    size_t lengths[] = {1, 1};
    memcached_return_t rc;
    uint64_t n = 7;

    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    say(memc, "set again", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    show(memc, "k");
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    say(memc, "increment", memcached_increment(memc, "k", 1, 1, &n));
    printf("n %d\n", n == UINT64_MAX ? -1 : (int)n);
    say(memc, "delete", memcached_delete(memc, "k", 1, 0));
    say(memc, "touch", memcached_touch(memc, "k", 1, 0));
    say(memc, "exist", memcached_exist(memc, "k", 1));
    say(memc, "flush", memcached_flush(memc, 0));
    say(memc, "flush_buffers", memcached_flush_buffers(memc));
    say(memc, "version", memcached_version(memc));
    memcached_stat_free(memc, memcached_stat(memc, NULL, &rc));
    say(memc, "stat", rc);
}

static void with_server(const char *host, in_port_t port, const char *what)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_return_t rc;

    printf("--- %s\n", what);
    say(memc, "add", memcached_server_add(memc, host, port));
    try_all(memc);
    memcached_quit(memc);
    say(memc, "set after quit", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    memcached_free(memc);

    puts("first a get");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, port);
    show(memc, "k");
    memcached_free(memc);
    puts("first a mget");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, port);
    {
        const char *keys[] = {"a", "b"};
        size_t lengths[] = {1, 1};

        say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
        free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
        say(memc, "fetch", rc);
    }
    memcached_free(memc);
    puts("first a flush");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, port);
    say(memc, "flush", memcached_flush(memc, 0));
    memcached_free(memc);
    puts("first a version");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, port);
    say(memc, "version", memcached_version(memc));
    memcached_free(memc);
    puts("first a stat");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, port);
    memcached_stat_free(memc, memcached_stat(memc, NULL, &rc));
    say(memc, "stat", rc);
    memcached_free(memc);
    puts("binary");
    memc = memcached_create(NULL);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    memcached_server_add(memc, host, port);
    try_all(memc);
    memcached_free(memc);
}

/* Multi-gets of keys that belong to one or the other. */
static void with_two(const char *host, in_port_t port, uint64_t binary)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_return_t rc;
    char name[8];

    printf("--- one of two, %s\n", binary ? "binary" : "text");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, binary);
    memcached_server_add(memc, host, 1);
    memcached_server_add(memc, host, port);
    for (int i = 0; i < 8; i++) {
        const char *key = name;
        size_t length = (size_t)snprintf(name, sizeof(name), "q%d", i);

        say(memc, "mget", memcached_mget(memc, &key, &length, 1));
        free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
        say(memc, "fetch", rc);
        printf("last error %d\n", memcached_last_error(memc));
    }
    memcached_free(memc);
}

int main(int argc, char **argv)
{
    memcached_st *memc = memcached_create(NULL);
    char host[64];
    int port;

    puts("--- no servers");
    try_all(memc);
    memcached_free(memc);
    if (sscanf(argv[argc - 1], "%63[^:]:%d", host, &port) != 2)
        return 1;
    with_server(host, 1, "refused");
    with_server("no-such-host.invalid", 11211, "unresolvable");

    with_two(host, (in_port_t)port, 0);
    with_two(host, (in_port_t)port, 1);

    puts("--- retried");
    memc = memcached_create(NULL);
    memcached_server_add(memc, host, 1);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 1);
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    say(memc, "set again", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    sleep(3);
    say(memc, "set later", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    say(memc, "set again", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    memcached_free(memc);
    return 0;
}
