/*
 * One request and its answer, with libmemcached's return codes.  Part of
 * omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_REQUEST_H
#define OMCACHE_LIBMEMCACHED_REQUEST_H

#include <omcache/libmemcached/fleet.h>

/* Operations, by their numbers in the binary protocol. */
enum {
    OMC_LM_SET = 0x01,
    OMC_LM_ADD = 0x02,
    OMC_LM_REPLACE = 0x03,
    OMC_LM_DELETE = 0x04,
    OMC_LM_INCREMENT = 0x05,
    OMC_LM_DECREMENT = 0x06,
    OMC_LM_GETK = 0x0c,
    OMC_LM_GETKQ = 0x0d,
    OMC_LM_APPEND = 0x0e,
    OMC_LM_PREPEND = 0x0f,
    OMC_LM_TOUCH = 0x1c
};

typedef struct omc_lm_request {
    uint8_t opcode;
    const char *group; /* the key that chooses the server, or NULL */
    size_t group_length;
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
    uint64_t cas;
    unsigned char extra[20];
    uint8_t extra_length;
} omc_lm_request;

/* Returns a number in network order. */
static inline uint64_t omc_lm_in_order(uint64_t number)
{
    uint32_t halves[2];

    halves[0] = htonl((uint32_t)(number >> 32));
    halves[1] = htonl((uint32_t)number);
    memcpy(&number, halves, sizeof(number));
    return number;
}

/* These append a number to a request's extras. */
static inline void omc_lm_put_extra(omc_lm_request *request, uint32_t number)
{
    number = htonl(number);
    memcpy(request->extra + request->extra_length, &number, sizeof(number));
    request->extra_length = (uint8_t)(request->extra_length + sizeof(number));
}

static inline void omc_lm_put_long_extra(omc_lm_request *request, uint64_t number)
{
    omc_lm_put_extra(request, (uint32_t)(number >> 32));
    omc_lm_put_extra(request, (uint32_t)number);
}

static inline omc_lm_request omc_lm_make(uint8_t opcode, const char *group, size_t group_length,
                                         const char *key, size_t key_length)
{
    omc_lm_request request;

    request.opcode = opcode;
    request.group = group;
    request.group_length = group_length;
    request.key = key;
    request.key_length = key_length;
    request.value = NULL;
    request.value_length = 0;
    request.cas = 0;
    request.extra_length = 0;
    return request;
}

static inline omcache_req_t omc_lm_encode(const omc_lm_request *request, uint8_t opcode, int index)
{
    omcache_req_t req;

    memset(&req, 0, sizeof(req));
    req.server_index = index;
    req.header.opcode = opcode;
    req.header.extlen = request->extra_length;
    req.header.keylen = htons((uint16_t)request->key_length);
    req.header.bodylen =
        htonl((uint32_t)(request->extra_length + request->key_length + request->value_length));
    req.header.cas = omc_lm_in_order(request->cas);
    req.extra = request->extra;
    req.key = (const unsigned char *)request->key;
    req.data = (const unsigned char *)request->value;
    return req;
}

/* Returns whether a key has bytes that are no printable ASCII characters.  Eight are looked at
 * together: the highest bit of such a byte is set, or becomes so by 1 more, or by '!' less. */
static inline bool omc_lm_is_strange(const char *key, size_t key_length)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t strange = 0, word;

    for (; key_length > sizeof(word); key += sizeof(word), key_length -= sizeof(word)) {
        memcpy(&word, key, sizeof(word));
        strange |= word | (word + ones) | (word - ones * '!');
    }
    word = ones * '!';
    memcpy(&word, key, key_length);
    strange |= word | (word + ones) | (word - ones * '!');
    return (strange & ones * 0x80) != 0;
}

/* Returns how long the prefix of keys is. */
static inline size_t omc_lm_prefix_length(const memcached_st *ptr)
{
    return ptr->prefix[0] == '\0' ? 0 : strlen(ptr->prefix);
}

