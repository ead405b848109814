/*
 * The names, numbers and types of libmemcached 1.1.4 that programs use.  Part of
 * omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_TYPES_H
#define OMCACHE_LIBMEMCACHED_TYPES_H

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <omcache.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

#define LIBMEMCACHED_VERSION_STRING "1.1.4"
#define LIBMEMCACHED_VERSION_HEX 0x01001004
#define LIBMEMCACHED_WITH_SASL_SUPPORT 1

#define MEMCACHED_DEFAULT_PORT 11211
#define MEMCACHED_DEFAULT_TIMEOUT 5000
#define MEMCACHED_DEFAULT_CONNECT_TIMEOUT 4000
#define MEMCACHED_EXPIRATION_NOT_ADD 0xffffffffU
#define MEMCACHED_MAX_BUFFER 8196
#define MEMCACHED_MAX_KEY 251
#define MEMCACHED_MAX_NAMESPACE 128
#define MEMCACHED_PREFIX_KEY_MAX_SIZE MEMCACHED_MAX_NAMESPACE
#define MEMCACHED_NI_MAXHOST 1025
#define MEMCACHED_VERSION_STRING_LENGTH 24

typedef enum memcached_return_t {
    MEMCACHED_SUCCESS = 0,
    MEMCACHED_FAILURE = 1,
    MEMCACHED_HOST_LOOKUP_FAILURE = 2,
    MEMCACHED_CONNECTION_FAILURE = 3,
    MEMCACHED_CONNECTION_BIND_FAILURE = 4,
    MEMCACHED_WRITE_FAILURE = 5,
    MEMCACHED_READ_FAILURE = 6,
    MEMCACHED_UNKNOWN_READ_FAILURE = 7,
    MEMCACHED_PROTOCOL_ERROR = 8,
    MEMCACHED_CLIENT_ERROR = 9,
    MEMCACHED_SERVER_ERROR = 10,
    MEMCACHED_ERROR = 11,
    MEMCACHED_DATA_EXISTS = 12,
    MEMCACHED_DATA_DOES_NOT_EXIST = 13,
    MEMCACHED_NOTSTORED = 14,
    MEMCACHED_STORED = 15,
    MEMCACHED_NOTFOUND = 16,
    MEMCACHED_MEMORY_ALLOCATION_FAILURE = 17,
    MEMCACHED_PARTIAL_READ = 18,
    MEMCACHED_SOME_ERRORS = 19,
    MEMCACHED_NO_SERVERS = 20,
    MEMCACHED_END = 21,
    MEMCACHED_DELETED = 22,
    MEMCACHED_VALUE = 23,
    MEMCACHED_STAT = 24,
    MEMCACHED_ITEM = 25,
    MEMCACHED_ERRNO = 26,
    MEMCACHED_FAIL_UNIX_SOCKET = 27,
    MEMCACHED_NOT_SUPPORTED = 28,
    MEMCACHED_NO_KEY_PROVIDED = 29,
    MEMCACHED_FETCH_NOTFINISHED = 30,
    MEMCACHED_TIMEOUT = 31,
    MEMCACHED_BUFFERED = 32,
    MEMCACHED_BAD_KEY_PROVIDED = 33,
    MEMCACHED_INVALID_HOST_PROTOCOL = 34,
    MEMCACHED_SERVER_MARKED_DEAD = 35,
    MEMCACHED_UNKNOWN_STAT_KEY = 36,
    MEMCACHED_E2BIG = 37,
    MEMCACHED_INVALID_ARGUMENTS = 38,
    MEMCACHED_KEY_TOO_BIG = 39,
    MEMCACHED_AUTH_PROBLEM = 40,
    MEMCACHED_AUTH_FAILURE = 41,
    MEMCACHED_AUTH_CONTINUE = 42,
    MEMCACHED_PARSE_ERROR = 43,
    MEMCACHED_PARSE_USER_ERROR = 44,
    MEMCACHED_DEPRECATED = 45,
    MEMCACHED_IN_PROGRESS = 46,
    MEMCACHED_SERVER_TEMPORARILY_DISABLED = 47,
    MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE = 48,
    MEMCACHED_MAXIMUM_RETURN = 49,
    MEMCACHED_CONNECTION_SOCKET_CREATE_FAILURE = MEMCACHED_ERROR
} memcached_return_t;

typedef enum memcached_behavior_t {
    MEMCACHED_BEHAVIOR_NO_BLOCK = 0,
    MEMCACHED_BEHAVIOR_TCP_NODELAY = 1,
    MEMCACHED_BEHAVIOR_HASH = 2,
    MEMCACHED_BEHAVIOR_KETAMA = 3,
    MEMCACHED_BEHAVIOR_SOCKET_SEND_SIZE = 4,
    MEMCACHED_BEHAVIOR_SOCKET_RECV_SIZE = 5,
    MEMCACHED_BEHAVIOR_CACHE_LOOKUPS = 6,
    MEMCACHED_BEHAVIOR_SUPPORT_CAS = 7,
    MEMCACHED_BEHAVIOR_POLL_TIMEOUT = 8,
    MEMCACHED_BEHAVIOR_DISTRIBUTION = 9,
    MEMCACHED_BEHAVIOR_BUFFER_REQUESTS = 10,
    MEMCACHED_BEHAVIOR_USER_DATA = 11,
    MEMCACHED_BEHAVIOR_SORT_HOSTS = 12,
    MEMCACHED_BEHAVIOR_VERIFY_KEY = 13,
    MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT = 14,
    MEMCACHED_BEHAVIOR_RETRY_TIMEOUT = 15,
    MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED = 16,
    MEMCACHED_BEHAVIOR_KETAMA_HASH = 17,
    MEMCACHED_BEHAVIOR_BINARY_PROTOCOL = 18,
    MEMCACHED_BEHAVIOR_SND_TIMEOUT = 19,
    MEMCACHED_BEHAVIOR_RCV_TIMEOUT = 20,
    MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT = 21,
    MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK = 22,
    MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK = 23,
    MEMCACHED_BEHAVIOR_IO_KEY_PREFETCH = 24,
    MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY = 25,
    MEMCACHED_BEHAVIOR_NOREPLY = 26,
    MEMCACHED_BEHAVIOR_USE_UDP = 27,
    MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS = 28,
    MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS = 29,
    MEMCACHED_BEHAVIOR_RANDOMIZE_REPLICA_READ = 30,
    MEMCACHED_BEHAVIOR_CORK = 31,
    MEMCACHED_BEHAVIOR_TCP_KEEPALIVE = 32,
    MEMCACHED_BEHAVIOR_TCP_KEEPIDLE = 33,
    MEMCACHED_BEHAVIOR_LOAD_FROM_FILE = 34,
    MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS = 35,
    MEMCACHED_BEHAVIOR_DEAD_TIMEOUT = 36,
    MEMCACHED_BEHAVIOR_SERVER_TIMEOUT_LIMIT = 37,
    MEMCACHED_BEHAVIOR_MAX = 38
} memcached_behavior_t;

typedef enum memcached_hash_t {
    MEMCACHED_HASH_DEFAULT = 0,
    MEMCACHED_HASH_MD5 = 1,
    MEMCACHED_HASH_CRC = 2,
    MEMCACHED_HASH_FNV1_64 = 3,
    MEMCACHED_HASH_FNV1A_64 = 4,
    MEMCACHED_HASH_FNV1_32 = 5,
    MEMCACHED_HASH_FNV1A_32 = 6,
    MEMCACHED_HASH_HSIEH = 7,
    MEMCACHED_HASH_MURMUR = 8,
    MEMCACHED_HASH_JENKINS = 9,
    MEMCACHED_HASH_MURMUR3 = 10,
    MEMCACHED_HASH_CUSTOM = 11,
    MEMCACHED_HASH_MAX = 12
} memcached_hash_t;

typedef enum memcached_server_distribution_t {
    MEMCACHED_DISTRIBUTION_MODULA = 0,
    MEMCACHED_DISTRIBUTION_CONSISTENT = 1,
    MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA = 2,
    MEMCACHED_DISTRIBUTION_RANDOM = 3,
    MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY = 4,
    MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED = 5,
    MEMCACHED_DISTRIBUTION_VIRTUAL_BUCKET = 6,
    MEMCACHED_DISTRIBUTION_CONSISTENT_MAX = 7
} memcached_server_distribution_t;

typedef enum memcached_connection_t {
    MEMCACHED_CONNECTION_TCP = 0,
    MEMCACHED_CONNECTION_UDP = 1,
    MEMCACHED_CONNECTION_UNIX_SOCKET = 2
} memcached_connection_t;

typedef enum memcached_callback_t {
    MEMCACHED_CALLBACK_PREFIX_KEY = 0,
    MEMCACHED_CALLBACK_USER_DATA = 1,
    MEMCACHED_CALLBACK_CLEANUP_FUNCTION = 2,
    MEMCACHED_CALLBACK_CLONE_FUNCTION = 3,
    MEMCACHED_CALLBACK_GET_FAILURE = 7,
    MEMCACHED_CALLBACK_DELETE_TRIGGER = 8,
    MEMCACHED_CALLBACK_MAX = 9,
    MEMCACHED_CALLBACK_NAMESPACE = MEMCACHED_CALLBACK_PREFIX_KEY
} memcached_callback_t;

/* A server of a list that has not been added to a client yet. */
typedef struct memcached_server_st {
    uint32_t count; /* the length of the list, in its first member only */
    uint32_t weight;
    in_port_t port;
    memcached_connection_t type;
    char hostname[MEMCACHED_NI_MAXHOST];
} memcached_server_st;
typedef struct memcached_server_st *memcached_server_list_st;

