/*
 * Which codec speaks a protocol, and putting waiting requests from one into another.
 */
#include "link/translate.h"

#include "link/counter.h"
#include "proto/request.h"

static const struct omc_prefix no_prefix;

/* Reads a waiting request back. */
static void read_back(const struct omc_connection *conn, const struct omc_pending *pending,
                      struct omc_scratch *scratch, omcache_req_t *req)
{
    conn->codec->decode_request(omc_buffer_data(&conn->out) + (pending->start - conn->written),
                                pending->opcode, scratch, req);
}

/* How many bytes all waiting requests have at most when a codec encodes them. */
static size_t translated_size(const struct omc_connection *conn, const struct omc_codec *codec)
{
    const struct omc_queue *queue = &conn->queue;
    struct omc_scratch scratch;
    omcache_req_t req;
    size_t size = 0;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (pending == NULL)
            continue;
        read_back(conn, pending, &scratch, &req);
        size += codec->head_size(&req, 0) + omc_request_data_len(&req) + OMC_CODEC_TAIL_MAX;
    }
    return size;
}

/* Encodes a request behind those in out, where there is room; false if the codec cannot
 * carry it. */
static bool encode(struct omc_connection *conn, struct omc_buffer *out,
                   const struct omc_codec *codec, const omcache_req_t *req, uint32_t number)
{
    size_t used = codec->encode_head(omc_buffer_tail(out), req, no_prefix, number);
    size_t rest = omc_request_data_len(req) + codec->tail_size(req->header.opcode);

    if (used == 0)
        return false;
    omc_connection_allow(conn, codec, conn->written + omc_buffer_size(out), omc_buffer_tail(out),
                         used, used + rest);
    omc_buffer_commit(out, used);
    omc_buffer_append(out, req->data, omc_request_data_len(req));
    omc_buffer_append(out, (const unsigned char *)OMC_CODEC_TAIL,
                      codec->tail_size(req->header.opcode));
    return true;
}

/* Keeps what a request needs for its initial value in a protocol that cannot carry
 * it; false without memory. */
static bool keep_counter(const struct omc_codec *codec, struct omc_pending *pending,
                         const omcache_req_t *req)
{
    if (!omc_counter_is_needed(codec, req))
        return true;
    pending->counter = omc_counter_new(req, no_prefix);
    return pending->counter != NULL;
}

bool omc_translate_waiting(struct omc_connection *conn, int protocol,
                           omc_translate_refused *refused, void *context)
{
    const struct omc_codec *codec = omc_codecs_find(protocol);
    struct omc_queue *queue = &conn->queue;
    uint32_t end = omc_queue_next(queue);
    struct omc_buffer out;
    bool quiet = false; /* the request in front */

    omc_buffer_init(&out);
    if (codec != conn->codec && !omc_buffer_reserve(&out, translated_size(conn, codec)))
        return false;
    if (codec != conn->codec)
        conn->allowed = conn->written;
    for (uint32_t number = queue->first; codec != conn->codec && number != end; number++) {
        struct omc_pending *pending = omc_queue_find(queue, number);
        struct omc_scratch scratch;
        omcache_req_t req;

        if (pending != NULL)
            read_back(conn, pending, &scratch, &req);
        /* Settled ones may stay in the queue, too, in front of the next one. */
        omc_queue_slot(queue, number)->start = conn->written + omc_buffer_size(&out);
        if (pending == NULL)
            continue;
        pending->quiet = codec->is_quiet(pending->opcode);
        /* A no-op of our own with nothing quiet in front of it: some proxies close at it. */
        if (pending->fence && !quiet) {
            omc_queue_settle(queue, pending);
            continue;
        }
        if (!keep_counter(codec, pending, &req)) {
            refused(context, pending, OMCACHE_NO_MEMORY);
        } else if (!encode(conn, &out, codec, &req, number)) {
            refused(context, pending, OMCACHE_INVALID);
        } else {
            pending->key_sum = omc_codec_key_sum(codec, &req, no_prefix);
            quiet = pending->quiet;
            continue;
        }
        omc_queue_settle(queue, pending);
    }
    if (codec != conn->codec) {
        /* Quiet ones in front of refused ones are the last now, and need a fence. */
        while (queue->count > 0 && omc_queue_last(queue)->settled)
            omc_queue_pop(queue);
        omc_buffer_fini(&conn->out);
        conn->out = out;
    }
    conn->codec = codec;
    return true;
}
