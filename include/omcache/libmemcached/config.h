/*
 * Configuration strings.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_CONFIG_H
#define OMCACHE_LIBMEMCACHED_CONFIG_H

#include <omcache/libmemcached/client.h>
#include <strings.h>

/* The text that is not parsed yet. */
typedef struct omc_lm_text {
    const char *at;
    size_t length;
} omc_lm_text;

/* Removes a word from the beginning of the text, in upper or lower case.  Returns false
 * if the text does not begin with it. */
static inline bool omc_lm_take(omc_lm_text *text, const char *word)
{
    size_t length = strlen(word);

    if (text->length < length || strncasecmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    text->length -= length;
    return true;
}

static inline bool omc_lm_is_over(const omc_lm_text *text)
{
    return text->length == 0 || text->at[0] == ' ';
}

/* Removes a word that must be followed by a blank or the end of the text. */
static inline bool omc_lm_take_whole(omc_lm_text *text, const char *word)
{
    omc_lm_text rest = *text;

    if (!omc_lm_take(&rest, word) || !omc_lm_is_over(&rest))
        return false;
    *text = rest;
    return true;
}

/* Removes a number of at most 32 bits. */
static inline bool omc_lm_take_number(omc_lm_text *text, uint64_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (text->length > 0 && text->at[0] >= '0' && text->at[0] <= '9' && *number <= UINT32_MAX) {
        *number = *number * 10 + (uint64_t)(text->at[0] - '0');
        text->at++;
        text->length--;
        digits++;
    }
    return digits > 0 && *number <= UINT32_MAX;
}

/* Removes a string in quotes; if quotes are not needed, also one without, which ends at
 * a blank. */
static inline bool omc_lm_take_string(omc_lm_text *text, bool need_quotes, omc_lm_text *string)
{
    bool quoted = omc_lm_take(text, "\"");

    string->at = text->at;
    while (text->length > 0 && text->at[0] != '"' && (quoted || text->at[0] != ' ')) {
        text->at++;
        text->length--;
    }
    string->length = (size_t)(text->at - string->at);
    if (!quoted)
        return !need_quotes && string->length > 0;
    return omc_lm_take(text, "\"") && string->length > 0;
}

static inline bool omc_lm_take_weight(omc_lm_text *text, uint64_t *weight)
{
    *weight = 0;
    return !omc_lm_take(text, "/?") || omc_lm_take_number(text, weight);
}

/* Removes "host:port/?weight" and adds that server.  The name of a host has at least
 * three characters. */
static inline bool omc_lm_take_server(memcached_st *ptr, omc_lm_text *text)
{
    static const char others[] = "._-";
    enum { HOST_MIN = 3 };
    char host[MEMCACHED_NI_MAXHOST];
    uint64_t port = 0, weight;
    size_t length = 0;

    while (length < text->length && length < sizeof(host) - 1) {
        char c = text->at[length];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr(others, c) == NULL))
            break;
        host[length++] = c;
    }
    host[length] = '\0';
    text->at += length;
    text->length -= length;
    if (length < HOST_MIN || (omc_lm_take(text, ":") && !omc_lm_take_number(text, &port)) ||
        port > UINT16_MAX || !omc_lm_take_weight(text, &weight))
        return false;
    return memcached_server_add_with_weight(ptr, host, (in_port_t)port, (uint32_t)weight) ==
           MEMCACHED_SUCCESS;
}

static inline bool omc_lm_take_socket(memcached_st *ptr, omc_lm_text *text)
{
    char path[MEMCACHED_NI_MAXHOST];
    omc_lm_text string;
    uint64_t weight;

    if (!omc_lm_take_string(text, true, &string) || string.length >= sizeof(path) ||
        !omc_lm_take_weight(text, &weight))
        return false;
    memcpy(path, string.at, string.length);
    path[string.length] = '\0';
    return memcached_server_add_unix_socket_with_weight(ptr, path, (uint32_t)weight) ==
           MEMCACHED_SUCCESS;
}

static inline bool omc_lm_take_prefix(memcached_st *ptr, omc_lm_text *text)
{
    char prefix[MEMCACHED_MAX_NAMESPACE];
    omc_lm_text string;

    if (!omc_lm_take_string(text, false, &string) || string.length >= sizeof(prefix))
        return false;
    memcpy(prefix, string.at, string.length);
    prefix[string.length] = '\0';
    return memcached_callback_set(ptr, MEMCACHED_CALLBACK_PREFIX_KEY, prefix) == MEMCACHED_SUCCESS;
}

