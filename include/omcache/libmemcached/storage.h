/*
 * Storing, counting, deleting.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_STORAGE_H
#define OMCACHE_LIBMEMCACHED_STORAGE_H

#include <omcache/libmemcached/request.h>

/* The smallest expiration that is not relative to now.  It is a date in 1970. */
enum { OMC_LM_LONG_AGO = 2592001 };

/* Returns an expiration as it is sent.  In libmemcached's text protocol a negative one
 * means that the item expires at once.  Here a date in 1970 is sent for it. */
static inline uint32_t omc_lm_expiration(const memcached_st *ptr, time_t expiration)
{
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;

    return expiration < 0 && !binary ? (uint32_t)OMC_LM_LONG_AGO : (uint32_t)expiration;
}

static inline memcached_return_t omc_lm_store(memcached_st *ptr, omc_lm_request *request,
                                              time_t expiration, uint32_t flags)
{
    memcached_return_t rc = omc_lm_prepare(ptr, request);

    if (ptr == NULL || rc != MEMCACHED_SUCCESS)
        return rc;
    if (request->opcode != OMC_LM_APPEND && request->opcode != OMC_LM_PREPEND) {
        omc_lm_put_extra(request, flags);
        omc_lm_put_extra(request, omc_lm_expiration(ptr, expiration));
    }
    return omc_lm_run_blind(ptr, request, request->opcode == OMC_LM_SET && request->cas == 0);
}

/* clang-format off */
#define OMC_LM_STORE(name, opcode)                                                                 \
    static inline memcached_return_t memcached_##name##_by_key(                                    \
        memcached_st *ptr, const char *group_key, size_t group_key_length, const char *key,        \
        size_t key_length, const char *value, size_t value_length, time_t expiration,              \
        uint32_t flags)                                                                            \
    {                                                                                              \
        omc_lm_request request =                                                                   \
            omc_lm_make(opcode, group_key, group_key_length, key, key_length);                     \
                                                                                                   \
        request.value = value;                                                                     \
        request.value_length = value_length;                                                       \
        return omc_lm_store(ptr, &request, expiration, flags);                                     \
    }                                                                                              \
                                                                                                   \
    static inline memcached_return_t memcached_##name(                                             \
        memcached_st *ptr, const char *key, size_t key_length, const char *value,                  \
        size_t value_length, time_t expiration, uint32_t flags)                                    \
    {                                                                                              \
        return memcached_##name##_by_key(ptr, NULL, 0, key, key_length, value, value_length,       \
                                         expiration, flags);                                       \
    }
/* clang-format on */

OMC_LM_STORE(set, OMC_LM_SET)
OMC_LM_STORE(add, OMC_LM_ADD)
OMC_LM_STORE(replace, OMC_LM_REPLACE)
OMC_LM_STORE(append, OMC_LM_APPEND)
OMC_LM_STORE(prepend, OMC_LM_PREPEND)

static inline memcached_return_t memcached_cas_by_key(memcached_st *ptr, const char *group_key,
                                                      size_t group_key_length, const char *key,
                                                      size_t key_length, const char *value,
                                                      size_t value_length, time_t expiration,
                                                      uint32_t flags, uint64_t cas)
{
    omc_lm_request request = omc_lm_make(OMC_LM_SET, group_key, group_key_length, key, key_length);

    request.value = value;
    request.value_length = value_length;
    request.cas = cas;
    return omc_lm_store(ptr, &request, expiration, flags);
}

static inline memcached_return_t memcached_cas(memcached_st *ptr, const char *key,
                                               size_t key_length, const char *value,
                                               size_t value_length, time_t expiration,
                                               uint32_t flags, uint64_t cas)
{
    return memcached_cas_by_key(ptr, NULL, 0, key, key_length, value, value_length, expiration,
                                flags, cas);
}

/* Deletes a value, at once only: no server supports a delay any more, and libmemcached
 * does not send one. */
