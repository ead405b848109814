/*
 * The interface of OMcache 0.3's omcache_libmemcached.h: libmemcached's names for
 * OMcache's own functions and codes.  A program may use both on one handle.  Part of
 * omcache_libmemcached.h, which says which programs get it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_CLASSIC_H
#define OMCACHE_LIBMEMCACHED_CLASSIC_H

#include <omcache.h>
#include <stdlib.h>
#include <string.h>

/* Timeouts in milliseconds; with -1 a call waits until the servers answer or their dead
 * timeout ends the wait. */
#ifndef MEMCACHED_COMMAND_TIMEOUT
#define MEMCACHED_COMMAND_TIMEOUT (-1)
#endif
#ifndef MEMCACHED_READ_TIMEOUT
#define MEMCACHED_READ_TIMEOUT MEMCACHED_COMMAND_TIMEOUT
#endif
#ifndef MEMCACHED_WRITE_TIMEOUT
#define MEMCACHED_WRITE_TIMEOUT MEMCACHED_COMMAND_TIMEOUT
#endif

#define LIBMEMCACHED_VERSION_HEX 0x01000003

#define MEMCACHED_SUCCESS OMCACHE_OK
#define MEMCACHED_FAILURE OMCACHE_FAIL
#define MEMCACHED_BUFFERED OMCACHE_BUFFERED
#define MEMCACHED_NOTFOUND OMCACHE_NOT_FOUND
#define MEMCACHED_END (-1)
#define MEMCACHED_SOME_ERRORS (-1)
#define MEMCACHED_EXPIRATION_NOT_ADD OMCACHE_DELTA_NO_ADD

typedef omcache_t memcached_st;
typedef char memcached_server_st;
typedef int memcached_return;
typedef int memcached_return_t;
typedef omcache_server_info_t *memcached_server_instance_st;
typedef int (*memcached_server_fn)(memcached_st *mc, memcached_server_instance_st server,
                                   void *context);
typedef const char *memcached_behavior;
typedef const char *memcached_behavior_t;
typedef const char *memcached_hash;
typedef const char *memcached_hash_t;
typedef const char *memcached_server_distribution;
typedef const char *memcached_server_distribution_t;
typedef void *memcached_stat_st;

/* Keys and values are char in this interface and unsigned char in OMcache's. */
static inline const unsigned char *omc_cc_to_cuc(const char *text)
{
    return (const unsigned char *)text;
}

/*
 * Clients and servers.
 */

/* The client is never made in the caller's memory. */
#define memcached_create(mc) ((void)(mc), omcache_init())
#define memcached_free(mc) ((void)omcache_free(mc))
#define memcached_strerror(mc, rc) ((void)(mc), omcache_strerror(rc))

/* A list of servers is a copy of its text. */
static inline memcached_server_st *memcached_servers_parse(const char *servers)
{
    size_t size = strlen(servers) + 1;
    char *copy = (char *)malloc(size);

    if (copy != NULL)
        memcpy(copy, servers, size);
    return copy;
}

static inline void memcached_server_list_free(memcached_server_st *list)
{
    free(list);
}

/* Replaces the list of servers. */
static inline memcached_return_t memcached_server_push(memcached_st *mc,
                                                       const memcached_server_st *list)
{
    return omcache_set_servers(mc, list);
}

static inline const char *memcached_server_name(memcached_server_instance_st server)
{
    return server->hostname;
}

static inline int memcached_server_port(memcached_server_instance_st server)
{
    return server->port;
}

/* Calls each function for each server, until one returns something else than
 * MEMCACHED_SUCCESS. */
static inline memcached_return_t memcached_server_cursor(memcached_st *mc,
                                                         const memcached_server_fn *callbacks,
                                                         void *context, unsigned number)
{
    omcache_server_info_t *info;
    int rc = MEMCACHED_SUCCESS, index;
    unsigned i;

    for (index = 0; rc == MEMCACHED_SUCCESS && (info = omcache_server_info(mc, index)) != NULL;
         index++) {
        for (i = 0; rc == MEMCACHED_SUCCESS && i < number; i++)
            rc = callbacks[i](mc, info, context);
        omcache_server_info_free(mc, info);
    }
    return rc;
}

/*
 * Values.
 */

