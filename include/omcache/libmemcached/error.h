/*
 * The texts of return codes, and the last error.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_ERROR_H
#define OMCACHE_LIBMEMCACHED_ERROR_H

#include <omcache/libmemcached/types.h>
#include <stdio.h>

static inline bool memcached_success(memcached_return_t rc)
{
    return rc == MEMCACHED_SUCCESS || rc == MEMCACHED_STORED || rc == MEMCACHED_END ||
           rc == MEMCACHED_DELETED || rc == MEMCACHED_VALUE || rc == MEMCACHED_STAT ||
           rc == MEMCACHED_ITEM || rc == MEMCACHED_BUFFERED;
}

static inline bool memcached_failed(memcached_return_t rc)
{
    return !memcached_success(rc) && rc != MEMCACHED_AUTH_CONTINUE;
}

/* Tells whether a code is more serious than a refusal by the server. */
static inline bool memcached_fatal(memcached_return_t rc)
{
    switch (rc) {
    case MEMCACHED_CLIENT_ERROR:
    case MEMCACHED_ERROR:
    case MEMCACHED_DATA_EXISTS:
    case MEMCACHED_NOTSTORED:
    case MEMCACHED_NOTFOUND:
    case MEMCACHED_E2BIG:
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
        return false;
    default:
        return memcached_failed(rc);
    }
}

#define memcached_continue(rc) ((rc) == MEMCACHED_IN_PROGRESS)

static inline const char *memcached_strerror(const memcached_st *ptr, memcached_return_t rc)
{
    static const char *const texts[] = {
        "SUCCESS",
        "FAILURE",
        "getaddrinfo() or getnameinfo() HOSTNAME LOOKUP FAILURE",
        "CONNECTION FAILURE",
        "CONNECTION BIND FAILURE",
        "WRITE FAILURE",
        "READ FAILURE",
        "UNKNOWN READ FAILURE",
        "PROTOCOL ERROR",
        "CLIENT ERROR",
        "SERVER ERROR",
        "ERROR was returned by server",
        "CONNECTION DATA EXISTS",
        "CONNECTION DATA DOES NOT EXIST",
        "NOT STORED",
        "STORED",
        "NOT FOUND",
        "MEMORY ALLOCATION FAILURE",
        "PARTIAL READ",
        "SOME ERRORS WERE REPORTED",
        "NO SERVERS DEFINED",
        "SERVER END",
        "SERVER DELETE",
        "SERVER VALUE",
        "STAT VALUE",
        "ITEM VALUE",
        "SYSTEM ERROR",
        "COULD NOT OPEN UNIX SOCKET",
        "ACTION NOT SUPPORTED",
        "A KEY LENGTH OF ZERO WAS PROVIDED",
        "FETCH WAS NOT COMPLETED",
        "A TIMEOUT OCCURRED",
        "ACTION QUEUED",
        "A BAD KEY WAS PROVIDED/CHARACTERS OUT OF RANGE",
        "THE HOST TRANSPORT PROTOCOL DOES NOT MATCH THAT OF THE CLIENT",
        "SERVER IS MARKED DEAD",
        "ENCOUNTERED AN UNKNOWN STAT KEY",
        "ITEM TOO BIG",
        "INVALID ARGUMENTS",
        "KEY RETURNED FROM SERVER WAS TOO LARGE",
        "FAILED TO SEND AUTHENTICATION TO SERVER",
        "AUTHENTICATION FAILURE",
        "CONTINUE AUTHENTICATION",
        "ERROR OCCURED WHILE PARSING",
        "USER INITIATED ERROR OCCURED WHILE PARSING",
        "DEPRECATED",
        "OPERATION IN PROCESS",
        "SERVER HAS FAILED AND IS DISABLED UNTIL TIMED RETRY",
        "SERVER FAILED TO ALLOCATE OBJECT",
    };

    (void)ptr;
    if ((unsigned)rc < sizeof(texts) / sizeof(texts[0]))
        return texts[rc];
    return "INVALID memcached_return_t";
}

static inline memcached_return_t memcached_last_error(const memcached_st *ptr)
{
    return ptr == NULL ? MEMCACHED_INVALID_ARGUMENTS : ptr->last_error;
}

/* Returns the text of the last call's error, with the server's name if a server caused
 * it. */
static inline const char *memcached_last_error_message(const memcached_st *ptr)
{
    if (ptr == NULL || ptr->last_error == MEMCACHED_SUCCESS || ptr->error_text[0] == '\0')
        return memcached_strerror(ptr, memcached_last_error(ptr));
    return ptr->error_text;
}

static inline const char *memcached_error(const memcached_st *ptr)
{
    return memcached_last_error_message(ptr);
}

/* Always returns 0: OMcache keeps no errno. */
static inline int memcached_last_error_errno(const memcached_st *ptr)
{
    (void)ptr;
    return 0;
}

/* Clears the last error.  Every call begins with this. */
static inline void omc_lm_begin(memcached_st *ptr)
{
    ptr->last_error = MEMCACHED_SUCCESS;
    ptr->error_text[0] = '\0';
}

/* Stores a code as the last error, unless it is only a server's answer.  Returns the
 * code. */
static inline memcached_return_t omc_lm_end(memcached_st *ptr, const memcached_instance_st *server,
                                            memcached_return_t rc)
{
    if (memcached_success(rc) || rc == MEMCACHED_NOTFOUND || rc == MEMCACHED_NOTSTORED ||
        rc == MEMCACHED_DATA_EXISTS)
        return rc;
    ptr->last_error = rc;
    if (server != NULL)
        (void)snprintf(ptr->error_text, sizeof(ptr->error_text), "%s, host: %s:%u",
                       memcached_strerror(ptr, rc), server->hostname, (unsigned)server->port);
    return rc;
}

#endif