static inline memcached_return_t memcached_delete_by_key(memcached_st *ptr, const char *group_key,
                                                         size_t group_key_length, const char *key,
                                                         size_t key_length, time_t expiration)
{
    omc_lm_request request =
        omc_lm_make(OMC_LM_DELETE, group_key, group_key_length, key, key_length);
    memcached_return_t rc = omc_lm_prepare(ptr, &request);

    if (rc == MEMCACHED_SUCCESS && expiration != 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    return rc == MEMCACHED_SUCCESS ? omc_lm_run_blind(ptr, &request, true) : rc;
}

static inline memcached_return_t memcached_delete(memcached_st *ptr, const char *key,
                                                  size_t key_length, time_t expiration)
{
    return memcached_delete_by_key(ptr, NULL, 0, key, key_length, expiration);
}

/* Returns WRITE_FAILURE if the server could not even be asked, as libmemcached does. */
static inline memcached_return_t omc_lm_touch_code(memcached_st *ptr, memcached_return_t rc)
{
    if (rc != MEMCACHED_SERVER_TEMPORARILY_DISABLED && rc != MEMCACHED_CONNECTION_FAILURE &&
        rc != MEMCACHED_HOST_LOOKUP_FAILURE)
        return rc;
    return omc_lm_end(ptr, NULL, MEMCACHED_WRITE_FAILURE);
}

static inline memcached_return_t memcached_touch_by_key(memcached_st *ptr, const char *group_key,
                                                        size_t group_key_length, const char *key,
                                                        size_t key_length, time_t expiration)
{
    omc_lm_request request =
        omc_lm_make(OMC_LM_TOUCH, group_key, group_key_length, key, key_length);
    memcached_return_t rc = omc_lm_prepare(ptr, &request);
    omcache_value_t answer;

    if (rc != MEMCACHED_SUCCESS)
        return rc;
    omc_lm_put_extra(&request, omc_lm_expiration(ptr, expiration));
    return omc_lm_touch_code(ptr, omc_lm_run(ptr, &request, &answer));
}

static inline memcached_return_t memcached_touch(memcached_st *ptr, const char *key,
                                                 size_t key_length, time_t expiration)
{
    return memcached_touch_by_key(ptr, NULL, 0, key, key_length, expiration);
}

/* Tests whether a key exists.  It adds a value that has expired long ago, so that no
 * value is transferred. */
static inline memcached_return_t memcached_exist_by_key(memcached_st *ptr, const char *group_key,
                                                        size_t group_key_length, const char *key,
                                                        size_t key_length)
{
    omc_lm_request request = omc_lm_make(OMC_LM_ADD, group_key, group_key_length, key, key_length);
    memcached_return_t rc = omc_lm_prepare(ptr, &request);
    omcache_value_t answer;

    if (rc != MEMCACHED_SUCCESS)
        return rc;
    omc_lm_put_extra(&request, 0);
    omc_lm_put_extra(&request, OMC_LM_LONG_AGO);
    rc = omc_lm_run(ptr, &request, &answer);
    if (rc == MEMCACHED_NOTSTORED || rc == MEMCACHED_DATA_EXISTS)
        return MEMCACHED_SUCCESS;
    return rc == MEMCACHED_SUCCESS ? MEMCACHED_NOTFOUND : rc;
}

static inline memcached_return_t memcached_exist(memcached_st *memc, const char *key,
                                                 size_t key_length)
{
    return memcached_exist_by_key(memc, NULL, 0, key, key_length);
}

/*
 * Counters.
 */

/* Counts.  A counter that does not exist is created with this expiration, unless it is
 * MEMCACHED_EXPIRATION_NOT_ADD. */
static inline memcached_return_t omc_lm_count(memcached_st *ptr, omc_lm_request *request,
                                              uint64_t offset, uint64_t initial,
                                              uint32_t expiration, uint64_t *value)
{
    memcached_return_t rc = omc_lm_prepare(ptr, request);
    omcache_value_t answer;

    if (rc != MEMCACHED_SUCCESS)
        return rc;
    omc_lm_put_long_extra(request, offset);
    omc_lm_put_long_extra(request, initial);
    omc_lm_put_extra(request, expiration);
    memset(&answer, 0, sizeof(answer));
    if (ptr->behaviors[MEMCACHED_BEHAVIOR_NOREPLY] != 0) {
        rc = omc_lm_run_blind(ptr, request, false);
        answer.delta_value = UINT64_MAX;
    } else {
        rc = omc_lm_run(ptr, request, &answer);
    }
    if (value != NULL)
        *value = rc == MEMCACHED_SUCCESS ? answer.delta_value : UINT64_MAX;
    return rc;
}

/* Counts with an initial value.  This is refused in libmemcached's text protocol, which
 * cannot carry one. */
static inline memcached_return_t omc_lm_count_from(memcached_st *ptr, omc_lm_request *request,
                                                   uint64_t offset, uint64_t initial,
                                                   time_t expiration, uint64_t *value)
{
    if (ptr != NULL && ptr->server_count > 0 &&
        ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] == 0) {
        memcached_return_t rc = omc_lm_prepare(ptr, request);

        if (rc == MEMCACHED_SUCCESS && value != NULL)
            *value = UINT64_MAX;
        return rc == MEMCACHED_SUCCESS ? omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS) : rc;
    }
    return omc_lm_count(ptr, request, offset, initial, (uint32_t)expiration, value);
}