/* Removes the name of a hash, which must be the end of the option. */
static inline bool omc_lm_take_hash(omc_lm_text *text, memcached_hash_t *hash)
{
    static const struct {
        const char *name;
        memcached_hash_t hash;
    } hashes[] = {
        {"MD5", MEMCACHED_HASH_MD5},         {"CRC", MEMCACHED_HASH_CRC},
        {"FNV1_64", MEMCACHED_HASH_FNV1_64}, {"FNV1A_64", MEMCACHED_HASH_FNV1A_64},
        {"FNV1_32", MEMCACHED_HASH_FNV1_32}, {"FNV1A_32", MEMCACHED_HASH_FNV1A_32},
        {"MURMUR", MEMCACHED_HASH_MURMUR},   {"JENKINS", MEMCACHED_HASH_JENKINS},
    };
    size_t i;

    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        *hash = hashes[i].hash;
        if (omc_lm_take_whole(text, hashes[i].name))
            return true;
    }
    return false;
}

/* Removes "modula", "random" or "consistent", and after a comma an optional hash, which
 * has no effect and can only be read back. */
static inline bool omc_lm_take_distribution(memcached_st *ptr, omc_lm_text *text)
{
    memcached_server_distribution_t distribution;
    memcached_hash_t hash;

    if (omc_lm_take(text, "CONSISTENT"))
        distribution = MEMCACHED_DISTRIBUTION_CONSISTENT;
    else if (omc_lm_take(text, "MODULA"))
        distribution = MEMCACHED_DISTRIBUTION_MODULA;
    else if (omc_lm_take(text, "RANDOM"))
        distribution = MEMCACHED_DISTRIBUTION_RANDOM;
    else
        return false;
    if (memcached_behavior_set_distribution(ptr, distribution) != MEMCACHED_SUCCESS)
        return false;
    return !omc_lm_take(text, ",") ||
           (omc_lm_take_hash(text, &hash) &&
            memcached_behavior_set_distribution_hash(ptr, hash) == MEMCACHED_SUCCESS);
}

/* An option that sets a behavior, with a number or without. */
typedef struct omc_lm_option {
    const char *name;
    memcached_behavior_t behavior;
    bool has_number;
} omc_lm_option;

/* Removes an option that sets a behavior.  Returns 1 if the behavior was set, 0 if it
 * could not be set, -1 if the text does not begin with such an option. */
static inline int omc_lm_take_behavior(memcached_st *ptr, omc_lm_text *text)
{
    static const omc_lm_option options[] = {
        {"BINARY-PROTOCOL", MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, false},
        {"BUFFER-REQUESTS", MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, false},
        {"CONNECT-TIMEOUT=", MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, true},
        {"HASH-WITH-NAMESPACE", MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY, false},
        {"IO-BYTES-WATERMARK=", MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK, true},
        {"IO-KEY-PREFETCH=", MEMCACHED_BEHAVIOR_IO_KEY_PREFETCH, true},
        {"IO-MSG-WATERMARK=", MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK, true},
        {"NOREPLY", MEMCACHED_BEHAVIOR_NOREPLY, false},
        {"NUMBER-OF-REPLICAS=", MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS, true},
        {"POLL-TIMEOUT=", MEMCACHED_BEHAVIOR_POLL_TIMEOUT, true},
        {"RANDOMIZE-REPLICA-READ", MEMCACHED_BEHAVIOR_RANDOMIZE_REPLICA_READ, false},
        {"RCV-TIMEOUT=", MEMCACHED_BEHAVIOR_RCV_TIMEOUT, true},
        {"REMOVE-FAILED-SERVERS=", MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS, true},
        {"RETRY-TIMEOUT=", MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, true},
        {"SND-TIMEOUT=", MEMCACHED_BEHAVIOR_SND_TIMEOUT, true},
        {"SOCKET-RECV-SIZE=", MEMCACHED_BEHAVIOR_SOCKET_RECV_SIZE, true},
        {"SOCKET-SEND-SIZE=", MEMCACHED_BEHAVIOR_SOCKET_SEND_SIZE, true},
        {"SORT-HOSTS", MEMCACHED_BEHAVIOR_SORT_HOSTS, false},
        {"SUPPORT-CAS", MEMCACHED_BEHAVIOR_SUPPORT_CAS, false},
        {"TCP-KEEPALIVE", MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, false},
        {"TCP-NODELAY", MEMCACHED_BEHAVIOR_TCP_NODELAY, false},
        {"USE-UDP", MEMCACHED_BEHAVIOR_USE_UDP, false},
        {"VERIFY-KEY", MEMCACHED_BEHAVIOR_VERIFY_KEY, false},
    };
    uint64_t number = 1;
    size_t i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const omc_lm_option *option = &options[i];

        if (option->has_number ? !omc_lm_take(text, option->name)
                               : !omc_lm_take_whole(text, option->name))
            continue;
        if (option->has_number && !omc_lm_take_number(text, &number))
            return 0;
        return memcached_behavior_set(ptr, option->behavior, number) == MEMCACHED_SUCCESS;
    }
    return -1;
}

