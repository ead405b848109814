/*
 * Settings: which of libmemcached's behaviors are honoured, accepted and refused.  Part
 * of omcache_libmemcached.h; doc/libmemcached.md has the list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_BEHAVIOR_H
#define OMCACHE_LIBMEMCACHED_BEHAVIOR_H

#include <omcache/libmemcached/request.h>

static inline void omc_lm_init_behaviors(memcached_st *ptr)
{
    uint64_t *behaviors = ptr->behaviors;

    memset(behaviors, 0, sizeof(ptr->behaviors));
    behaviors[MEMCACHED_BEHAVIOR_CACHE_LOOKUPS] = 1;
    behaviors[MEMCACHED_BEHAVIOR_CORK] = 1;
    behaviors[MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT] = MEMCACHED_DEFAULT_CONNECT_TIMEOUT;
    behaviors[MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK] = 66560;
    behaviors[MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK] = 500;
    behaviors[MEMCACHED_BEHAVIOR_POLL_TIMEOUT] = MEMCACHED_DEFAULT_TIMEOUT;
    behaviors[MEMCACHED_BEHAVIOR_RETRY_TIMEOUT] = 2;
    behaviors[MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT] = 5;
    ptr->weighted = false;
    ptr->ring_hash = MEMCACHED_HASH_DEFAULT;
}

/* Passes to OMcache the settings that need neither new connections nor a new ring. */
static inline void omc_lm_apply(memcached_st *ptr)
{
    const int64_t dead_min = 10000, mebibyte = 1048576;
    int32_t timeout = omc_lm_timeout(ptr);
    int64_t dead = timeout < 0 ? INT32_MAX : 2 * (int64_t)timeout;
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;

    omcache_set_connect_timeout(ptr->mc,
                                (uint32_t)ptr->behaviors[MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT]);
    omcache_set_dead_timeout(ptr->mc, (uint32_t)(dead < dead_min ? dead_min : dead));
    omcache_set_reconnect_timeout(
        ptr->mc, (uint32_t)ptr->behaviors[MEMCACHED_BEHAVIOR_RETRY_TIMEOUT] * 1000);
    omcache_set_send_buffer_max_size(ptr->mc, (size_t)(2048 * mebibyte - 1));
    omcache_set_recv_buffer_max_size(ptr->mc, (size_t)(2048 * mebibyte - 1));
    omcache_set_protocol(ptr->mc, binary ? OMCACHE_PROTOCOL_BINARY : OMCACHE_PROTOCOL_AUTO);
    omcache_set_failover(ptr->mc,
                         omc_lm_has_failover(ptr) ? OMCACHE_FAILOVER_NEXT : OMCACHE_FAILOVER_NONE);
    omcache_set_key_prefix(ptr->mc, ptr->prefix, strlen(ptr->prefix),
                           ptr->behaviors[MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY] != 0);
}

/* Sends the requests that are kept back, and closes all connections. */
static inline void memcached_quit(memcached_st *ptr)
{
    if (ptr == NULL)
        return;
    (void)omc_lm_drain(ptr);
    omc_lm_drop_results(ptr);
    omc_lm_renew_all(ptr);
    omc_lm_forget_versions(ptr);
    ptr->is_awaited = ptr->is_doubtful = false;
    ptr->kept = 0;
}

/*
 * Distribution.
 */

static inline memcached_return_t
memcached_behavior_set_distribution(memcached_st *ptr, memcached_server_distribution_t type)
{
    memcached_return_t rc;

    if ((unsigned)type >= MEMCACHED_DISTRIBUTION_CONSISTENT_MAX)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    if (type == MEMCACHED_DISTRIBUTION_CONSISTENT ||
        type == MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA)
        ptr->weighted = false;
    else if (type == MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED)
        ptr->weighted = true;
    ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION] = type;
    rc = omc_lm_rebuild(ptr);
    omc_lm_apply(ptr);
    return rc;
}