static inline memcached_return_t memcached_set(memcached_st *mc, const char *key, size_t key_len,
                                               const char *value, size_t value_len,
                                               time_t expiration, uint32_t flags)
{
    return omcache_set(mc, omc_cc_to_cuc(key), key_len, omc_cc_to_cuc(value), value_len, expiration,
                       flags, 0, MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_add(memcached_st *mc, const char *key, size_t key_len,
                                               const char *value, size_t value_len,
                                               time_t expiration, uint32_t flags)
{
    return omcache_add(mc, omc_cc_to_cuc(key), key_len, omc_cc_to_cuc(value), value_len, expiration,
                       flags, MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_replace(memcached_st *mc, const char *key,
                                                   size_t key_len, const char *value,
                                                   size_t value_len, time_t expiration,
                                                   uint32_t flags)
{
    return omcache_replace(mc, omc_cc_to_cuc(key), key_len, omc_cc_to_cuc(value), value_len,
                           expiration, flags, MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_append(memcached_st *mc, const char *key, size_t key_len,
                                                  const char *value, size_t value_len,
                                                  time_t expiration, uint32_t flags)
{
    (void)expiration, (void)flags;
    return omcache_append(mc, omc_cc_to_cuc(key), key_len, omc_cc_to_cuc(value), value_len, 0,
                          MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_prepend(memcached_st *mc, const char *key,
                                                   size_t key_len, const char *value,
                                                   size_t value_len, time_t expiration,
                                                   uint32_t flags)
{
    (void)expiration, (void)flags;
    return omcache_prepend(mc, omc_cc_to_cuc(key), key_len, omc_cc_to_cuc(value), value_len, 0,
                           MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_delete(memcached_st *mc, const char *key, size_t key_len,
                                                  time_t expiration)
{
    (void)expiration;
    return omcache_delete(mc, omc_cc_to_cuc(key), key_len, MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_touch(memcached_st *mc, const char *key, size_t key_len,
                                                 time_t expiration)
{
    return omcache_touch(mc, omc_cc_to_cuc(key), key_len, expiration, MEMCACHED_WRITE_TIMEOUT);
}

/* Gets a copy of a value, which the caller frees; NULL if there is none. */
static inline char *memcached_get(memcached_st *mc, const char *key, size_t key_len,
                                  size_t *value_len, uint32_t *flags, memcached_return_t *error)
{
    const unsigned char *value = NULL;
    char *copy = NULL;
    size_t len = 0;
    int rc = omcache_get(mc, omc_cc_to_cuc(key), key_len, &value, &len, flags, NULL,
                         MEMCACHED_READ_TIMEOUT);

    if (rc == OMCACHE_OK) {
        copy = (char *)malloc(len + 1);
        if (copy == NULL)
            rc = OMCACHE_FAIL;
    }
    if (copy != NULL) {
        if (len > 0)
            memcpy(copy, value, len);
        copy[len] = '\0';
    }
    if (value_len != NULL)
        *value_len = copy == NULL ? 0 : len;
    if (error != NULL)
        *error = rc;
    return copy;
}

static inline memcached_return_t
memcached_increment_with_initial(memcached_st *mc, const char *key, size_t key_len, uint64_t offset,
                                 uint64_t initial, time_t expiration, uint64_t *value)
{
    return omcache_increment(mc, omc_cc_to_cuc(key), key_len, offset, initial, expiration, value,
                             MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t
memcached_decrement_with_initial(memcached_st *mc, const char *key, size_t key_len, uint64_t offset,
                                 uint64_t initial, time_t expiration, uint64_t *value)
{
    return omcache_decrement(mc, omc_cc_to_cuc(key), key_len, offset, initial, expiration, value,
                             MEMCACHED_WRITE_TIMEOUT);
}

static inline memcached_return_t memcached_increment(memcached_st *mc, const char *key,
                                                     size_t key_len, uint64_t offset,
                                                     uint64_t *value)
{
    return memcached_increment_with_initial(mc, key, key_len, offset, 0, OMCACHE_DELTA_NO_ADD,
                                            value);
}

static inline memcached_return_t memcached_decrement(memcached_st *mc, const char *key,
                                                     size_t key_len, uint64_t offset,
                                                     uint64_t *value)
{
    return memcached_decrement_with_initial(mc, key, key_len, offset, 0, OMCACHE_DELTA_NO_ADD,
                                            value);
}

/* Makes all servers delete all values.  The first failure ends the function. */
static inline memcached_return_t memcached_flush(memcached_st *mc, time_t expiration)
{
    omcache_server_info_t *info;
    int rc = MEMCACHED_SUCCESS, index;

    for (index = 0; rc == MEMCACHED_SUCCESS; index++) {
        info = omcache_server_info(mc, index);
        if (info == NULL)
            break;
        omcache_server_info_free(mc, info);
        rc = omcache_flush_all(mc, expiration, index, MEMCACHED_WRITE_TIMEOUT);
    }
    return rc;
}

/* Sends as much of what is unsent as is possible without waiting. */
static inline memcached_return_t memcached_flush_buffers(memcached_st *mc)
{
    return omcache_io(mc, NULL, NULL, NULL, NULL, 0);
}

/*
 * These always fail: OMcache has functions of its own for them.
 */

#define memcached_behavior_set(mc, behavior, value) \
    ((void)(mc), (void)(behavior), (void)(value), MEMCACHED_FAILURE)
#define memcached_behavior_get(mc, behavior) ((void)(mc), (void)(behavior), (uint64_t)0)
#define memcached_mget(mc, keys, key_lens, count) \
    ((void)(mc), (void)(keys), (void)(key_lens), (void)(count), MEMCACHED_FAILURE)
#define memcached_stat_free(mc, stat) ((void)(mc), (void)(stat))

static inline char *memcached_fetch(memcached_st *mc, char *key, size_t *key_len, size_t *value_len,
                                    uint32_t *flags, memcached_return_t *error)
{
    (void)mc;
    if (key != NULL)
        key[0] = '\0';
    if (key_len != NULL)
        *key_len = 0;
    if (value_len != NULL)
        *value_len = 0;
    if (flags != NULL)
        *flags = 0;
    if (error != NULL)
        *error = MEMCACHED_FAILURE;
    return NULL;
}

static inline memcached_stat_st *memcached_stat(memcached_st *mc, const char *args,
                                                memcached_return_t *error)
{
    (void)mc, (void)args;
    if (error != NULL)
        *error = MEMCACHED_FAILURE;
    return NULL;
}

static inline char **memcached_stat_get_keys(memcached_st *mc, memcached_stat_st *stat,
                                             memcached_return_t *error)
{
    (void)mc, (void)stat;
    if (error != NULL)
        *error = MEMCACHED_FAILURE;
    return NULL;
}

static inline char *memcached_stat_get_value(memcached_st *mc, memcached_stat_st *stat,
                                             const char *key, memcached_return_t *error)
{
    (void)mc, (void)stat, (void)key;
    if (error != NULL)
        *error = MEMCACHED_FAILURE;
    return NULL;
}

#endif