static inline bool omc_lm_take_option(memcached_st *ptr, omc_lm_text *text)
{
    memcached_hash_t hash;
    uint64_t number;
    int taken;

    if (omc_lm_take(text, "SERVER="))
        return omc_lm_take_server(ptr, text);
    if (omc_lm_take(text, "SOCKET="))
        return omc_lm_take_socket(ptr, text);
    if (omc_lm_take(text, "NAMESPACE="))
        return omc_lm_take_prefix(ptr, text);
    if (omc_lm_take(text, "DISTRIBUTION="))
        return omc_lm_take_distribution(ptr, text);
    if (omc_lm_take(text, "HASH="))
        return omc_lm_take_hash(text, &hash) &&
               memcached_behavior_set_key_hash(ptr, hash) == MEMCACHED_SUCCESS;
    if (omc_lm_take(text, "POOL-MIN=") || omc_lm_take(text, "POOL-MAX="))
        return omc_lm_take_number(text, &number); /* ignored: there are no pools here */
    if (omc_lm_take_whole(text, "USER-DATA"))
        return true;
    taken = omc_lm_take_behavior(ptr, text);
    return taken == 1;
}

/* Frees a client and creates it anew in the same memory. */
static inline bool omc_lm_start_over(memcached_st *ptr)
{
    void *allocated = ptr->allocated;
    bool made;

    ptr->allocated = NULL;
    memcached_free(ptr);
    made = memcached_create(ptr) != NULL;
    ptr->allocated = allocated;
    return made;
}

/* Applies a configuration string, from left to right. */
static inline memcached_return_t omc_lm_configure(memcached_st *ptr, const char *string,
                                                  size_t length)
{
    omc_lm_text text = {string, length};

    for (;;) {
        if (omc_lm_take_whole(&text, "END"))
            return MEMCACHED_SUCCESS;
        if (omc_lm_take_whole(&text, "RESET")) {
            if (!omc_lm_start_over(ptr))
                return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
        } else if (!omc_lm_take(&text, "--") || !omc_lm_take_option(ptr, &text) ||
                   !omc_lm_is_over(&text)) {
            return MEMCACHED_PARSE_ERROR;
        }
        if (text.length == 0)
            return MEMCACHED_SUCCESS;
        if (!omc_lm_take(&text, " "))
            return MEMCACHED_PARSE_ERROR;
    }
}

/* Creates a client as a configuration string says.  If string is NULL and string_length
 * is 0, the environment variable LIBMEMCACHED is the string.  Returns NULL if the string
 * cannot be parsed, or has an option that cannot be honoured. */
static inline memcached_st *memcached(const char *string, size_t string_length)
{
    memcached_st *ptr;

    if (string_length == 0) {
        if (string != NULL)
            return NULL;
        string = getenv("LIBMEMCACHED");
        string_length = string == NULL ? 0 : strlen(string);
    } else if (string == NULL) {
        return NULL;
    }
    ptr = memcached_create(NULL);
    if (ptr == NULL || string_length == 0 ||
        omc_lm_configure(ptr, string, string_length) == MEMCACHED_SUCCESS)
        return ptr;
    memcached_free(ptr);
    return NULL;
}

/* Tells whether memcached() would accept a string.  If not, error_buffer gets the text
 * of the error. */
static inline memcached_return_t libmemcached_check_configuration(const char *option_string,
                                                                  size_t length, char *error_buffer,
                                                                  size_t error_buffer_size)
{
    memcached_st client;
    memcached_return_t rc;

    if (option_string == NULL || length == 0)
        return MEMCACHED_INVALID_ARGUMENTS;
    if (memcached_create(&client) == NULL)
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    rc = omc_lm_configure(&client, option_string, length);
    if (rc != MEMCACHED_SUCCESS && error_buffer != NULL && error_buffer_size > 0)
        (void)snprintf(error_buffer, error_buffer_size, "%s", memcached_strerror(NULL, rc));
    memcached_free(&client);
    return rc;
}

#endif
