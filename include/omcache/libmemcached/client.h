/*
 * Creating, copying and freeing clients.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_CLIENT_H
#define OMCACHE_LIBMEMCACHED_CLIENT_H

#include <omcache/libmemcached/behavior.h>
#include <omcache/libmemcached/servers.h>

/*
 * Credentials.
 */

static inline char *omc_lm_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = (char *)malloc(size);

    return copy == NULL ? NULL : (char *)memcpy(copy, text, size);
}

static inline void omc_lm_wipe(char **text)
{
    volatile char *at = *text; /* else what is freed need not be overwritten */

    while (at != NULL && *at != '\0')
        *at++ = '\0';
    free(*text);
    *text = NULL;
}

/* Has servers that are connected to from now on asked without credentials. */
static inline memcached_return_t memcached_destroy_sasl_auth_data(memcached_st *ptr)
{
    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_wipe(&ptr->username);
    omc_lm_wipe(&ptr->password);
    omcache_set_credentials(ptr->mc, NULL, 0, NULL, 0);
    return MEMCACHED_SUCCESS;
}

/* Copies them for servers that are connected to from now on: SASL PLAIN over the binary protocol,
 * memcached's own way over the others, where libmemcached has none. */
static inline memcached_return_t
memcached_set_sasl_auth_data(memcached_st *ptr, const char *username, const char *password)
{
    int rc;

    if (ptr == NULL || username == NULL || password == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    (void)memcached_destroy_sasl_auth_data(ptr);
    ptr->username = omc_lm_copy_text(username);
    ptr->password = omc_lm_copy_text(password);
    rc = ptr->username == NULL || ptr->password == NULL
             ? OMCACHE_NO_MEMORY
             : omcache_set_credentials(ptr->mc, username, strlen(username), password,
                                       strlen(password));
    if (rc == OMCACHE_OK)
        return MEMCACHED_SUCCESS;
    (void)memcached_destroy_sasl_auth_data(ptr);
    return omc_lm_end(ptr, NULL,
                      rc == OMCACHE_NO_MEMORY ? MEMCACHED_MEMORY_ALLOCATION_FAILURE
                                              : MEMCACHED_INVALID_ARGUMENTS);
}

/* Creates a client, in the caller's memory if ptr is not NULL. */
static inline memcached_st *memcached_create(memcached_st *ptr)
{
    void *allocated = ptr == NULL ? malloc(sizeof(*ptr)) : NULL;

    if (ptr == NULL)
        ptr = (memcached_st *)allocated;
    if (ptr == NULL)
        return NULL;
    memset(ptr, 0, sizeof(*ptr));
    ptr->allocated = allocated;
    ptr->mc = omcache_init();
    omc_lm_init_behaviors(ptr);
    if (ptr->mc != NULL && omc_lm_choose_routing(ptr) == OMCACHE_OK) {
        omc_lm_apply(ptr);
        return ptr;
    }
    omcache_free(ptr->mc);
    ptr->mc = NULL;
    free(allocated);
    return NULL;
}

/* Sends the requests that are kept back, and frees the client. */
static inline void memcached_free(memcached_st *ptr)
{
    if (ptr == NULL)
        return;
    if (ptr->mc != NULL)
        (void)omc_lm_drain(ptr);
    omc_lm_drop_results(ptr);
    omc_lm_wipe(&ptr->username);
    omc_lm_wipe(&ptr->password);
    omcache_free(ptr->mc);
    free(ptr->servers);
    free(ptr->by_index);
    ptr->mc = NULL;
    ptr->servers = NULL;
    ptr->by_index = NULL;
    ptr->server_count = 0;
    free(ptr->allocated);
}

/* Adds the servers of source to those of destination. */
static inline memcached_return_t memcached_push(memcached_st *destination,
                                                const memcached_st *source)
{
    memcached_server_st *list;
    memcached_return_t rc;
    uint32_t i;

    if (destination == NULL || source == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    if (source->server_count == 0)
        return MEMCACHED_SUCCESS;
    list = (memcached_server_st *)calloc(source->server_count, sizeof(*list));
    if (list == NULL)
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    for (i = 0; i < source->server_count; i++) {
        memcpy(list[i].hostname, source->servers[i].hostname, sizeof(list[i].hostname));
        list[i].port = source->servers[i].port;
        list[i].type = source->servers[i].type;
        list[i].weight = source->servers[i].weight;
    }
    list[0].count = source->server_count;
    rc = memcached_server_push(destination, list);
    free(list);
    return rc;
}

/* Creates a client with the settings and servers of another one.  As with libmemcached,
 * its ring is weighted only if the weight of a server is more than 1. */
static inline memcached_st *memcached_clone(memcached_st *clone, const memcached_st *source)
{
    clone = memcached_create(clone);
    if (clone == NULL || source == NULL)
        return clone;
    memcpy(clone->behaviors, source->behaviors, sizeof(clone->behaviors));
    memcpy(clone->prefix, source->prefix, sizeof(clone->prefix));
    clone->user_data = source->user_data;
    clone->ring_hash = clone->behaviors[MEMCACHED_BEHAVIOR_HASH];
    omc_lm_apply(clone);
    if ((source->username == NULL ||
         memcached_set_sasl_auth_data(clone, source->username, source->password) ==
             MEMCACHED_SUCCESS) &&
        omc_lm_choose_routing(clone) == OMCACHE_OK &&
        memcached_push(clone, source) == MEMCACHED_SUCCESS)
        return clone;
    memcached_free(clone);
    return NULL;
}

/* The version of libmemcached that this interface follows. */
static inline const char *memcached_lib_version(void)
{
    return LIBMEMCACHED_VERSION_STRING;
}

/* Not supported: memory comes from the C library, and programs free it with free(). */
static inline memcached_return_t
memcached_set_memory_allocators(memcached_st *ptr, memcached_malloc_fn mem_malloc,
                                memcached_free_fn mem_free, memcached_realloc_fn mem_realloc,
                                memcached_calloc_fn mem_calloc, void *context)
{
    (void)mem_malloc, (void)mem_free, (void)mem_realloc, (void)mem_calloc, (void)context;
    return ptr == NULL ? MEMCACHED_INVALID_ARGUMENTS
                       : omc_lm_end(ptr, NULL, MEMCACHED_NOT_SUPPORTED);
}

#endif
