/*
 * Lists of servers and a client's servers.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_SERVERS_H
#define OMCACHE_LIBMEMCACHED_SERVERS_H

#include <omcache/libmemcached/request.h>

/*
 * Lists.
 */

static inline uint32_t memcached_server_list_count(memcached_server_list_st list)
{
    return list == NULL ? 0 : list->count;
}

static inline void memcached_server_list_free(memcached_server_list_st list)
{
    free(list);
}

static inline void memcached_server_free(memcached_server_st *server)
{
    free(server);
}

/* Fills in a server.  A path means a unix socket.  NULL means this machine. */
static inline memcached_return_t omc_lm_fill_server(memcached_server_st *server, const char *host,
                                                    size_t host_length, in_port_t port,
                                                    uint32_t weight)
{
    if (host == NULL || host_length == 0) {
        host = "localhost";
        host_length = strlen(host);
    }
    if (host_length >= sizeof(server->hostname))
        return MEMCACHED_INVALID_ARGUMENTS;
    memset(server, 0, sizeof(*server));
    memcpy(server->hostname, host, host_length);
    if (strpbrk(server->hostname, host[0] == '/' ? "," : ",= \t\r\n") != NULL)
        return MEMCACHED_INVALID_ARGUMENTS; /* OMcache's lists use these as separators */
    server->type = host[0] == '/' ? MEMCACHED_CONNECTION_UNIX_SOCKET : MEMCACHED_CONNECTION_TCP;
    server->port = port;
    if (server->type == MEMCACHED_CONNECTION_UNIX_SOCKET)
        server->port = 0;
    else if (port == 0)
        server->port = MEMCACHED_DEFAULT_PORT;
    server->weight = weight == 0 ? 1 : weight;
    return MEMCACHED_SUCCESS;
}

/* Appends a server to a list.  host has host_length bytes and need not end with a NUL. */
static inline memcached_server_list_st omc_lm_append(memcached_server_list_st list,
                                                     const char *host, size_t host_length,
                                                     in_port_t port, uint32_t weight,
                                                     memcached_return_t *error)
{
    uint32_t count = memcached_server_list_count(list);
    memcached_server_st server, *longer;

    *error = omc_lm_fill_server(&server, host, host_length, port, weight);
    if (*error != MEMCACHED_SUCCESS)
        return NULL;
    longer = (memcached_server_st *)realloc(list, (count + 1) * sizeof(*list));
    if (longer == NULL) {
        *error = MEMCACHED_MEMORY_ALLOCATION_FAILURE;
        return NULL;
    }
    longer[count] = server;
    longer[0].count = count + 1;
    return longer;
}

/* Appends a server to a list, or to a new one if list is NULL.  Returns the list, which
 * may have moved. */
static inline memcached_server_list_st
memcached_server_list_append_with_weight(memcached_server_list_st list, const char *hostname,
                                         in_port_t port, uint32_t weight, memcached_return_t *error)
{
    memcached_return_t unwanted;

    return omc_lm_append(list, hostname, hostname == NULL ? 0 : strlen(hostname), port, weight,
                         error != NULL ? error : &unwanted);
}

static inline memcached_server_list_st memcached_server_list_append(memcached_server_list_st list,
                                                                    const char *hostname,
                                                                    in_port_t port,
                                                                    memcached_return_t *error)
{
    return memcached_server_list_append_with_weight(list, hostname, port, 0, error);
}

/* Parses one entry of a list: "host", then optionally ":port", then optionally ":weight"
 * or " weight".  An address in brackets keeps them.  Returns the length of the entry. */
static inline size_t omc_lm_parse_server(const char *text, size_t *host_length, unsigned long *port,
                                         unsigned long *weight)
{
    size_t len = strcspn(text, ",");
    const char *at = text;
    char *end;

    *port = *weight = 0;
    if (text[0] == '[' && memchr(text, ']', len) != NULL)
        at = (const char *)memchr(text, ']', len);
    if (text[0] == '/')
        at = text + len;
    at += strcspn(at, ":,");
    *host_length = (size_t)(at - text);
    if (*at != ':')
        return len;
    *port = strtoul(at + 1, &end, 10);
    if (end < text + len && (*end == ':' || *end == ' '))
        *weight = strtoul(end + 1, NULL, 10);
    return len;
}

