/*
 * What comes in on a connection: bytes, and the replies that they make.
 */
#ifndef OMC_LINK_ANSWERS_H
#define OMC_LINK_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/connection.h"
#include "proto/codec.h"

/* Reads once, up to the end of the room there is.  A number of bytes, or what
 * omc_stream_receive has for less; OMC_SOCKET_AGAIN with `stalled` set if there is
 * no room; OMC_SOCKET_ERROR with ENOMEM without memory. */
ssize_t omc_answers_read(struct omc_connection *conn, size_t limit);

/* The same, but waits for something to read: OMC_SOCKET_PATIENCE milliseconds, if that.
 * OMC_SOCKET_AGAIN if there is nothing yet, or no room or memory. */
ssize_t omc_answers_await(struct omc_connection *conn, size_t limit, bool is_shown);

/* How long the data of a usual answer is at most: with all there may be besides, it is not over the
 * limit. */
static inline size_t omc_answers_data_max(size_t limit)
{
    const size_t besides = OMC_CODEC_FLAGS_SIZE + UINT8_MAX;

    return limit > besides ? limit - besides : 0;
}

/* Whether one behind that request on its line is not answered. */
bool omc_answers_is_shared(const struct omc_connection *conn, uint32_t number);

/* What there is to be known of a request, with that number, to tell its usual answer. */
static inline struct omc_asked omc_answers_asked(const struct omc_connection *conn,
                                                 const struct omc_pending *pending, uint32_t number,
                                                 size_t data_max)
{
    bool has_key = omc_queue_has_all(&pending->claim);

    return (struct omc_asked){
        .key = has_key ? pending->claim.asker->key : NULL,
        .key_len = has_key ? pending->claim.asker->key_len : 0,
        .data_max = data_max,
        .number = number,
        .op = pending->ask.op,
        .quiet = pending->quiet,
        .shared = conn->codec->line_max > 0 && omc_answers_is_shared(conn, number),
    };
}

/* Whether the key of a usual answer is not another one than was asked for; of a request that has
 * all of its key, the codec has compared it.  It is handed out without its prefix. */
static inline bool omc_answers_has_right_key(const struct omc_pending *pending,
                                             const struct omc_asked *asked, omcache_value_t *value)
{
    size_t prefix_len = pending->claim.prefix_len;

    if (asked->key != NULL || value->key_len == 0)
        return true;
    if (!omc_queue_is_about(pending, value->key, value->key_len) || value->key_len < prefix_len)
        return false;
    value->key += prefix_len;
    value->key_len -= prefix_len;
    return true;
}

/* Whether a usual answer is what a quiet request keeps quiet about: that there is nothing, or that
 * all is well. */
static inline bool omc_answers_is_silent(const struct omc_pending *pending,
                                         const omcache_value_t *value)
{
    return value->key_len == 0 && omc_opcode_is_quiet(pending->ask.op) &&
           (value->status == OMCACHE_OK) != omc_opcode_is_get(pending->ask.op);
}

/* Decodes the next reply of those read, of at most limit bytes of body; and finds the request that
 * it answers, or NULL: it answers none. */
enum omc_decode omc_answers_next(struct omc_connection *conn, size_t limit, struct omc_reply *reply,
                                 struct omc_pending **answered);

#endif