/* clang-format off */
#define OMC_LM_COUNT(name, opcode)                                                                 \
    static inline memcached_return_t memcached_##name##_by_key(                                    \
        memcached_st *ptr, const char *group_key, size_t group_key_length, const char *key,        \
        size_t key_length, uint64_t offset, uint64_t *value)                                       \
    {                                                                                              \
        omc_lm_request request =                                                                   \
            omc_lm_make(opcode, group_key, group_key_length, key, key_length);                     \
                                                                                                   \
        return omc_lm_count(ptr, &request, offset, 0, MEMCACHED_EXPIRATION_NOT_ADD, value);        \
    }                                                                                              \
                                                                                                   \
    static inline memcached_return_t memcached_##name(                                             \
        memcached_st *ptr, const char *key, size_t key_length, uint32_t offset, uint64_t *value)   \
    {                                                                                              \
        return memcached_##name##_by_key(ptr, NULL, 0, key, key_length, offset, value);            \
    }                                                                                              \
                                                                                                   \
    static inline memcached_return_t memcached_##name##_with_initial_by_key(                       \
        memcached_st *ptr, const char *group_key, size_t group_key_length, const char *key,        \
        size_t key_length, uint64_t offset, uint64_t initial, time_t expiration, uint64_t *value)  \
    {                                                                                              \
        omc_lm_request request =                                                                   \
            omc_lm_make(opcode, group_key, group_key_length, key, key_length);                     \
                                                                                                   \
        return omc_lm_count_from(ptr, &request, offset, initial, expiration, value);               \
    }                                                                                              \
                                                                                                   \
    static inline memcached_return_t memcached_##name##_with_initial(                              \
        memcached_st *ptr, const char *key, size_t key_length, uint64_t offset, uint64_t initial,  \
        time_t expiration, uint64_t *value)                                                        \
    {                                                                                              \
        return memcached_##name##_with_initial_by_key(ptr, NULL, 0, key, key_length, offset,       \
                                                      initial, expiration, value);                 \
    }
/* clang-format on */

OMC_LM_COUNT(increment, OMC_LM_INCREMENT)
OMC_LM_COUNT(decrement, OMC_LM_DECREMENT)

/*
 * Functions that are not about a key.
 */

static inline memcached_return_t memcached_flush_buffers(memcached_st *ptr)
{
    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    return omc_lm_end(ptr, NULL, omc_lm_drain(ptr));
}

/* Makes all servers delete all values, at once or later. */
static inline memcached_return_t memcached_flush(memcached_st *ptr, time_t expiration)
{
    memcached_return_t rc = MEMCACHED_SUCCESS;
    uint32_t i;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    if (ptr->server_count == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    for (i = 0; i < ptr->server_count; i++) {
        memcached_instance_st *server = &ptr->servers[i];
        int status = OMCACHE_NO_SERVERS;

        if (omc_lm_check(server) == MEMCACHED_SUCCESS) {
            status = omcache_flush_all(ptr->mc, expiration, server->index, omc_lm_timeout(ptr));
            if (status == OMCACHE_NO_SERVERS)
                omc_lm_failed(ptr, server, status);
        }
        if (status != OMCACHE_OK)
            rc = omc_lm_end(ptr, server, MEMCACHED_SOME_ERRORS);
    }
    return rc;
}

#endif