/* Parses "host:port:weight,..." into a list, which the caller frees. */
static inline memcached_server_list_st memcached_servers_parse(const char *server_strings)
{
    memcached_server_list_st list = NULL, longer;
    size_t host_length, len;
    unsigned long port, weight;
    memcached_return_t rc;

    while (server_strings != NULL && *server_strings != '\0') {
        server_strings += strspn(server_strings, " ");
        len = omc_lm_parse_server(server_strings, &host_length, &port, &weight);
        longer = omc_lm_append(list, server_strings, host_length, (in_port_t)port, (uint32_t)weight,
                               &rc);
        if (longer == NULL) {
            free(list);
            return NULL;
        }
        list = longer;
        server_strings += len + (server_strings[len] == ',');
    }
    return list;
}

/*
 * A client's servers.
 */

/* Makes room for servers.  Those that exist stay, but may move in memory. */
static inline bool omc_lm_reserve_servers(memcached_st *ptr, size_t all)
{
    memcached_instance_st **by_index =
        (memcached_instance_st **)realloc(ptr->by_index, all * sizeof(void *));
    memcached_instance_st *servers;

    if (by_index == NULL)
        return false;
    ptr->by_index = by_index;
    servers = (memcached_instance_st *)realloc(ptr->servers, all * sizeof(*servers));
    if (servers == NULL)
        return false;
    ptr->servers = servers;
    return true;
}

/* The index of servers that were added but that OMcache has not accepted yet.
 * omc_lm_take_back removes them from the list again. */
enum { OMC_LM_NEW = -2 };

static inline void omc_lm_take_back(memcached_st *ptr)
{
    uint32_t i, kept = 0;

    for (i = 0; i < ptr->server_count; i++) {
        if (ptr->servers[i].index != OMC_LM_NEW)
            ptr->servers[kept++] = ptr->servers[i];
    }
    ptr->server_count = kept;
    omc_lm_learn_indexes(ptr);
}

/* Adds servers to a client.  Connections to them are made when they are needed. */
static inline memcached_return_t omc_lm_add_servers(memcached_st *ptr,
                                                    const memcached_server_st *list, uint32_t count)
{
    memcached_return_t rc;
    uint32_t i;

    if (!omc_lm_reserve_servers(ptr, (size_t)ptr->server_count + count))
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    for (i = 0; i < count; i++) {
        memcached_instance_st *server = &ptr->servers[ptr->server_count++];

        memset(server, 0, sizeof(*server));
        memcpy(server->hostname, list[i].hostname, sizeof(server->hostname));
        server->port = list[i].port;
        server->type = list[i].type;
        server->weight = list[i].weight;
        server->index = OMC_LM_NEW;
        server->major_version = server->minor_version = server->micro_version = UINT8_MAX;
    }
    rc = omc_lm_rebuild(ptr);
    if (rc != MEMCACHED_SUCCESS)
        omc_lm_take_back(ptr); /* OMcache still has the list from before */
    return rc;
}

/* Adds the servers of a list to a client.  The list still belongs to the caller. */
static inline memcached_return_t memcached_server_push(memcached_st *ptr,
                                                       memcached_server_list_st list)
{
    uint32_t i;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    for (i = 0; i < memcached_server_list_count(list); i++)
        ptr->weighted = ptr->weighted || list[i].weight > 1;
    if (list == NULL)
        return MEMCACHED_SUCCESS;
    return omc_lm_end(ptr, NULL, omc_lm_add_servers(ptr, list, list->count));
}

static inline memcached_return_t memcached_server_add_with_weight(memcached_st *ptr,
                                                                  const char *hostname,
                                                                  in_port_t port, uint32_t weight)
{
    memcached_server_st server;
    memcached_return_t rc;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    rc = omc_lm_fill_server(&server, hostname, hostname == NULL ? 0 : strlen(hostname), port,
                            weight);
    if (rc == MEMCACHED_SUCCESS) {
        ptr->weighted = ptr->weighted || (weight > 1 && omc_lm_has_ring(ptr));
        rc = omc_lm_add_servers(ptr, &server, 1);
    }
    return omc_lm_end(ptr, NULL, rc);
}

static inline memcached_return_t memcached_server_add(memcached_st *ptr, const char *hostname,
                                                      in_port_t port)
{
    return memcached_server_add_with_weight(ptr, hostname, port, 0);
}