/* A client's server. */
typedef struct memcached_instance_st {
    uint32_t weight;
    in_port_t port;
    memcached_connection_t type;
    int index;         /* its index in OMcache's list */
    time_t next_retry; /* it has failed and is left alone until then; 0: it has not failed */
    uint8_t major_version, minor_version, micro_version;
    char hostname[MEMCACHED_NI_MAXHOST];
} memcached_instance_st;
typedef memcached_instance_st *memcached_server_instance_st;

/* A value that was read, with its key. */
typedef struct memcached_result_st {
    uint32_t item_flags;
    time_t item_expiration;
    size_t key_length;
    uint64_t item_cas;
    const struct memcached_st *root;
    char *value; /* with a NUL after its last byte, in the buffer; or NULL */
    size_t length;
    char *buffer; /* memory that is used again for the next value */
    size_t capacity;
    void *allocated; /* this object, or NULL if it is in memory of the program */
    char item_key[MEMCACHED_MAX_KEY];
} memcached_result_st;

/* An answer to a multi-get that has not been fetched yet.  Its key and its value follow it, and
 * then the next one. */
typedef struct omc_lm_answer {
    uint64_t cas;
    size_t length;
    uint32_t flags;
    uint32_t key_length;
} omc_lm_answer;

/* Answers that were read together, behind it in its memory. */
typedef struct omc_lm_answers {
    struct omc_lm_answers *next;
    char *at; /* the next one to be fetched */
    char *end;
} omc_lm_answers;