/* Returns libmemcached's code for such a key, in its text protocol. */
static inline memcached_return_t omc_lm_check_strange_key(const memcached_st *ptr, const char *key,
                                                          size_t key_length)
{
    size_t i;

    if (ptr->behaviors[MEMCACHED_BEHAVIOR_VERIFY_KEY] != 0)
        return MEMCACHED_BAD_KEY_PROVIDED;
    for (i = 0; i < key_length; i++) {
        unsigned char c = (unsigned char)key[i];

        if (c <= ' ' || c == 0x7f)
            return MEMCACHED_CLIENT_ERROR;
    }
    return MEMCACHED_SUCCESS;
}

/* Checks a key that is to be sent.  A key that would break libmemcached's text protocol
 * is refused with the code that its server would have caused. */
static inline memcached_return_t omc_lm_check_key(const memcached_st *ptr, const char *key,
                                                  size_t key_length)
{
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;
    memcached_return_t rc = MEMCACHED_SUCCESS;

    if (key == NULL || key_length == 0 || key_length >= MEMCACHED_MAX_KEY)
        return MEMCACHED_BAD_KEY_PROVIDED;
    if (!binary && omc_lm_is_strange(key, key_length))
        rc = omc_lm_check_strange_key(ptr, key, key_length);
    if (rc == MEMCACHED_SUCCESS && omc_lm_prefix_length(ptr) + key_length >= MEMCACHED_MAX_KEY)
        rc = binary ? MEMCACHED_UNKNOWN_READ_FAILURE : MEMCACHED_CLIENT_ERROR;
    return rc;
}

/* Checks a group's key, which is not sent. */
static inline memcached_return_t omc_lm_check_group(const char *group, size_t group_length)
{
    if (group != NULL && (group_length == 0 || group_length >= MEMCACHED_MAX_KEY))
        return MEMCACHED_BAD_KEY_PROVIDED;
    return MEMCACHED_SUCCESS;
}

/* Returns libmemcached's code for a server's answer.  It depends on the protocol that
 * libmemcached would have used. */
static inline memcached_return_t omc_lm_code(const memcached_st *ptr, uint8_t opcode,
                                             const omcache_value_t *answer)
{
    static const char full[] = "out of memory";
    bool binary = ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] != 0;

    switch (answer->status) {
    case OMCACHE_OK:
        return MEMCACHED_SUCCESS;
    case OMCACHE_NOT_FOUND:
        return opcode == OMC_LM_REPLACE && !binary ? MEMCACHED_NOTSTORED : MEMCACHED_NOTFOUND;
    case OMCACHE_KEY_EXISTS:
        return opcode == OMC_LM_ADD && !binary ? MEMCACHED_NOTSTORED : MEMCACHED_DATA_EXISTS;
    case OMCACHE_NOT_STORED:
        return MEMCACHED_NOTSTORED;
    case OMCACHE_TOO_LARGE_VALUE:
        return MEMCACHED_E2BIG;
    case OMCACHE_DELTA_BAD_VALUE:
        return binary ? MEMCACHED_UNKNOWN_READ_FAILURE : MEMCACHED_CLIENT_ERROR;
    case OMCACHE_AGAIN:
    case OMCACHE_TIMEOUT:
        return MEMCACHED_TIMEOUT;
    case OMCACHE_BUFFERED:
        return MEMCACHED_BUFFERED;
    case OMCACHE_INVALID:
        return MEMCACHED_INVALID_ARGUMENTS;
    case OMCACHE_BUFFER_FULL:
    case OMCACHE_NO_MEMORY:
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    case OMCACHE_NO_DESCRIPTORS:
        return MEMCACHED_ERRNO;
    case OMCACHE_AUTH_FAILED:
        return MEMCACHED_AUTH_FAILURE;
    case OMCACHE_SERVER_FAILURE:
    case OMCACHE_NO_SERVERS:
        return MEMCACHED_CONNECTION_FAILURE;
    default:
        break;
    }
    if (answer->data != NULL && answer->data_len >= sizeof(full) - 1 &&
        memcmp(answer->data, full, sizeof(full) - 1) == 0)
        return MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE;
    return binary ? MEMCACHED_UNKNOWN_READ_FAILURE : MEMCACHED_SERVER_ERROR;
}

/* Finds the server of a request, and its index; the index is -1 if OMcache is to choose
 * the server. */