/* Nothing changes if OMcache cannot use the hash, for keys alone or at all. */
static inline memcached_return_t memcached_behavior_set_key_hash(memcached_st *ptr,
                                                                 memcached_hash_t type)
{
    uint64_t before = ptr->behaviors[MEMCACHED_BEHAVIOR_HASH], ring_before = ptr->ring_hash;

    if (type == MEMCACHED_HASH_HSIEH || type == MEMCACHED_HASH_CUSTOM ||
        (unsigned)type >= MEMCACHED_HASH_MAX)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    ptr->behaviors[MEMCACHED_BEHAVIOR_HASH] = type;
    if (ptr->server_count == 0)
        ptr->ring_hash = type;
    if (omc_lm_choose_routing(ptr) == OMCACHE_OK)
        return MEMCACHED_SUCCESS;
    ptr->behaviors[MEMCACHED_BEHAVIOR_HASH] = before;
    ptr->ring_hash = ring_before;
    return omc_lm_end(ptr, NULL, MEMCACHED_NOT_SUPPORTED);
}

static inline memcached_return_t omc_lm_set_ketama(memcached_st *ptr, bool on)
{
    return memcached_behavior_set_distribution(ptr, on ? MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA
                                                       : MEMCACHED_DISTRIBUTION_MODULA);
}

static inline memcached_return_t omc_lm_set_ketama_weighted(memcached_st *ptr, bool on)
{
    if (!on)
        return omc_lm_set_ketama(ptr, true);
    ptr->behaviors[MEMCACHED_BEHAVIOR_HASH] = MEMCACHED_HASH_MD5;
    ptr->behaviors[MEMCACHED_BEHAVIOR_KETAMA_HASH] = MEMCACHED_HASH_MD5;
    return memcached_behavior_set_distribution(ptr, MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED);
}

/* The hash has no effect and can only be read back: the points of rings are made with
 * the keys' hash. */
static inline memcached_return_t memcached_behavior_set_distribution_hash(memcached_st *ptr,
                                                                          memcached_hash_t type)
{
    if (type == MEMCACHED_HASH_HSIEH || type == MEMCACHED_HASH_CUSTOM ||
        (unsigned)type >= MEMCACHED_HASH_MAX)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    ptr->behaviors[MEMCACHED_BEHAVIOR_KETAMA_HASH] = type;
    return MEMCACHED_SUCCESS;
}

static inline memcached_server_distribution_t memcached_behavior_get_distribution(memcached_st *ptr)
{
    return (memcached_server_distribution_t)ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION];
}

static inline memcached_hash_t memcached_behavior_get_key_hash(memcached_st *ptr)
{
    return (memcached_hash_t)ptr->behaviors[MEMCACHED_BEHAVIOR_HASH];
}

static inline memcached_hash_t memcached_behavior_get_distribution_hash(memcached_st *ptr)
{
    return (memcached_hash_t)ptr->behaviors[MEMCACHED_BEHAVIOR_KETAMA_HASH];
}

/*
 * All behaviors.
 */

/* Whether a behavior is only on or off, and only needs to be noted. */
static inline bool omc_lm_is_switch(memcached_behavior_t flag)
{
    switch (flag) {
    case MEMCACHED_BEHAVIOR_NO_BLOCK:
    case MEMCACHED_BEHAVIOR_TCP_NODELAY:
    case MEMCACHED_BEHAVIOR_SUPPORT_CAS:
    case MEMCACHED_BEHAVIOR_VERIFY_KEY:
    case MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY:
    case MEMCACHED_BEHAVIOR_NOREPLY:
    case MEMCACHED_BEHAVIOR_BUFFER_REQUESTS:
    case MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS:
    case MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS:
    case MEMCACHED_BEHAVIOR_RANDOMIZE_REPLICA_READ:
    case MEMCACHED_BEHAVIOR_TCP_KEEPALIVE:
        return true;
    default:
        return false;
    }
}

