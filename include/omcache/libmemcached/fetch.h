/*
 * Getting values, one or many.  Part of omcache_libmemcached.h.
 *
 * A multi-get reads all answers and keeps them in memory.  The fetch functions take them
 * from there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_FETCH_H
#define OMCACHE_LIBMEMCACHED_FETCH_H

#include <omcache/libmemcached/request.h>

/*
 * Results.
 */

static inline memcached_result_st *memcached_result_create(const memcached_st *ptr,
                                                           memcached_result_st *result)
{
    void *allocated = result == NULL ? malloc(sizeof(*result)) : NULL;

    if (result == NULL)
        result = (memcached_result_st *)allocated;
    if (result == NULL)
        return NULL;
    memset(result, 0, sizeof(*result));
    result->root = ptr;
    result->allocated = allocated;
    return result;
}

static inline void memcached_result_reset(memcached_result_st *result)
{
    free(result->value);
    result->value = NULL;
    result->length = result->key_length = 0;
    result->item_flags = 0;
    result->item_cas = 0;
    result->item_expiration = 0;
    result->item_key[0] = '\0';
}

static inline void memcached_result_free(memcached_result_st *result)
{
    if (result == NULL)
        return;
    memcached_result_reset(result);
    free(result->allocated);
}

static inline const char *memcached_result_key_value(const memcached_result_st *result)
{
    return result->item_key;
}

static inline size_t memcached_result_key_length(const memcached_result_st *result)
{
    return result->key_length;
}

static inline const char *memcached_result_value(const memcached_result_st *result)
{
    return result->value;
}

static inline size_t memcached_result_length(const memcached_result_st *result)
{
    return result->length;
}

/* Returns the value, which the caller then owns and frees. */
static inline char *memcached_result_take_value(memcached_result_st *result)
{
    char *value = result->value;

    result->value = NULL;
    result->length = 0;
    return value;
}

static inline uint32_t memcached_result_flags(const memcached_result_st *result)
{
    return result->item_flags;
}

static inline uint64_t memcached_result_cas(const memcached_result_st *result)
{
    return result->item_cas;
}