static inline memcached_return_t omc_lm_route(memcached_st *ptr, const omc_lm_request *request,
                                              memcached_instance_st **server, int *index)
{
    bool grouped = request->group != NULL;

    *server = NULL;
    *index = -1;
    if (ptr->server_count == 0)
        return MEMCACHED_NO_SERVERS;
    if (omc_lm_has_failover(ptr) && !grouped)
        return MEMCACHED_SUCCESS;
    *server = omc_lm_pick(ptr, grouped ? request->group : request->key,
                          grouped ? request->group_length : request->key_length);
    if (*server == NULL)
        return MEMCACHED_SERVER_TEMPORARILY_DISABLED;
    *index = (*server)->index;
    return omc_lm_check(*server);
}

/* Notes that a server has failed, and returns the code for that.  With failover nothing
 * is noted: OMcache has tried the other servers, and decides itself when to retry this
 * one. */
static inline memcached_return_t omc_lm_failed(memcached_st *ptr, memcached_instance_st *server,
                                               int status)
{
    if (omc_lm_has_failover(ptr) || server == NULL)
        return status == OMCACHE_NO_SERVERS ? MEMCACHED_SERVER_TEMPORARILY_DISABLED
                                            : MEMCACHED_CONNECTION_FAILURE;
    return omc_lm_note_failure(ptr, server);
}

/* Drops the results that were read but not fetched. */
static inline void omc_lm_drop_results(memcached_st *ptr)
{
    while (ptr->first_answers != NULL) {
        omc_lm_answers *answers = ptr->first_answers;

        ptr->first_answers = answers->next;
        free(answers);
    }
    ptr->last_answers = NULL;
    ptr->is_fetching = ptr->has_fetched = false;
}

/* Notes that a call sends what was kept back, which may fail. */
static inline void omc_lm_note_sent(memcached_st *ptr)
{
    if (ptr->kept == 0)
        return;
    ptr->kept = 0;
    ptr->is_awaited = ptr->is_doubtful = true;
}

/* Sends what is unsent and waits for the answers. */
static inline memcached_return_t omc_lm_drain(memcached_st *ptr)
{
    int rc = OMCACHE_OK;

    omc_lm_note_sent(ptr);
    if (ptr->is_awaited)
        rc = omcache_io(ptr->mc, NULL, NULL, NULL, NULL, omc_lm_timeout(ptr));
    if (rc == OMCACHE_AGAIN)
        return MEMCACHED_TIMEOUT;
    ptr->is_awaited = false;
    if (!ptr->is_doubtful || omc_lm_has_failover(ptr))
        return MEMCACHED_SUCCESS;
    return omc_lm_look_for_failures(ptr);
}

static inline uint8_t omc_lm_quiet(uint8_t opcode)
{
    if (opcode >= OMC_LM_SET && opcode <= OMC_LM_DECREMENT)
        return (uint8_t)(opcode + 0x10);
    if (opcode == OMC_LM_APPEND || opcode == OMC_LM_PREPEND)
        return (uint8_t)(opcode + 0x0b);
    return opcode;
}

enum { OMC_LM_KEPT_MAX = 65536 }; /* bytes that are kept back for a server */

/* Returns whether more of what was kept back or sent is still here than should be.  No server can
 * have more than all together. */
static inline bool omc_lm_is_full(memcached_st *ptr, const omcache_req_t *req, bool keep)
{
    omcache_server_stats_t stats;

    if (keep && ptr->kept <= OMC_LM_KEPT_MAX)
        return false;
    stats.struct_size = sizeof(stats);
    return omcache_server_stats(ptr->mc, req->server_index, &stats) == OMCACHE_OK &&
           stats.buffered > (keep ? OMC_LM_KEPT_MAX : 0);
}

/* Keeps a request back, or sends it without waiting for an answer.  If the socket has no
 * room for it, this waits. */