static inline memcached_return_t omc_lm_note_behavior(memcached_st *ptr, memcached_behavior_t flag,
                                                      uint64_t data)
{
    ptr->behaviors[flag] = data;
    omc_lm_apply(ptr);
    return MEMCACHED_SUCCESS;
}

static inline memcached_return_t omc_lm_set_behavior(memcached_st *ptr, memcached_behavior_t flag,
                                                     uint64_t data)
{
    bool on = data != 0;

    switch (flag) {
    case MEMCACHED_BEHAVIOR_DISTRIBUTION:
        return memcached_behavior_set_distribution(ptr,
                                                   data < MEMCACHED_DISTRIBUTION_CONSISTENT_MAX
                                                       ? (memcached_server_distribution_t)data
                                                       : MEMCACHED_DISTRIBUTION_CONSISTENT_MAX);
    case MEMCACHED_BEHAVIOR_KETAMA:
        return omc_lm_set_ketama(ptr, on);
    case MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED:
        return omc_lm_set_ketama_weighted(ptr, on);
    case MEMCACHED_BEHAVIOR_HASH: /* unknown numbers are ignored, as by libmemcached */
        return data >= MEMCACHED_HASH_MAX
                   ? MEMCACHED_SUCCESS
                   : memcached_behavior_set_key_hash(ptr, (memcached_hash_t)data);
    case MEMCACHED_BEHAVIOR_KETAMA_HASH:
        return data >= MEMCACHED_HASH_MAX
                   ? MEMCACHED_SUCCESS
                   : memcached_behavior_set_distribution_hash(ptr, (memcached_hash_t)data);
    case MEMCACHED_BEHAVIOR_SORT_HOSTS:
        ptr->behaviors[flag] = on;
        return omc_lm_rebuild(ptr);
    case MEMCACHED_BEHAVIOR_BINARY_PROTOCOL:
        memcached_quit(ptr);
        return omc_lm_note_behavior(ptr, flag, on);
    case MEMCACHED_BEHAVIOR_POLL_TIMEOUT:
    case MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT:
    case MEMCACHED_BEHAVIOR_SND_TIMEOUT:
    case MEMCACHED_BEHAVIOR_RCV_TIMEOUT:
        return omc_lm_note_behavior(ptr, flag, (uint64_t)(int64_t)(int32_t)data);
    case MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT:
        return on ? omc_lm_note_behavior(ptr, flag, data) : MEMCACHED_INVALID_ARGUMENTS;
    case MEMCACHED_BEHAVIOR_RETRY_TIMEOUT:
    case MEMCACHED_BEHAVIOR_DEAD_TIMEOUT:
    case MEMCACHED_BEHAVIOR_SERVER_TIMEOUT_LIMIT:
    case MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK:
    case MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK:
    case MEMCACHED_BEHAVIOR_IO_KEY_PREFETCH:
    case MEMCACHED_BEHAVIOR_TCP_KEEPIDLE:
    case MEMCACHED_BEHAVIOR_SOCKET_SEND_SIZE:
    case MEMCACHED_BEHAVIOR_SOCKET_RECV_SIZE:
        return omc_lm_note_behavior(ptr, flag, data);
    case MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS:
    case MEMCACHED_BEHAVIOR_USE_UDP:
        return on ? MEMCACHED_NOT_SUPPORTED : MEMCACHED_SUCCESS;
    case MEMCACHED_BEHAVIOR_CORK:
    case MEMCACHED_BEHAVIOR_CACHE_LOOKUPS:
    case MEMCACHED_BEHAVIOR_USER_DATA:
        return MEMCACHED_DEPRECATED;
    default:
        return MEMCACHED_INVALID_ARGUMENTS;
    }
}

