/*
 * A server on a unix socket, whose path comes in front of the others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void use(memcached_st *memc)
{
    const memcached_instance_st *server = memcached_server_instance_by_position(memc, 0);

    printf("%d %s %u\n", memcached_server_count(memc), memcached_server_type(server),
           memcached_server_port(server));
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 0, 4));
    show(memc, "k");
    say(memc, "delete", memcached_delete(memc, "k", 1, 0));
    memcached_free(memc);
}

int main(int argc, char **argv)
{
    const char *path = argv[1];
    memcached_st *memc = memcached_create(NULL);
    memcached_server_st *servers;
    char config[200];

    if (argc < 3)
        return 1;
    say(memc, "add", memcached_server_add_unix_socket(memc, path));
    use(memc);

    memc = memcached_create(NULL);
    servers = memcached_servers_parse(path);
    say(memc, "push", memcached_server_push(memc, servers));
    memcached_server_list_free(servers);
    use(memc);

    snprintf(config, sizeof(config), "--SOCKET=\"%s\" --BINARY-PROTOCOL", path);
    memc = memcached(config, strlen(config));
    use(memc);
    return 0;
}