/* Returns a copy with a NUL after its last byte. */
static inline char *omc_lm_copy(const void *data, size_t length)
{
    char *copy = (char *)malloc(length + 1);

    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

static inline memcached_return_t memcached_result_set_value(memcached_result_st *result,
                                                            const char *value, size_t length)
{
    char *copy = omc_lm_copy(value, length);

    if (copy == NULL)
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    free(result->value);
    result->value = copy;
    result->length = length;
    return MEMCACHED_SUCCESS;
}

static inline void memcached_result_set_flags(memcached_result_st *result, uint32_t flags)
{
    result->item_flags = flags;
}

static inline void memcached_result_set_expiration(memcached_result_st *result, time_t expiration)
{
    result->item_expiration = expiration;
}

/*
 * One value.
 */

/* Gets a value, which the caller frees.  Returns NULL if there is none, and for a value
 * of 0 bytes. */
static inline char *memcached_get_by_key(memcached_st *ptr, const char *group_key,
                                         size_t group_key_length, const char *key,
                                         size_t key_length, size_t *value_length, uint32_t *flags,
                                         memcached_return_t *error)
{
    omc_lm_request request = omc_lm_make(OMC_LM_GETK, group_key, group_key_length, key, key_length);
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    omcache_value_t answer;
    char *value = NULL;

    if (value_length != NULL)
        *value_length = 0;
    *rc = omc_lm_prepare(ptr, &request);
    if (*rc != MEMCACHED_SUCCESS)
        return NULL;
    omc_lm_drop_results(ptr);
    *rc = omc_lm_run(ptr, &request, &answer);
    if (flags != NULL &&
        (*rc == MEMCACHED_SUCCESS || *rc == MEMCACHED_NOTFOUND || *rc == MEMCACHED_TIMEOUT))
        *flags = *rc == MEMCACHED_SUCCESS ? answer.flags : 0;
    if (*rc != MEMCACHED_SUCCESS || answer.data_len == 0)
        return NULL;
    value = omc_lm_copy(answer.data, answer.data_len);
    if (value == NULL)
        *rc = omc_lm_end(ptr, NULL, MEMCACHED_MEMORY_ALLOCATION_FAILURE);
    else if (value_length != NULL)
        *value_length = answer.data_len;
    return value;
}

static inline char *memcached_get(memcached_st *ptr, const char *key, size_t key_length,
                                  size_t *value_length, uint32_t *flags, memcached_return_t *error)
{
    return memcached_get_by_key(ptr, NULL, 0, key, key_length, value_length, flags, error);
}

/*
 * Many values.
 */

/* Keeps an answer until it is fetched. */
static inline bool omc_lm_keep_result(memcached_st *ptr, const omcache_value_t *answer)
{
    bool with_cas = ptr->behaviors[MEMCACHED_BEHAVIOR_SUPPORT_CAS] != 0 ||
                    ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;
    memcached_result_st *result = memcached_result_create(ptr, NULL);

    if (result == NULL || answer->key_len >= sizeof(result->item_key) ||
        memcached_result_set_value(result, (const char *)answer->data, answer->data_len) !=
            MEMCACHED_SUCCESS) {
        free(result);
        return false;
    }
    memcpy(result->item_key, answer->key, answer->key_len);
    result->key_length = answer->key_len;
    result->item_flags = answer->flags;
    result->item_cas = with_cas ? answer->cas : 0;
    if (ptr->last_result != NULL)
        ptr->last_result->next = result;
    else
        ptr->first_result = result;
    ptr->last_result = result;
    return true;
}

/* Keeps the answers that one omcache_io has read. */
static inline void omc_lm_keep_results(memcached_st *ptr, const omcache_value_t *answers,
                                       size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (answers[i].status == OMCACHE_SERVER_FAILURE)
            ptr->is_doubtful = true;
        else if (answers[i].status == OMCACHE_OK && !omc_lm_keep_result(ptr, &answers[i]))
            ptr->fetch_end = MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    }
}

/* Reads the answers to the requests of a multi-get, and notes how it ended.  answers has
 * room for an answer to each request, as OMcache drops answers that find no room. */
static inline void omc_lm_collect(memcached_st *ptr, omcache_req_t *reqs, size_t count,
                                  omcache_value_t *answers)
{
    size_t all = count, room;
    int rc = omcache_command(ptr->mc, reqs, &count, NULL, NULL, 0);

    if (count < all)
        ptr->is_doubtful = true;
    if (rc == OMCACHE_FAIL)
        ptr->fetch_end = MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    while (count > 0) {
        room = all;
        rc = omcache_io(ptr->mc, reqs, &count, answers, &room, omc_lm_timeout(ptr));
        omc_lm_keep_results(ptr, answers, room);
        if (rc == OMCACHE_OK || (rc == OMCACHE_AGAIN && room > 0))
            continue;
        ptr->fetch_end = MEMCACHED_TIMEOUT;
        ptr->is_doubtful = true;
        break;
    }
}

/* Makes a request for each key whose server can be asked now.  *count becomes their
 * number. */
static inline memcached_return_t omc_lm_make_gets(memcached_st *ptr, const char *group_key,
                                                  size_t group_key_length, const char *const *keys,
                                                  const size_t *key_length, size_t number_of_keys,
                                                  omcache_req_t *reqs, size_t *count)
{
    memcached_return_t rc = MEMCACHED_SUCCESS, one;
    memcached_instance_st *server;
    size_t i;
    int index;

    *count = 0;
    for (i = 0; i < number_of_keys; i++) {
        omc_lm_request request =
            omc_lm_make(OMC_LM_GETKQ, group_key, group_key_length, keys[i], key_length[i]);

        one = omc_lm_route(ptr, &request, &server, &index);
        if (one == MEMCACHED_SUCCESS)
            reqs[(*count)++] = omc_lm_encode(&request, OMC_LM_GETKQ, index);
        else
            rc = one;
    }
    return rc;
}