/* REMOVE_FAILED_SERVERS is another name for AUTO_EJECT_HOSTS. */
static inline memcached_behavior_t omc_lm_same_behavior(memcached_behavior_t flag)
{
    return flag == MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS ? MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS
                                                            : flag;
}

static inline memcached_return_t
memcached_behavior_set(memcached_st *ptr, const memcached_behavior_t flag, uint64_t data)
{
    memcached_behavior_t same = omc_lm_same_behavior(flag);

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    (void)omc_lm_drain(ptr);
    return omc_lm_end(ptr, NULL,
                      omc_lm_is_switch(same) ? omc_lm_note_behavior(ptr, same, data != 0)
                                             : omc_lm_set_behavior(ptr, same, data));
}

static inline uint64_t memcached_behavior_get(memcached_st *ptr, const memcached_behavior_t flag)
{
    if (ptr == NULL || (unsigned)flag >= MEMCACHED_BEHAVIOR_MAX)
        return MEMCACHED_INVALID_ARGUMENTS;
    if (flag == MEMCACHED_BEHAVIOR_KETAMA)
        return omc_lm_has_ring(ptr);
    if (flag == MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED)
        return omc_lm_has_ring(ptr) && ptr->weighted;
    return ptr->behaviors[omc_lm_same_behavior(flag)];
}

/*
 * The prefix of keys, and the program's own data.
 */

static inline memcached_return_t omc_lm_set_prefix(memcached_st *ptr, const char *prefix)
{
    size_t length = prefix == NULL ? 0 : strlen(prefix), i;

    if (prefix != NULL && length == 0)
        return MEMCACHED_INVALID_ARGUMENTS;
    if (length >= MEMCACHED_MAX_NAMESPACE)
        return MEMCACHED_KEY_TOO_BIG;
    for (i = 0; i < length && ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] == 0; i++) {
        if ((unsigned char)prefix[i] <= ' ' || (unsigned char)prefix[i] >= 0x7f)
            return MEMCACHED_BAD_KEY_PROVIDED;
    }
    memset(ptr->prefix, 0, sizeof(ptr->prefix));
    if (length > 0)
        memcpy(ptr->prefix, prefix, length);
    omc_lm_apply(ptr);
    return MEMCACHED_SUCCESS;
}

static inline memcached_return_t
memcached_callback_set(memcached_st *ptr, const memcached_callback_t flag, const void *data)
{
    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    switch (flag) {
    case MEMCACHED_CALLBACK_PREFIX_KEY:
        return omc_lm_end(ptr, NULL, omc_lm_set_prefix(ptr, (const char *)data));
    case MEMCACHED_CALLBACK_USER_DATA:
        ptr->user_data = (void *)(uintptr_t)data;
        return MEMCACHED_SUCCESS;
    case MEMCACHED_CALLBACK_MAX:
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    default:
        return omc_lm_end(ptr, NULL, MEMCACHED_NOT_SUPPORTED);
    }
}

static inline void *memcached_callback_get(memcached_st *ptr, const memcached_callback_t flag,
                                           memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;

    *rc = ptr == NULL ? MEMCACHED_INVALID_ARGUMENTS : MEMCACHED_SUCCESS;
    if (ptr != NULL && flag == MEMCACHED_CALLBACK_PREFIX_KEY)
        return ptr->prefix[0] == '\0' ? NULL : ptr->prefix;
    if (ptr != NULL && flag == MEMCACHED_CALLBACK_USER_DATA)
        return ptr->user_data;
    if (ptr != NULL)
        *rc = MEMCACHED_NOT_SUPPORTED;
    return NULL;
}

static inline void *memcached_get_user_data(const memcached_st *ptr)
{
    return ptr == NULL ? NULL : ptr->user_data;
}

/* Sets the program's own data, and returns what was set before. */
static inline void *memcached_set_user_data(memcached_st *ptr, void *data)
{
    void *before = ptr->user_data;

    ptr->user_data = data;
    return before;
}

#endif
