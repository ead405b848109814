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
    free(result->buffer);
    result->buffer = NULL;
    result->capacity = 0;
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

/* Returns the value, which the caller then owns and frees; NULL for one of 0 bytes. */
static inline char *memcached_result_take_value(memcached_result_st *result)
{
    char *value = result->length > 0 ? result->value : NULL;

    if (value != NULL) {
        result->buffer = NULL;
        result->capacity = 0;
    }
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
    char *former = NULL;

    if (length >= result->capacity) {
        char *buffer = (char *)malloc(length + 1);

        if (buffer == NULL)
            return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
        former = result->buffer;
        result->buffer = buffer;
        result->capacity = length + 1;
    }
    if (length > 0)
        memmove(result->buffer, value, length);
    result->buffer[length] = '\0';
    free(former); /* which the value may have been in */
    result->value = result->buffer;
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

/* Rounds a size up, so that what is behind so many bytes is aligned. */
static inline size_t omc_lm_align(size_t size)
{
    return (size + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
}

/* How much of the memory of answers one takes. */
static inline size_t omc_lm_answer_size(size_t key_length, size_t length)
{
    return omc_lm_align(sizeof(omc_lm_answer) + key_length + length);
}

/* Keeps an answer behind those before it; where the next one goes. */
static inline char *omc_lm_keep_answer(char *at, const omcache_value_t *value, bool with_cas)
{
    omc_lm_answer *answer = (omc_lm_answer *)(void *)at;
    char *key = (char *)(answer + 1);

    answer->cas = with_cas ? value->cas : 0;
    answer->length = value->data_len;
    answer->flags = value->flags;
    answer->key_length = (uint32_t)value->key_len;
    memcpy(key, value->key, value->key_len);
    if (value->data_len > 0)
        memcpy(key + value->key_len, value->data, value->data_len);
    return at + omc_lm_answer_size(value->key_len, value->data_len);
}

/* A key of a batch that was found, and that fits where programs of libmemcached keep keys. */
static inline bool omc_lm_is_hit(const omcache_value_t *value)
{
    return value->status == OMCACHE_OK && value->key_len < MEMCACHED_MAX_KEY;
}

/* Notes a request that has failed: for its server, or for want of something here. */
static inline void omc_lm_note_lost(memcached_st *ptr, const omcache_value_t *value)
{
    if (value->status == OMCACHE_SERVER_FAILURE)
        ptr->is_doubtful = ptr->has_lost = true;
    else if (value->status == OMCACHE_NO_MEMORY || value->status == OMCACHE_NO_DESCRIPTORS ||
             value->status == OMCACHE_BUFFER_FULL)
        ptr->fetch_end = omc_lm_code(ptr, OMC_LM_GETKQ, value);
}

/* Keeps the answers that one call has read, until they are fetched, in one piece of memory. */
static inline void omc_lm_keep_answers(memcached_st *ptr, const omcache_value_t *values,
                                       size_t count)
{
    bool with_cas = ptr->behaviors[MEMCACHED_BEHAVIOR_SUPPORT_CAS] != 0 ||
                    ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;
    omc_lm_answers *answers;
    size_t i, size = 0;

    for (i = 0; i < count; i++) {
        omc_lm_note_lost(ptr, &values[i]);
        if (omc_lm_is_hit(&values[i]))
            size += omc_lm_answer_size(values[i].key_len, values[i].data_len);
    }
    if (size == 0)
        return;
    answers = (omc_lm_answers *)malloc(omc_lm_align(sizeof(*answers)) + size);
    if (answers == NULL) {
        ptr->fetch_end = MEMCACHED_MEMORY_ALLOCATION_FAILURE;
        return;
    }
    answers->next = NULL;
    answers->at = answers->end = (char *)answers + omc_lm_align(sizeof(*answers));
    for (i = 0; i < count; i++) {
        if (omc_lm_is_hit(&values[i]))
            answers->end = omc_lm_keep_answer(answers->end, &values[i], with_cas);
    }
    if (ptr->last_answers != NULL)
        ptr->last_answers->next = answers;
    else
        ptr->first_answers = answers;
    ptr->last_answers = answers;
}

/* Sends the requests of a multi-get, reads the answers, and notes how it ended.  values has room
 * for an answer to each request, as OMcache drops answers that find no room. */
static inline void omc_lm_collect(memcached_st *ptr, omcache_req_t *reqs, size_t count,
                                  omcache_value_t *values)
{
    size_t all = count, room = count;
    int rc = omcache_command(ptr->mc, reqs, &count, values, &room, omc_lm_timeout(ptr));

    omc_lm_note_sent(ptr);
    if (count > 0 ? count < all : rc != OMCACHE_OK)
        ptr->is_doubtful = true; /* some were not sent */
    if (rc == OMCACHE_NO_MEMORY)
        ptr->fetch_end = MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    omc_lm_keep_answers(ptr, values, room);
    while (count > 0) {
        if (rc != OMCACHE_OK && (rc != OMCACHE_AGAIN || room == 0)) {
            ptr->fetch_end = MEMCACHED_TIMEOUT;
            ptr->is_doubtful = true;
            break;
        }
        room = all;
        rc = omcache_io(ptr->mc, reqs, &count, values, &room, omc_lm_timeout(ptr));
        omc_lm_keep_answers(ptr, values, room);
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

/* Returns whether a server that was asked is up, for all that is known. */
static inline bool omc_lm_is_any_up(const memcached_st *ptr, const omcache_req_t *reqs,
                                    size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (reqs[i].server_index >= 0 && (uint32_t)reqs[i].server_index < ptr->server_count &&
            ptr->by_index[reqs[i].server_index]->next_retry == 0)
            return true;
    }
    return false;
}

/* Returns libmemcached's code for a multi-get when the servers of some keys have failed,
 * now or before.  If other servers answer, only the binary protocol reports the failure. */
static inline memcached_return_t omc_lm_mget_code(memcached_st *ptr, memcached_return_t before,
                                                  const omcache_req_t *reqs, size_t count)
{
    memcached_return_t now =
        omc_lm_has_failover(ptr) || !ptr->is_doubtful || ptr->fetch_end == MEMCACHED_TIMEOUT
            ? MEMCACHED_SUCCESS
            : omc_lm_look_for_failures(ptr);
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;

    if (before == MEMCACHED_SUCCESS && now == MEMCACHED_SUCCESS)
        return binary && ptr->has_lost ? MEMCACHED_SOME_ERRORS : MEMCACHED_SUCCESS;
    if (!binary && omc_lm_is_any_up(ptr, reqs, count))
        return MEMCACHED_SUCCESS;
    return before == MEMCACHED_SUCCESS && count == 1 ? now : MEMCACHED_SERVER_TEMPORARILY_DISABLED;
}

/* Returns memory for an array, or NULL. */
static inline void *omc_lm_array(size_t count, size_t size)
{
    return count > SIZE_MAX / size ? NULL : malloc(count * size);
}

static inline memcached_return_t omc_lm_mget(memcached_st *ptr, const char *group_key,
                                             size_t group_key_length, const char *const *keys,
                                             const size_t *key_length, size_t number_of_keys)
{
    omcache_req_t *reqs = (omcache_req_t *)omc_lm_array(number_of_keys, sizeof(*reqs));
    omcache_value_t *values = (omcache_value_t *)omc_lm_array(number_of_keys, sizeof(*values));
    memcached_return_t rc;
    size_t count;

    if (reqs == NULL || values == NULL) {
        free(reqs);
        free(values);
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    }
    rc = omc_lm_make_gets(ptr, group_key, group_key_length, keys, key_length, number_of_keys, reqs,
                          &count);
    ptr->is_fetching = count > 0;
    ptr->has_lost = false;
    ptr->fetch_end = MEMCACHED_SUCCESS;
    if (count > 0)
        omc_lm_collect(ptr, reqs, count, values);
    rc = omc_lm_mget_code(ptr, rc, reqs, count);
    free(reqs);
    free(values);
    return rc;
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
    if (number_of_keys == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_INVALID_ARGUMENTS);
    if (keys == NULL || key_length == NULL)
        return omc_lm_end(ptr, NULL, MEMCACHED_BAD_KEY_PROVIDED);
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

/* Returns the next answer that was read, which stays until this is called again.  If there is none,
 * returns NULL with a code: once END if there were any, and NOTFOUND from then on. */
static inline const omc_lm_answer *omc_lm_next_answer(memcached_st *ptr, memcached_return_t *rc)
{
    omc_lm_answers *answers = ptr->first_answers;
    const omc_lm_answer *answer;

    while (answers != NULL && answers->at == answers->end) {
        ptr->first_answers = answers->next;
        free(answers);
        answers = ptr->first_answers;
    }
    if (answers != NULL) {
        answer = (const omc_lm_answer *)(void *)answers->at;
        answers->at += omc_lm_answer_size(answer->key_length, answer->length);
        ptr->has_fetched = true;
        *rc = MEMCACHED_SUCCESS;
        return answer;
    }
    ptr->last_answers = NULL;
    *rc = ptr->has_fetched ? MEMCACHED_END : MEMCACHED_NOTFOUND;
    if (ptr->is_fetching && ptr->fetch_end != MEMCACHED_SUCCESS)
        *rc = omc_lm_end(ptr, NULL, ptr->fetch_end);
    ptr->is_fetching = ptr->has_fetched = false;
    return NULL;
}

static inline const char *omc_lm_answer_key(const omc_lm_answer *answer)
{
    return (const char *)(answer + 1);
}

static inline const char *omc_lm_answer_value(const omc_lm_answer *answer)
{
    return omc_lm_answer_key(answer) + answer->key_length;
}

/* Returns the next value, which the caller frees, and its key.  key has room for
 * MEMCACHED_MAX_KEY bytes. */
static inline char *memcached_fetch(memcached_st *ptr, char *key, size_t *key_length,
                                    size_t *value_length, uint32_t *flags,
                                    memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    const omc_lm_answer *answer;
    char *value;

    *rc = MEMCACHED_INVALID_ARGUMENTS;
    answer = ptr == NULL ? NULL : omc_lm_next_answer(ptr, rc);
    if (key_length != NULL)
        *key_length = answer == NULL ? 0 : answer->key_length;
    if (value_length != NULL)
        *value_length = answer == NULL ? 0 : answer->length;
    if (flags != NULL)
        *flags = answer == NULL ? 0 : answer->flags;
    if (answer == NULL)
        return NULL;
    if (key != NULL)
        memcpy(key, omc_lm_answer_key(answer), answer->key_length);
    if (answer->length == 0)
        return NULL;
    value = omc_lm_copy(omc_lm_answer_value(answer), answer->length);
    if (value == NULL) {
        *rc = omc_lm_end(ptr, NULL, MEMCACHED_MEMORY_ALLOCATION_FAILURE);
        if (value_length != NULL)
            *value_length = 0;
    }
    return value;
}

/* Makes an answer a result. */
static inline memcached_return_t omc_lm_fill_result(memcached_result_st *result,
                                                    const omc_lm_answer *answer)
{
    memcpy(result->item_key, omc_lm_answer_key(answer), answer->key_length);
    result->item_key[answer->key_length] = '\0';
    result->key_length = answer->key_length;
    result->item_flags = answer->flags;
    result->item_cas = answer->cas;
    result->item_expiration = 0;
    return memcached_result_set_value(result, omc_lm_answer_value(answer), answer->length);
}

/* Returns the next result: in the caller's object if there is one, else in a new one,
 * which the caller frees. */
static inline memcached_result_st *
memcached_fetch_result(memcached_st *ptr, memcached_result_st *result, memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    memcached_result_st *filled = result;
    const omc_lm_answer *answer;

    *rc = MEMCACHED_INVALID_ARGUMENTS;
    if (ptr == NULL)
        return NULL;
    answer = omc_lm_next_answer(ptr, rc);
    if (answer == NULL) {
        if (result != NULL)
            memcached_result_reset(result);
        else if (*rc == MEMCACHED_END)
            *rc = MEMCACHED_NOTFOUND;
        return NULL;
    }
    if (filled == NULL)
        filled = memcached_result_create(ptr, NULL);
    if (filled != NULL && omc_lm_fill_result(filled, answer) == MEMCACHED_SUCCESS)
        return filled;
    if (result == NULL)
        memcached_result_free(filled);
    *rc = omc_lm_end(ptr, NULL, MEMCACHED_MEMORY_ALLOCATION_FAILURE);
    return NULL;
}

/* Calls each of the functions for each result. */
static inline memcached_return_t memcached_fetch_execute(memcached_st *ptr,
                                                         memcached_execute_fn *callback,
                                                         void *context,
                                                         uint32_t number_of_callbacks)
{
    memcached_return_t rc = MEMCACHED_INVALID_ARGUMENTS, one;
    memcached_result_st result;
    bool failed = false;
    uint32_t i;

    memcached_result_create(ptr, &result);
    while (ptr != NULL) {
        const omc_lm_answer *answer = omc_lm_next_answer(ptr, &rc);

        if (answer == NULL)
            break;
        rc = omc_lm_fill_result(&result, answer);
        if (rc != MEMCACHED_SUCCESS) {
            omc_lm_end(ptr, NULL, rc);
            break;
        }
        for (i = 0; i < number_of_callbacks; i++) {
            one = callback[i](ptr, &result, context);
            failed = failed || one != MEMCACHED_SUCCESS;
        }
    }
    memcached_result_free(&result);
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
