/*
 * A server that takes connections and never says anything.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* Listens on the host of the first server, and returns the port. */
static in_port_t listen_at(const char *list, char *host, int *fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int port;

    if (sscanf(list, "%63[^:]:%d", host, &port) != 2)
        exit(1);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        exit(1);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, size) != 0 || listen(*fd, 50) != 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &size) != 0)
        exit(1);
    return ntohs(address.sin_port);
}

static void try_all(memcached_st *memc)
{
    const char *keys[] = {"a", "b"};
    const size_t lengths[] = {1, 1};
    memcached_return_t rc;
    uint64_t n = 0;

    show(memc, "k");
    show(memc, "k");
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 0));
    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    free(memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc));
    say(memc, "fetch", rc);
    say(memc, "increment", memcached_increment(memc, "k", 1, 1, &n));
    printf("%d\n", n == UINT64_MAX);
    say(memc, "delete", memcached_delete(memc, "k", 1, 0));
    say(memc, "touch", memcached_touch(memc, "k", 1, 0));
}

int main(int argc, char **argv)
{
    memcached_st *memc = memcached_create(NULL);
    char host[64];
    int fd;
    in_port_t port = listen_at(argv[argc - 1], host, &fd);

    memcached_server_add(memc, host, port);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 50);
    try_all(memc);
    say(memc, "flush", memcached_flush(memc, 0));
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    try_all(memc);
    memcached_free(memc);
    close(fd);
    return 0;
}
