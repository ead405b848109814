/*
 * What the programs share.  Each gets a list of servers, host:port and a comma between
 * them, and prints what it finds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A client of the first `count` servers, or of all if that is 0. */
static inline memcached_st *connect_to(const char *list, unsigned count)
{
    memcached_server_st *servers = memcached_servers_parse(list), *some = NULL;
    memcached_st *memc = memcached_create(NULL);
    memcached_return_t rc;
    char host[64];
    int port, used;

    while (count > 0 && sscanf(list, "%63[^:]:%d%n", host, &port, &used) == 2) {
        some = memcached_server_list_append(some, host, (in_port_t)port, &rc);
        list += used + (list[used] == ',');
        count--;
    }
    memcached_server_push(memc, some != NULL ? some : servers);
    if (some != NULL)
        memcached_server_list_free(some);
    memcached_server_list_free(servers);
    return memc;
}

static inline void say(const memcached_st *memc, const char *what, memcached_return_t rc)
{
    printf("%s: %d %s\n", what, rc, memcached_strerror(memc, rc));
}

/* Gets a key and prints all that comes back. */
static inline void show(memcached_st *memc, const char *key)
{
    size_t length = 99;
    uint32_t flags = 99;
    memcached_return_t rc = MEMCACHED_FAILURE;
    char *value = memcached_get(memc, key, strlen(key), &length, &flags, &rc);

    printf("get %.20s: %d %.40s, %zu bytes, flags %u\n", key, rc, value == NULL ? "(null)" : value,
           length, flags);
    free(value);
}

#endif
