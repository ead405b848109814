/*
 * The program that every tutorial has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    memcached_server_st *servers = NULL;
    memcached_st *memc;
    memcached_return rc;
    const char *key = "keystring";
    const char *value = "keyvalue";
    char *retrieved_value;
    char host[64];
    size_t value_length;
    uint32_t flags;
    int port;

    if (argc < 2 || sscanf(argv[argc - 1], "%63[^:]:%d", host, &port) != 2)
        return 1;
    memc = memcached_create(NULL);
    servers = memcached_server_list_append(servers, host, (in_port_t)port, &rc);
    rc = memcached_server_push(memc, servers);
    if (rc == MEMCACHED_SUCCESS)
        printf("Added server successfully\n");
    else
        printf("Couldn't add server: %s\n", memcached_strerror(memc, rc));
    memcached_server_list_free(servers);

    rc = memcached_set(memc, key, strlen(key), value, strlen(value), (time_t)0, (uint32_t)7);
    if (rc == MEMCACHED_SUCCESS)
        printf("Key stored successfully\n");
    else
        printf("Couldn't store key: %s\n", memcached_strerror(memc, rc));

    retrieved_value = memcached_get(memc, key, strlen(key), &value_length, &flags, &rc);
    if (rc == MEMCACHED_SUCCESS) {
        printf("The key '%s' returned value '%s' of %d bytes, flags %u\n", key, retrieved_value,
               (int)value_length, flags);
        free(retrieved_value); /* declared by the header */
    } else {
        printf("Couldn't retrieve key: %s\n", memcached_strerror(memc, rc));
    }

    rc = memcached_delete(memc, key, strlen(key), (time_t)0);
    printf("delete: %s\n", memcached_strerror(memc, rc));
    retrieved_value = memcached_get(memc, key, strlen(key), &value_length, &flags, &rc);
    printf("get: %s, %s, %zu bytes\n", memcached_strerror(memc, rc),
           retrieved_value == NULL ? "no value" : "a value", value_length);
    rc = memcached_delete(memc, key, strlen(key), 0);
    printf("delete again: %d %s\n", rc, memcached_strerror(NULL, rc));
    memcached_quit(memc);
    memcached_free(memc);
    return 0;
}