/* Returns libmemcached's code for a multi-get when the servers of some keys have failed,
 * now or before.  If other servers answer, only the binary protocol reports the failure. */
static inline memcached_return_t omc_lm_mget_code(memcached_st *ptr, memcached_return_t before,
                                                  size_t count)
{
    memcached_return_t now =
        omc_lm_has_failover(ptr) || !ptr->is_doubtful || ptr->fetch_end == MEMCACHED_TIMEOUT
            ? MEMCACHED_SUCCESS
            : omc_lm_look_for_failures(ptr);
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;
    uint32_t i, up = 0;

    if (before == MEMCACHED_SUCCESS && now == MEMCACHED_SUCCESS)
        return MEMCACHED_SUCCESS;
    for (i = 0; i < ptr->server_count; i++)
        up += ptr->servers[i].next_retry == 0;
    if (!binary && up > 0)
        return MEMCACHED_SUCCESS;
    return before == MEMCACHED_SUCCESS && count == 1 ? now : MEMCACHED_SERVER_TEMPORARILY_DISABLED;
}

static inline memcached_return_t omc_lm_mget(memcached_st *ptr, const char *group_key,
                                             size_t group_key_length, const char *const *keys,
                                             const size_t *key_length, size_t number_of_keys)
{
    omcache_req_t *reqs = (omcache_req_t *)calloc(number_of_keys, sizeof(*reqs));
    omcache_value_t *answers = (omcache_value_t *)calloc(number_of_keys, sizeof(*answers));
    memcached_return_t rc;
    size_t count;

    if (reqs == NULL || answers == NULL) {
        free(reqs);
        free(answers);
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    }
    rc = omc_lm_make_gets(ptr, group_key, group_key_length, keys, key_length, number_of_keys, reqs,
                          &count);
    ptr->is_fetching = count > 0;
    ptr->fetch_end = MEMCACHED_SUCCESS;
    if (count > 0)
        omc_lm_collect(ptr, reqs, count, answers);
    free(reqs);
    free(answers);
    return omc_lm_mget_code(ptr, rc, count);
}