static inline memcached_return_t omc_lm_submit(memcached_st *ptr, const omc_lm_request *request,
                                               memcached_instance_st *server, int index, bool keep)
{
    omcache_req_t req = omc_lm_encode(request, omc_lm_quiet(request->opcode), index);
    size_t count = 1;
    int rc;

    if (ptr->is_keeping != keep) /* no other call has a timeout of 0 */
        omcache_set_buffering(ptr->mc, keep);
    ptr->is_keeping = keep;
    rc = omcache_command(ptr->mc, &req, &count, NULL, NULL, 0);
    if (rc == OMCACHE_NO_SERVERS)
        return omc_lm_failed(ptr, server, rc);
    if (rc == OMCACHE_INVALID)
        return MEMCACHED_INVALID_ARGUMENTS;
    if (rc != OMCACHE_BUFFERED)
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    if (keep)
        ptr->kept += sizeof(req.header) + request->extra_length + request->key_length +
                     request->value_length + omc_lm_prefix_length(ptr);
    else
        ptr->is_awaited = ptr->is_doubtful = true;
    return omc_lm_is_full(ptr, &req, keep) ? omc_lm_drain(ptr) : MEMCACHED_SUCCESS;
}

/* Sends a request to a server and waits for the answer.  If index is -1, OMcache chooses
 * the server. */
static inline memcached_return_t omc_lm_ask(memcached_st *ptr, const omc_lm_request *request,
                                            memcached_instance_st *server, int index,
                                            omcache_value_t *answer)
{
    omcache_req_t req = omc_lm_encode(request, request->opcode, index);
    size_t count = 1, room = 1;
    int rc = omcache_command(ptr->mc, &req, &count, answer, &room, omc_lm_timeout(ptr));

    omc_lm_note_sent(ptr);
    if (room == 0 || rc == OMCACHE_INVALID)
        answer->status = rc;
    if (answer->status == OMCACHE_SERVER_FAILURE || answer->status == OMCACHE_NO_SERVERS)
        return omc_lm_failed(ptr, server, answer->status);
    if (answer->status == OMCACHE_AGAIN)
        ptr->is_doubtful = true;
    else if (server != NULL)
        server->next_retry = 0;
    return omc_lm_code(ptr, request->opcode, answer);
}

/* Sends a request, waits for the answer and returns its code.  *answer is valid until
 * the next call. */
static inline memcached_return_t omc_lm_run(memcached_st *ptr, const omc_lm_request *request,
                                            omcache_value_t *answer)
{
    memcached_instance_st *server;
    int index;
    memcached_return_t rc = omc_lm_route(ptr, request, &server, &index);

    memset(answer, 0, sizeof(*answer));
    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_ask(ptr, request, server, index, answer);
    return omc_lm_end(ptr, server, rc);
}

/* The same, but with NOREPLY it does not wait for the answer.  With BUFFER_REQUESTS and
 * `keep` it keeps the request back. */
static inline memcached_return_t omc_lm_run_blind(memcached_st *ptr, const omc_lm_request *request,
                                                  bool keep)
{
    bool silent = ptr->behaviors[MEMCACHED_BEHAVIOR_NOREPLY] != 0;
    memcached_instance_st *server;
    omcache_value_t answer;
    memcached_return_t rc;
    int index;

    keep = keep && ptr->behaviors[MEMCACHED_BEHAVIOR_BUFFER_REQUESTS] != 0;
    if (!silent && !keep)
        return omc_lm_run(ptr, request, &answer);
    rc = omc_lm_route(ptr, request, &server, &index);
    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_submit(ptr, request, server, index, keep);
    if (rc == MEMCACHED_SUCCESS && keep)
        rc = MEMCACHED_BUFFERED;
    return omc_lm_end(ptr, server, rc);
}

/* Begins an operation on a key: clears the last error and checks the arguments. */
static inline memcached_return_t omc_lm_prepare(memcached_st *ptr, const omc_lm_request *request)
{
    memcached_return_t rc;

    if (ptr == NULL)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_begin(ptr);
    if (ptr->behaviors[MEMCACHED_BEHAVIOR_BINARY_PROTOCOL] == 0)
        omc_lm_drop_results(ptr);
    if (ptr->server_count == 0)
        return omc_lm_end(ptr, NULL, MEMCACHED_NO_SERVERS);
    rc = omc_lm_check_key(ptr, request->key, request->key_length);
    if (rc == MEMCACHED_SUCCESS)
        rc = omc_lm_check_group(request->group, request->group_length);
    if (rc == MEMCACHED_SUCCESS && request->value_length > UINT32_MAX / 2)
        rc = MEMCACHED_E2BIG;
    return omc_lm_end(ptr, NULL, rc);
}

#endif
