/*
 * Looking at the outcome of an operation.
 */
#include "client/operation.h"
#include "omcache.h"
#include "proto/codec.h"
#include "proto/meta_options.h"

enum {
    TTL_UNKNOWN = -2,
};

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

int omcache_reply_fetched(const omcache_reply_t *reply)
{
    return reply->fetched;
}

static bool tells(const omcache_reply_t *reply, uint16_t detail)
{
    return (reply->details.known & detail) != 0;
}

int omcache_reply_is_stale(const omcache_reply_t *reply)
{
    return tells(reply, OMC_DETAIL_STALE);
}

int omcache_reply_won(const omcache_reply_t *reply)
{
    return tells(reply, OMC_DETAIL_WON);
}

int omcache_reply_already_won(const omcache_reply_t *reply)
{
    return tells(reply, OMC_DETAIL_ALREADY_WON);
}

int omcache_reply_meta_flag(const omcache_reply_t *reply, int letter, const unsigned char **token,
                            size_t *len)
{
    const unsigned char *found = NULL;
    size_t found_len = 0;
    bool is_there = omc_meta_options_find(&reply->details, letter, &found, &found_len);

    if (token != NULL)
        *token = found;
    if (len != NULL)
        *len = found_len;
    return is_there;
}

int omcache_reply_unchanged(const omcache_reply_t *reply)
{
    return tells(reply, OMC_DETAIL_UNCHANGED);
}

uint64_t omcache_reply_connection(const omcache_reply_t *reply)
{
    return reply->connection;
}

int64_t omcache_reply_ttl(const omcache_reply_t *reply)
{
    return tells(reply, OMCACHE_META_WANT_TTL) ? reply->details.ttl : TTL_UNKNOWN;
}

int64_t omcache_reply_last_access(const omcache_reply_t *reply)
{
    return tells(reply, OMCACHE_META_WANT_LAST_ACCESS) ? reply->details.last_access : -1;
}

int omcache_reply_was_hit(const omcache_reply_t *reply)
{
    return tells(reply, OMCACHE_META_WANT_WAS_HIT) ? reply->details.was_hit : -1;
}

int64_t omcache_reply_size(const omcache_reply_t *reply)
{
    return tells(reply, OMCACHE_META_WANT_SIZE) ? reply->details.size : -1;
}