static inline memcached_return_t
memcached_mget_by_key(memcached_st *ptr, const char *group_key, size_t group_key_length,
                      const char *const *keys, const size_t *key_length, size_t number_of_keys)
{
    memcached_return_t rc;
    size_t i;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    omc_lm_drop_results(ptr);
    if (ptr->server_count == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    if (keys == NULL || key_length == NULL || number_of_keys == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    rc = omc_lm_check_group(group_key, group_key_length);
    for (i = 0; rc == MEMCACHED_SUCCESS && i < number_of_keys; i++)
        rc = omc_lm_check_key(ptr, keys[i], key_length[i]);
    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_mget(ptr, group_key, group_key_length, keys, key_length, number_of_keys);
    return omc_lm_end(ptr, NULL, rc);
}

static inline memcached_return_t memcached_mget(memcached_st *ptr, const char *const *keys,
                                                const size_t *key_length, size_t number_of_keys)
{
    return memcached_mget_by_key(ptr, NULL, 0, keys, key_length, number_of_keys);
}

/* Returns the next result that was read.  If there is none, returns NULL with a code:
 * once END if there were any results, and NOTFOUND from then on. */
static inline memcached_result_st *omc_lm_next_result(memcached_st *ptr, memcached_return_t *rc)
{
    memcached_result_st *result = ptr->first_result;

    omc_lm_begin(ptr);
    if (result != NULL) {
        ptr->first_result = result->next;
        if (ptr->first_result == NULL)
            ptr->last_result = NULL;
        result->next = NULL;
        ptr->has_fetched = true;
        *rc = MEMCACHED_SUCCESS;
        return result;
    }
    *rc = ptr->has_fetched ? MEMCACHED_END : MEMCACHED_NOTFOUND;
    if (ptr->is_fetching && ptr->fetch_end != MEMCACHED_SUCCESS)
        *rc = omc_lm_end(ptr, NULL, ptr->fetch_end);
    ptr->is_fetching = ptr->has_fetched = false;
    return NULL;
}

/* Returns the next value, which the caller frees, and its key.  key has room for
 * MEMCACHED_MAX_KEY bytes. */
static inline char *memcached_fetch(memcached_st *ptr, char *key, size_t *key_length,
                                    size_t *value_length, uint32_t *flags,
                                    memcached_return_t *error)
{
    memcached_return_t rc = MEMCACHED_INVALID_ARGUMENTS;
    memcached_result_st *result = ptr == NULL ? NULL : omc_lm_next_result(ptr, &rc);
    char *value = NULL;

    if (error != NULL)
        *error = rc;
    if (key_length != NULL)
        *key_length = result == NULL ? 0 : result->key_length;
    if (value_length != NULL)
        *value_length = result == NULL ? 0 : result->length;
    if (flags != NULL)
        *flags = result == NULL ? 0 : result->item_flags;
    if (result == NULL)
        return NULL;
    if (key != NULL)
        memcpy(key, result->item_key, result->key_length);
    if (result->length > 0)
        value = memcached_result_take_value(result);
    memcached_result_free(result);
    return value;
}

/* Returns the next result: in the caller's object if there is one, else in a new one,
 * which the caller frees. */
static inline memcached_result_st *
memcached_fetch_result(memcached_st *ptr, memcached_result_st *result, memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    memcached_result_st *next;
    void *allocated;

    *rc = MEMCACHED_INVALID_ARGUMENTS;
    if (ptr == NULL)
        return NULL;
    next = omc_lm_next_result(ptr, rc);
    if (result == NULL) {
        if (*rc == MEMCACHED_END)
            *rc = MEMCACHED_NOTFOUND;
        return next;
    }
    allocated = result->allocated;
    memcached_result_reset(result);
    if (next == NULL)
        return NULL;
    *result = *next;
    result->allocated = allocated;
    free(next);
    return result;
}

/* Calls each of the functions for each result. */
static inline memcached_return_t memcached_fetch_execute(memcached_st *ptr,
                                                         memcached_execute_fn *callback,
                                                         void *context,
                                                         uint32_t number_of_callbacks)
{
    memcached_return_t rc = MEMCACHED_INVALID_ARGUMENTS, one;
    bool failed = false;
    uint32_t i;

    while (ptr != NULL) {
        memcached_result_st *result = omc_lm_next_result(ptr, &rc);

        if (result == NULL)
            break;
        for (i = 0; i < number_of_callbacks; i++) {
            one = callback[i](ptr, result, context);
            failed = failed || one != MEMCACHED_SUCCESS;
        }
        memcached_result_free(result);
    }
    if (failed)
        return MEMCACHED_SOME_ERRORS;
    return rc == MEMCACHED_END ? MEMCACHED_SUCCESS : rc;
}

/* A multi-get that libmemcached has in its binary protocol only.  libmemcached calls the
 * functions for results that it has no room for.  Here there is room for all results, so
 * they all stay to be fetched. */
static inline memcached_return_t
memcached_mget_execute_by_key(memcached_st *ptr, const char *group_key, size_t group_key_length,
                              const char *const *keys, const size_t *key_length,
                              size_t number_of_keys, memcached_execute_fn *callback, void *context,
                              uint32_t number_of_callbacks)
{
    (void)callback, (void)context, (void)number_of_callbacks;
    if (ptr != NULL && ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NOT_SUPPORTED);
    return memcached_mget_by_key(ptr, group_key, group_key_length, keys, key_length,
                                 number_of_keys);
}

static inline memcached_return_t memcached_mget_execute(memcached_st *ptr, const char *const *keys,
                                                        const size_t *key_length,
                                                        size_t number_of_keys,
                                                        memcached_execute_fn *callback,
                                                        void *context, uint32_t number_of_callbacks)
{
    return memcached_mget_execute_by_key(ptr, NULL, 0, keys, key_length, number_of_keys, callback,
                                         context, number_of_callbacks);
}

#endif
