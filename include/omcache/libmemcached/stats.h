/*
 * Statistics and versions.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_STATS_H
#define OMCACHE_LIBMEMCACHED_STATS_H

#include <omcache/libmemcached/client.h>

/* What to do with each statistic, and how the request ended. */
typedef struct omc_lm_stats {
    memcached_instance_st *server;
    memcached_stat_fn func;
    void *context;
    int status; /* OMcache's status at the end; -1: not ended yet */
} omc_lm_stats;

static inline void omc_lm_on_stat(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    omc_lm_stats *stats = (omc_lm_stats *)context;
    size_t key_length, value_length;
    const char *key = (const char *)omcache_reply_key(reply, &key_length);
    const char *value = (const char *)omcache_reply_value(reply, &value_length);

    (void)mc;
    if (key == NULL)
        stats->status = omcache_reply_status(reply);
    else if (stats->func != NULL)
        (void)stats->func(stats->server, key, key_length, value, value_length, stats->context);
}

/* Waits for an operation on a server.  Its callback stores the outcome in *status. */
static inline memcached_return_t omc_lm_wait(memcached_st *ptr, memcached_instance_st *server,
                                             int accepted, const int *status)
{
    int rc = accepted;

    omc_lm_note_sent(ptr);
    while (rc == OMCACHE_OK && *status == -1) {
        if (omcache_io(ptr->mc, NULL, NULL, NULL, NULL, omc_lm_timeout(ptr)) == OMCACHE_INVALID)
            rc = OMCACHE_INVALID;
    }
    if (rc == OMCACHE_OK)
        rc = *status;
    if (rc == OMCACHE_SERVER_FAILURE || rc == OMCACHE_NO_SERVERS)
        return omc_lm_failed(ptr, server, rc);
    if (rc == OMCACHE_TIMEOUT)
        return MEMCACHED_TIMEOUT;
    if (rc == OMCACHE_NOT_FOUND && ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0)
        return MEMCACHED_SUCCESS; /* libmemcached takes it for the end of statistics */
    return rc == OMCACHE_OK ? MEMCACHED_SUCCESS : MEMCACHED_INVALID_ARGUMENTS;
}

/* Calls a function for each statistic of a server. */
static inline memcached_return_t omc_lm_stat(memcached_st *ptr, memcached_instance_st *server,
                                             const char *args, memcached_stat_fn func,
                                             void *context)
{
    omc_lm_stats stats = {server, func, context, -1};
    memcached_return_t rc = omc_lm_check(server);

    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_wait(ptr, server,
                         omcache_async_stat(ptr->mc, args, server->index, omc_lm_timeout(ptr),
                                            omc_lm_on_stat, &stats),
                         &stats.status);
    return omc_lm_end(ptr, server, rc);
}

/* Combines the code of the servers before with that of one more server, which may have
 * failed. */
static inline memcached_return_t omc_lm_worse(memcached_return_t rc, memcached_return_t one)
{
    if (one == MEMCACHED_SUCCESS)
        return rc;
    return one == MEMCACHED_INVALID_ARGUMENTS ? one : MEMCACHED_SOME_ERRORS;
}