static inline memcached_return_t memcached_server_add_unix_socket_with_weight(memcached_st *ptr,
                                                                              const char *filename,
                                                                              uint32_t weight)
{
    if (ptr == NULL || filename == NULL || filename[0] != '/')
        return MEMCACHED_INVALID_ARGUMENTS;
    return memcached_server_add_with_weight(ptr, filename, 0, weight);
}

static inline memcached_return_t memcached_server_add_unix_socket(memcached_st *ptr,
                                                                  const char *filename)
{
    return memcached_server_add_unix_socket_with_weight(ptr, filename, 0);
}

/* Always refused: libmemcached has deprecated UDP, too. */
static inline memcached_return_t memcached_server_add_udp(memcached_st *ptr, const char *hostname,
                                                          in_port_t port)
{
    (void)hostname, (void)port;
    return ptr == NULL ? MEMCACHED_INVALID_ARGUMENTS : omc_lm_end(ptr, NULL, MEMCACHED_DEPRECATED);
}

/* Removes all servers. */
static inline void memcached_servers_reset(memcached_st *ptr)
{
    if (ptr == NULL)
        return;
    (void)omc_lm_drain(ptr);
    ptr->server_count = 0;
    omcache_set_servers(ptr->mc, "");
}

static inline uint32_t memcached_server_count(const memcached_st *ptr)
{
    return ptr == NULL ? 0 : ptr->server_count;
}

static inline const memcached_instance_st *
memcached_server_instance_by_position(const memcached_st *ptr, uint32_t server_key)
{
    return ptr == NULL || server_key >= ptr->server_count ? NULL : &ptr->servers[server_key];
}

static inline const char *memcached_server_name(const memcached_instance_st *server)
{
    return server == NULL ? NULL : server->hostname;
}

static inline in_port_t memcached_server_port(const memcached_instance_st *server)
{
    return server == NULL ? 0 : server->port;
}

static inline const char *memcached_server_type(const memcached_instance_st *server)
{
    if (server == NULL)
        return "UNKNOWN";
    return server->type == MEMCACHED_CONNECTION_UNIX_SOCKET ? "SOCKET" : "TCP";
}

/* Calls each function for each server. */
static inline memcached_return_t memcached_server_cursor(const memcached_st *ptr,
                                                         const memcached_server_fn *callback,
                                                         void *context,
                                                         uint32_t number_of_callbacks)
{
    memcached_return_t rc = MEMCACHED_SUCCESS;
    uint32_t i, j;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    for (i = 0; i < ptr->server_count; i++) {
        for (j = 0; j < number_of_callbacks; j++) {
            if (callback[j](ptr, &ptr->servers[i], context) != MEMCACHED_SUCCESS)
                rc = MEMCACHED_SOME_ERRORS;
        }
    }
    return rc;
}

/* Returns the server that a key goes to: with failover one that is up, else the key's own,
 * also while it is left alone after a failure.  Returns NULL with
 * MEMCACHED_SERVER_MARKED_DEAD if OMcache finds none. */
static inline const memcached_instance_st *memcached_server_by_key(memcached_st *ptr,
                                                                   const char *key,
                                                                   size_t key_length,
                                                                   memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    const memcached_instance_st *server;

    *rc = MEMCACHED_INVALID_ARGUMENTS;
    if (ptr == NULL)
        return NULL;
    omc_lm_begin(ptr);
    *rc = ptr->server_count == 0 ? MEMCACHED_NO_SERVERS : omc_lm_check_key(ptr, key, key_length);
    server = *rc == MEMCACHED_SUCCESS ? omc_lm_pick(ptr, key, key_length) : NULL;
    if (server == NULL)
        *rc = omc_lm_end(ptr, NULL, *rc == MEMCACHED_SUCCESS ? MEMCACHED_SERVER_MARKED_DEAD : *rc);
    return server;
}

/* Returns the number of the server that a key goes to; 0 if there is none. */
static inline uint32_t memcached_generate_hash(const memcached_st *ptr, const char *key,
                                               size_t key_length)
{
    memcached_st *own = (memcached_st *)(uintptr_t)ptr;
    const memcached_instance_st *server;

    if (ptr == NULL || ptr->server_count <= 1)
        return 0;
    server = omc_lm_pick(own, key, key_length);
    return server == NULL ? 0 : (uint32_t)(server - ptr->servers);
}

#endif