/* A client.  It may be anywhere in memory, but must not be moved.  Programs must not use
 * its members. */
typedef struct memcached_st {
    omcache_t *mc;
    memcached_instance_st *servers;   /* in the order that distributes keys */
    memcached_instance_st **by_index; /* the same servers by OMcache's indexes */
    uint32_t server_count;
    uint64_t behaviors[MEMCACHED_BEHAVIOR_MAX];
    bool weighted;             /* the number of a server's points depends on its weight */
    uint64_t ring_hash;        /* the hash that the ring's points were made with */
    omcache_dist_t mixed_ring; /* a ring with different hashes for points and keys */
    char prefix[MEMCACHED_MAX_NAMESPACE];
    char *username, *password;                    /* for clones; NULL: none */
    omc_lm_answers *first_answers, *last_answers; /* those read but not all fetched */
    bool is_fetching, has_fetched; /* a multi-get was sent; a result of it was fetched */
    bool has_lost;                 /* a request of it failed with its server */
    memcached_return_t fetch_end;  /* how the multi-get ended */
    bool is_doubtful;              /* servers may have failed, and nobody was told */
    bool is_keeping;               /* OMcache keeps requests back, see omc_lm_submit */
    size_t kept;                   /* bytes of requests that are kept back; 0: there are none */
    bool is_awaited;               /* answers to requests that were sent without waiting may come */
    memcached_return_t last_error;
    char error_text[MEMCACHED_NI_MAXHOST + 128];
    void *user_data;
    void *allocated; /* this object, or NULL if it is in memory of the program */
} memcached_st;

typedef struct memcached_stat_st {
    unsigned long connection_structures, curr_connections, curr_items;
    pid_t pid;
    unsigned long pointer_size;
    unsigned long rusage_system_microseconds, rusage_system_seconds;
    unsigned long rusage_user_microseconds, rusage_user_seconds;
    unsigned long threads, time, total_connections, total_items, uptime;
    unsigned long long bytes, bytes_read, bytes_written, cmd_get, cmd_set, evictions, get_hits,
        get_misses, limit_maxbytes;
    char version[MEMCACHED_VERSION_STRING_LENGTH];
    memcached_st *root;
} memcached_stat_st;

typedef memcached_return_t (*memcached_execute_fn)(const memcached_st *ptr,
                                                   memcached_result_st *result, void *context);
typedef memcached_return_t (*memcached_server_fn)(const memcached_st *ptr,
                                                  const memcached_instance_st *server,
                                                  void *context);
typedef memcached_return_t (*memcached_stat_fn)(const memcached_instance_st *server,
                                                const char *key, size_t key_length,
                                                const char *value, size_t value_length,
                                                void *context);
typedef void (*memcached_free_fn)(const memcached_st *ptr, void *mem, void *context);
typedef void *(*memcached_malloc_fn)(const memcached_st *ptr, const size_t size, void *context);
typedef void *(*memcached_realloc_fn)(const memcached_st *ptr, void *mem, const size_t size,
                                      void *context);
typedef void *(*memcached_calloc_fn)(const memcached_st *ptr, size_t nelem, const size_t elsize,
                                     void *context);

/* Older names. */
typedef memcached_return_t memcached_return;
typedef memcached_behavior_t memcached_behavior;
typedef memcached_callback_t memcached_callback;
typedef memcached_hash_t memcached_hash;
typedef memcached_server_distribution_t memcached_server_distribution;
typedef memcached_connection_t memcached_connection;
typedef memcached_execute_fn memcached_execute_function;
typedef memcached_server_fn memcached_server_function;

#endif
