/*
 * Looking at the outcome of an operation.
 */
#include "core/operation.h"
#include "omcache.h"

int omcache_reply_status(const omcache_reply_t *reply)
{
    return reply->status;
}

const unsigned char *omcache_reply_key(const omcache_reply_t *reply, size_t *key_len)
{
    if (key_len != NULL)
        *key_len = reply->key_len;
    return reply->key;
}

const unsigned char *omcache_reply_value(const omcache_reply_t *reply, size_t *value_len)
{
    if (value_len != NULL)
        *value_len = reply->value_len;
    return reply->value;
}

uint32_t omcache_reply_flags(const omcache_reply_t *reply)
{
    return reply->flags;
}

uint64_t omcache_reply_cas(const omcache_reply_t *reply)
{
    return reply->cas;
}

uint64_t omcache_reply_number(const omcache_reply_t *reply)
{
    return reply->number;
}

int omcache_reply_server_index(const omcache_reply_t *reply)
{
    return reply->server_index;
}
