/*
 * Lists of servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static memcached_return_t print_server(const memcached_st *memc,
                                       const memcached_instance_st *server, void *context)
{
    (void)memc;
    printf("  %s %s %u %s\n", (const char *)context, memcached_server_name(server),
           memcached_server_port(server), memcached_server_type(server));
    return MEMCACHED_SUCCESS;
}

static memcached_return_t stop(const memcached_st *memc, const memcached_instance_st *server,
                               void *context)
{
    (void)memc, (void)server;
    (*(int *)context)++;
    return MEMCACHED_NOTFOUND;
}

static void print_servers(memcached_st *memc, const char *what)
{
    memcached_server_fn callbacks[] = {print_server};
    char here[] = "-";

    printf("%s: %u servers\n", what, memcached_server_count(memc));
    memcached_server_cursor(memc, callbacks, here, 1);
}

static void parse(const char *text)
{
    memcached_server_st *servers = memcached_servers_parse(text);
    memcached_st *memc = memcached_create(NULL);

    printf("[%s]: %s, %u\n", text, servers == NULL ? "NULL" : "servers",
           servers == NULL ? 0 : memcached_server_list_count(servers));
    if (servers != NULL)
        say(memc, "push", memcached_server_push(memc, servers));
    print_servers(memc, "pushed");
    memcached_server_list_free(servers);
    memcached_free(memc);
}

static void append(void)
{
    memcached_server_st *servers = NULL;
    memcached_st *memc = memcached_create(NULL);
    memcached_server_fn two[] = {stop, print_server};
    memcached_return_t rc;
    int calls = 0;

    printf("count of NULL: %u\n", memcached_server_list_count(NULL));
    servers = memcached_server_list_append(NULL, "one", 0, &rc);
    say(memc, "append", rc);
    servers = memcached_server_list_append(servers, "two", 7, &rc);
    servers = memcached_server_list_append_with_weight(servers, "three", 8, 5, &rc);
    servers = memcached_server_list_append(servers, "/path/to/socket", 9, NULL);
    say(memc, "append", rc);
    printf("count %u\n", memcached_server_list_count(servers));
    say(memc, "push", memcached_server_push(memc, servers));
    print_servers(memc, "once");
    say(memc, "push", memcached_server_push(memc, servers));
    print_servers(memc, "twice");
    say(memc, "push NULL", memcached_server_push(memc, NULL));
    memcached_server_list_free(servers);
    say(memc, "cursor", memcached_server_cursor(memc, two, &calls, 1));
    printf("calls %d\n", calls);
    memcached_servers_reset(memc);
    print_servers(memc, "reset");
    memcached_server_list_free(NULL);
    memcached_free(memc);
}

static void add(void)
{
    memcached_st *memc = memcached_create(NULL);
    const memcached_instance_st *server;

    say(memc, "add", memcached_server_add(memc, "host", 1234));
    say(memc, "add with weight", memcached_server_add_with_weight(memc, "weighty", 0, 3));
    say(memc, "add NULL", memcached_server_add(memc, NULL, 0));
    say(memc, "add empty", memcached_server_add(memc, "", 0));
    say(memc, "add v6", memcached_server_add(memc, "::1", 11212));
    say(memc, "add socket", memcached_server_add_unix_socket(memc, "/tmp/no-such"));
    say(memc, "add socket", memcached_server_add_unix_socket_with_weight(memc, "/tmp/none", 2));
    say(memc, "add no socket", memcached_server_add_unix_socket(memc, NULL));
    say(memc, "add udp", memcached_server_add_udp(memc, "host", 1));
    print_servers(memc, "added");
    server = memcached_server_instance_by_position(memc, 1);
    printf("second: %s\n", server == NULL ? "(null)" : memcached_server_name(server));
    say(memc, "SORT_HOSTS", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SORT_HOSTS, 1));
    print_servers(memc, "sorted");
    say(memc, "add", memcached_server_add(memc, "a", 2));
    say(memc, "add", memcached_server_add(memc, "a", 10));
    print_servers(memc, "sorted again");
    memcached_free(memc);
}

int main(void)
{
    parse("localhost");
    parse("localhost:1234");
    parse("a,b:2,c:3");
    parse("a, b:2, c:3");
    parse("a:1:5,b:2:6");
    parse("a:1 5,b:2 6");
    parse("[::1]:11212,[::1]");
    parse("10.0.0.1:11211,10.0.0.2:11212,10.0.0.3");
    parse("/tmp/socket");
    parse("/tmp/socket,host");
    append();
    add();
    return 0;
}