static inline memcached_return_t memcached_stat_execute(memcached_st *ptr, const char *args,
                                                        memcached_stat_fn func, void *context)
{
    memcached_return_t rc = MEMCACHED_SUCCESS;
    uint32_t i;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    if (ptr->server_count == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    for (i = 0; i < ptr->server_count; i++)
        rc = omc_lm_worse(rc, omc_lm_stat(ptr, &ptr->servers[i], args, func, context));
    return omc_lm_end(ptr, NULL, rc);
}

/*
 * The statistics that libmemcached knows, as numbers.
 */

/* Where memcached_stat_st keeps a statistic. */
typedef struct omc_lm_stat_place {
    const char *name;
    size_t offset;
    size_t size; /* of the number, in bytes; 0: it is not a number but the version */
} omc_lm_stat_place;

/* Returns the statistic of a number, in libmemcached's order.  The last one has no name. */
static inline omc_lm_stat_place omc_lm_find_place(size_t number)
{
#define OMC_LM_PLACE(name, member)                                                             \
    {                                                                                          \
        name, offsetof(memcached_stat_st, member), sizeof(((memcached_stat_st *)NULL)->member) \
    }
    static const omc_lm_stat_place places[] = {
        OMC_LM_PLACE("pid", pid),
        OMC_LM_PLACE("uptime", uptime),
        OMC_LM_PLACE("time", time),
        {"version", offsetof(memcached_stat_st, version), 0},
        OMC_LM_PLACE("pointer_size", pointer_size),
        OMC_LM_PLACE("rusage_user", rusage_user_seconds),
        OMC_LM_PLACE("rusage_system", rusage_system_seconds),
        OMC_LM_PLACE("curr_items", curr_items),
        OMC_LM_PLACE("total_items", total_items),
        OMC_LM_PLACE("bytes", bytes),
        OMC_LM_PLACE("curr_connections", curr_connections),
        OMC_LM_PLACE("total_connections", total_connections),
        OMC_LM_PLACE("connection_structures", connection_structures),
        OMC_LM_PLACE("cmd_get", cmd_get),
        OMC_LM_PLACE("cmd_set", cmd_set),
        OMC_LM_PLACE("get_hits", get_hits),
        OMC_LM_PLACE("get_misses", get_misses),
        OMC_LM_PLACE("evictions", evictions),
        OMC_LM_PLACE("bytes_read", bytes_read),
        OMC_LM_PLACE("bytes_written", bytes_written),
        OMC_LM_PLACE("limit_maxbytes", limit_maxbytes),
        OMC_LM_PLACE("threads", threads),
        {NULL, 0, 0},
    };
#undef OMC_LM_PLACE

    return places[number];
}

/* Reads a number of 4 or 8 bytes; omc_lm_write_number writes one. */
static inline uint64_t omc_lm_read_number(const void *from, size_t size)
{
    uint64_t large;
    uint32_t small;

    if (size == sizeof(large)) {
        memcpy(&large, from, sizeof(large));
        return large;
    }
    memcpy(&small, from, sizeof(small));
    return small;
}

static inline void omc_lm_write_number(void *to, size_t size, uint64_t number)
{
    uint32_t small = (uint32_t)number;

    if (size == sizeof(number))
        memcpy(to, &number, sizeof(number));
    else
        memcpy(to, &small, sizeof(small));
}

/* Returns the microseconds that belong to a number of seconds, or NULL. */
static inline unsigned long *omc_lm_microseconds(memcached_stat_st *stat,
                                                 const omc_lm_stat_place *place)
{
    if (place->offset == offsetof(memcached_stat_st, rusage_user_seconds))
        return &stat->rusage_user_microseconds;
    if (place->offset == offsetof(memcached_stat_st, rusage_system_seconds))
        return &stat->rusage_system_microseconds;
    return NULL;
}

static inline memcached_return_t omc_lm_keep_stat(const memcached_instance_st *server,
                                                  const char *key, size_t key_length,
                                                  const char *value, size_t value_length,
                                                  void *context)
{
    memcached_stat_st *stat = (memcached_stat_st *)context;
    char text[MEMCACHED_VERSION_STRING_LENGTH] = {0}, *end;
    omc_lm_stat_place place;
    unsigned long *micro;
    size_t i = 0;

    (void)server;
    place = omc_lm_find_place(0);
    while (place.name != NULL &&
           (strlen(place.name) != key_length || memcmp(place.name, key, key_length) != 0))
        place = omc_lm_find_place(++i);
    if (place.name == NULL)
        return MEMCACHED_SUCCESS;
    if (value_length >= sizeof(text))
        value_length = sizeof(text) - 1;
    if (value_length > 0)
        memcpy(text, value, value_length);
    if (place.size == 0) {
        memcpy(stat->version, text, sizeof(stat->version));
        return MEMCACHED_SUCCESS;
    }
    omc_lm_write_number((char *)stat + place.offset, place.size, strtoull(text, &end, 10));
    micro = omc_lm_microseconds(stat, &place);
    if (micro != NULL && *end == '.')
        *micro = strtoul(end + 1, NULL, 10);
    return MEMCACHED_SUCCESS;
}

/* Gets the statistics of all servers as an array, which memcached_stat_free frees. */
static inline memcached_stat_st *memcached_stat(memcached_st *ptr, char *args,
                                                memcached_return_t *error)
{
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    memcached_stat_st *stats;
    uint32_t i;

    *rc = MEMCACHED_INVALID_ARGUMENTS;
    if (ptr == NULL)
        return NULL;
    omc_lm_begin(ptr);
    *rc = MEMCACHED_SUCCESS;
    if (ptr->server_count == 0)
        *rc = omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    stats = ptr->server_count == 0 ? NULL
                                   : (memcached_stat_st *)calloc(ptr->server_count, sizeof(*stats));
    if (stats == NULL && ptr->server_count > 0)
        *rc = omc_lm_end(ptr, NULL, MEMCACHED_MEMORY_ALLOCATION_FAILURE);
    for (i = 0; stats != NULL && i < ptr->server_count; i++) {
        stats[i].root = ptr;
        *rc = omc_lm_worse(*rc,
                           omc_lm_stat(ptr, &ptr->servers[i], args, omc_lm_keep_stat, &stats[i]));
    }
    return stats;
}

static inline void memcached_stat_free(const memcached_st *ptr, memcached_stat_st *stat)
{
    (void)ptr;
    free(stat);
}

/* Gets the statistics of one server, which need not be in a client's list. */
static inline memcached_return_t memcached_stat_servername(memcached_stat_st *stat, char *args,
                                                           const char *hostname, in_port_t port)
{
    memcached_st *ptr = memcached_create(NULL);
    memcached_return_t rc = MEMCACHED_MEMORY_ALLOCATION_FAILURE;

    memset(stat, 0, sizeof(*stat));
    if (ptr != NULL)
        rc = memcached_server_add(ptr, hostname, port);
    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_stat(ptr, ptr->servers, args, omc_lm_keep_stat, stat);
    memcached_free(ptr);
    return rc;
}

/* Returns the names that memcached_stat_get_value knows, as an array that ends with
 * NULL.  The caller frees the array, but not the names. */
static inline char **memcached_stat_get_keys(memcached_st *ptr, memcached_stat_st *stat,
                                             memcached_return_t *error)
{
    size_t count = 0, i;
    char **keys;

    (void)ptr, (void)stat;
    while (omc_lm_find_place(count).name != NULL)
        count++;
    keys = (char **)calloc(count + 1, sizeof(*keys));
    for (i = 0; keys != NULL && i < count; i++)
        keys[i] = (char *)(uintptr_t)omc_lm_find_place(i).name;
    if (error != NULL)
        *error = keys == NULL ? MEMCACHED_MEMORY_ALLOCATION_FAILURE : MEMCACHED_SUCCESS;
    return keys;
}

/* Returns one statistic as text, which the caller frees. */
static inline char *memcached_stat_get_value(const memcached_st *ptr, memcached_stat_st *stat,
                                             const char *key, memcached_return_t *error)
{
    enum { ROOM = 64 };
    memcached_return_t unwanted, *rc = error != NULL ? error : &unwanted;
    const unsigned long *micro;
    omc_lm_stat_place place;
    unsigned long long number = 0;
    char *text = NULL;
    size_t i = 0;

    (void)ptr;
    *rc = MEMCACHED_INVALID_ARGUMENTS;
    place = omc_lm_find_place(0);
    while (place.name != NULL && strcmp(place.name, key) != 0)
        place = omc_lm_find_place(++i);
    if (place.name != NULL)
        text = (char *)malloc(ROOM);
    if (text == NULL)
        return NULL;
    *rc = MEMCACHED_SUCCESS;
    if (place.size != 0)
        number = omc_lm_read_number((const char *)stat + place.offset, place.size);
    micro = omc_lm_microseconds(stat, &place);
    if (place.size == 0)
        (void)snprintf(text, ROOM, "%s", stat->version);
    else if (micro != NULL)
        (void)snprintf(text, ROOM, "%llu.%lu", number, *micro);
    else
        (void)snprintf(text, ROOM, "%llu", number);
    return text;
}

/*
 * Versions.
 */

typedef struct omc_lm_version {
    int status;
    uint8_t numbers[3];
} omc_lm_version;

static inline void omc_lm_on_version(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    omc_lm_version *version = (omc_lm_version *)context;
    size_t length, i, number = 0;
    const unsigned char *text = omcache_reply_value(reply, &length);

    (void)mc;
    version->status = omcache_reply_status(reply);
    for (i = 0; i < length && number < 3; i++) {
        if (text[i] >= '0' && text[i] <= '9')
            version->numbers[number] = (uint8_t)(version->numbers[number] * 10 + (text[i] - '0'));
        else
            number++;
    }
}

/* Asks all servers for their versions. */
static inline memcached_return_t memcached_version(memcached_st *ptr)
{
    memcached_return_t rc = MEMCACHED_SUCCESS, one;
    uint32_t i;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    if (ptr->server_count == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    for (i = 0; i < ptr->server_count; i++) {
        memcached_instance_st *server = &ptr->servers[i];
        omc_lm_version version = {-1, {0, 0, 0}};

        one = omc_lm_check(server);
        if (one == MEMCACHED_SUCCESS)
            one = omc_lm_wait(ptr, server,
                              omcache_async_version(ptr->mc, server->index, omc_lm_timeout(ptr),
                                                    omc_lm_on_version, &version),
                              &version.status);
        if (one == MEMCACHED_SUCCESS) {
            server->major_version = version.numbers[0];
            server->minor_version = version.numbers[1];
            server->micro_version = version.numbers[2];
        } else {
            rc = omc_lm_end(ptr, server, MEMCACHED_SOME_ERRORS);
        }
    }
    return rc;
}

/* The versions are UINT8_MAX before memcached_version was called. */
static inline uint8_t memcached_server_major_version(const memcached_instance_st *server)
{
    return server == NULL ? 0 : server->major_version;
}

static inline uint8_t memcached_server_minor_version(const memcached_instance_st *server)
{
    return server == NULL ? 0 : server->minor_version;
}

static inline uint8_t memcached_server_micro_version(const memcached_instance_st *server)
{
    return server == NULL ? 0 : server->micro_version;
}

#endif
