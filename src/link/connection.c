/*
 * Bytes and requests of one connection; see connection.h.
 */
#include "link/connection.h"

#include <string.h>

#include "base/memory.h"
#include "link/counter.h"
#include "omcache.h"
#include "proto/opcode.h"

void omc_connection_init(struct omc_connection *conn, struct omc_pool *pool, uint32_t first_number)
{
    memset(conn, 0, sizeof(*conn));
    conn->pool = pool;
    omc_stream_init(&conn->stream);
    conn->store.blocks = &pool->blocks;
    omc_inbox_init(&conn->in);
    omc_queue_init(&conn->queue, &pool->blocks, first_number);
    conn->begun = conn->due = conn->borrowed = first_number;
    conn->heard = first_number;
    conn->blind = first_number - 1;
}

void omc_connection_fini(struct omc_connection *conn)
{
    struct omc_remains remains;

    omc_connection_close(conn, &remains);
    omc_connection_free_remains(&remains);
    omc_inbox_fini(&conn->in);
}

/* Nobody is to find credentials in memory that is free. */
static void forget_hello(struct omc_connection *conn)
{
    if (conn->hello != NULL)
        explicit_bzero(conn->hello, conn->hello_len);
    omc_memory_free(conn->hello);
    conn->hello = NULL;
    conn->hello_len = conn->hello_left = 0;
}

void omc_connection_leave(struct omc_connection *conn)
{
    omc_inbox_discard(&conn->in);
    omc_stream_close(&conn->stream);
    conn->message = 0;
    forget_hello(conn);
    conn->proved = false;
    conn->blocked = false;
    conn->held = false;
    conn->foreign = false;
    conn->excused = conn->futile = false;
    conn->answered = false;
    conn->parts = 0;
    conn->handling = false;
    conn->stalled = false;
}

/* From which request on nobody may have read them, if the peer has not been heard of since. */
static uint32_t first_unread(const struct omc_connection *conn)
{
    return (int32_t)(conn->blind - conn->heard) < 0 ? conn->begun : conn->blind;
}

void omc_connection_close(struct omc_connection *conn, struct omc_remains *remains)
{
    uint32_t next = omc_queue_next(&conn->queue);

    *remains = (struct omc_remains){conn->queue, conn->store, conn->begun, first_unread(conn)};
    omc_queue_init(&conn->queue, &conn->pool->blocks, next);
    conn->store.current = NULL;
    conn->begun = conn->due = conn->borrowed = next;
    conn->heard = next;
    conn->blind = next - 1;
    conn->partly = 0;
    conn->unsent = 0;
    omc_connection_leave(conn);
}

void omc_connection_free_remains(struct omc_remains *remains)
{
    struct omc_queue *queue = &remains->queue;

    for (uint32_t i = 0; i < queue->count; i++) {
        struct omc_pending *pending = omc_queue_slot(queue, queue->first + i);

        if (pending->kept != NULL)
            omc_store_release(&remains->store, pending->kept);
    }
    omc_queue_fini(queue);
}

/* The number in front of the oldest request's belongs to none. */
bool omc_connection_open(struct omc_connection *conn, enum omc_greeting greeting,
                         const struct omc_login *login, int64_t now)
{
    unsigned char *hello = omc_memory_new(1, omc_hello_room(login));

    if (hello == NULL)
        return false;
    conn->hello = hello;
    conn->has_login = login != NULL;
    conn->hello_number = conn->queue.first - 1;
    if (greeting == OMC_GREETING_GET)
        conn->hello_number ^= (uint32_t)now;
    conn->hello_len = omc_hello_write(hello, greeting, conn->hello_number, login);
    conn->hello_left = conn->hello_len;
    conn->since = now;
    conn->heard = conn->queue.first;
    return true;
}

enum omc_hello omc_connection_read_hello(struct omc_connection *conn, enum omc_greeting greeting,
                                         const char **problem)
{
    struct omc_buffer *buffer = &conn->in.buffer;
    const struct omc_hello_asked asked = {greeting, conn->hello_number, conn->has_login};
    size_t used;
    enum omc_hello hello =
        omc_hello_read(omc_buffer_data(buffer), omc_buffer_size(buffer), &asked, &used, problem);

    omc_buffer_consume(buffer, used);
    if (conn->hello_left > 0 && (hello == OMC_HELLO_GOOD || hello == OMC_HELLO_TEXT))
        hello = OMC_HELLO_OTHER; /* it cannot know yet what it was asked */
    if (hello != OMC_HELLO_MORE)
        forget_hello(conn);
    return hello;
}

/* A line of text or meta that no value follows ends only once.  In binary any byte may be a line
 * end, also one of the header: of a length, the number or a cas. */
bool omc_connection_is_harmless(const struct omc_codec *codec, const struct omc_ask *ask,
                                uint32_t number)
{
    unsigned char head[OMC_CODEC_HEAD_MAX];

    if (codec == NULL || ask->value_len > 0 || omc_codec_tail_size(codec, ask->op) > 0)
        return false;
    if (codec->protocol != OMCACHE_PROTOCOL_BINARY)
        return true;
    return memchr(head, '\n', (size_t)(codec->encode(head, ask, number) - head)) == NULL;
}

bool omc_connection_wants_write(const struct omc_connection *conn)
{
    uint32_t number = conn->begun;

    if (conn->hello_left > 0 || conn->partly > 0 || conn->stream.unsent)
        return true;
    if (conn->held || !omc_connection_waits(conn))
        return false;
    if (conn->proved)
        return true;
    while (omc_queue_slot(&conn->queue, number)->refused)
        number++; /* the newest is not */
    return omc_connection_is_harmless(conn->codec, &omc_queue_slot(&conn->queue, number)->ask,
                                      number);
}

int omc_connection_add_counter(struct omc_pending *pending)
{
    if (pending->claim.counter != NULL || !omc_text_has_initial(&pending->ask))
        return OMCACHE_OK;
    pending->claim.counter = omc_counter_new(&pending->ask);
    return pending->claim.counter == NULL ? OMCACHE_NO_MEMORY : OMCACHE_OK;
}

/* Others may stand in front of it and behind it already: it is answered. */
int omc_connection_accept(struct omc_connection *conn, struct omc_pending *pending)
{
    pending->ask.bits &= (uint8_t)~OMC_ASK_UNHEARD;
    pending->encoded_len = 0; /* it is to be encoded anew */
    return omc_connection_accept_now(conn, pending);
}

/* Whether it is known at once what can be carried. */
static bool has_codec(const struct omc_connection *conn)
{
    return omc_stream_is_open(&conn->stream) && conn->codec != NULL;
}

/* Whether an unheard request may follow the last one: a row of them has one kind, as what an error
 * without a number means depends on that. */
static inline bool may_follow(const struct omc_pending *last, const struct omc_ask *ask)
{
    if (last == NULL || !last->quiet)
        return true;
    return omc_queue_is_unheard(last) && omc_opcode_kind(last->ask.op) == omc_opcode_kind(ask->op);
}

/* Whether a request that is to be queued behind `last` is sent as an unheard one. */
static inline bool goes_unheard(const struct omc_connection *conn, const struct omc_pending *last,
                                const struct omc_ask *ask, const struct omc_claim *claim)
{
    return claim->asker == NULL && has_codec(conn) && omc_codec_is_unheard(conn->codec, ask->op) &&
           may_follow(last, ask);
}

void omc_connection_give_back(struct omc_connection *conn, const struct omc_claim *claim)
{
    if (claim->counter != NULL)
        omc_queue_last(&conn->queue)->claim.counter = NULL;
    omc_connection_take_back(conn);
}

static int queue_up(struct omc_connection *conn, const struct omc_ask *ask,
                    const struct omc_claim *claim, size_t limit)
{
    struct omc_pending *added;

    if (has_codec(conn))
        return omc_connection_queue(conn, ask, claim, false, limit);
    return omc_connection_add(conn, ask, claim, limit, &added);
}

static bool queue_fence(struct omc_connection *conn)
{
    static const struct omc_ask noop = {.op = OMC_OP_NOOP};
    static const struct omc_claim own = {.owner = OMC_OWNER_LINK};

    if (queue_up(conn, &noop, &own, SIZE_MAX) != OMCACHE_OK)
        return false;
    if (conn->borrowed == omc_queue_next(&conn->queue) - 1)
        conn->borrowed++; /* it points to nothing */
    return true;
}

/* Whether a request ends the row of unheard ones that it would be behind, of which `last` is the
 * newest: any other does, and so does an unheard one if the others were forgotten, as of its own
 * failure it is to be told. */
static inline bool ends_row(const struct omc_pending *last, bool unheard)
{
    return last != NULL && omc_queue_is_unheard(last) && (!unheard || omc_queue_is_forgotten(last));
}

/* Takes out the fence that was queued, if one was, with that number for a request that was not. */
static void drop_fence(struct omc_connection *conn, uint32_t number)
{
    if ((int32_t)(omc_queue_next(&conn->queue) - number) > 0)
        omc_connection_take_back(conn);
}

int omc_connection_submit(struct omc_connection *conn, const struct omc_ask *ask,
                          const struct omc_claim *claim, size_t limit)
{
    const struct omc_pending *last = omc_queue_last(&conn->queue);
    uint32_t first = omc_queue_next(&conn->queue);
    bool unheard = goes_unheard(conn, last, ask, claim);
    int rc;

    if (ends_row(last, unheard) && !queue_fence(conn))
        return OMCACHE_NO_MEMORY;
    rc = unheard ? omc_connection_queue(conn, ask, claim, true, limit)
                 : queue_up(conn, ask, claim, limit);
    if (rc != OMCACHE_OK)
        drop_fence(conn, first);
    return rc;
}

/* Does not wait any more, for what has become of it. */
static void stop_waiting(struct omc_connection *conn, struct omc_pending *pending)
{
    conn->unsent -= omc_ask_size(&pending->ask);
    if (pending->kept != NULL)
        omc_store_release(&conn->store, pending->kept);
    pending->kept = NULL;
}

/* Those that were refused at the end of the queue go, so that its newest one waits, if any does. */
static void drop_refused(struct omc_connection *conn)
{
    struct omc_queue *queue = &conn->queue;

    while (queue->count > 0 && omc_queue_last(queue)->refused)
        omc_queue_pop(queue);
    if ((int32_t)(conn->borrowed - omc_queue_next(queue)) > 0)
        conn->borrowed = omc_queue_next(queue);
}

void omc_connection_take_back(struct omc_connection *conn)
{
    stop_waiting(conn, omc_queue_last(&conn->queue));
    omc_queue_pop(&conn->queue);
    drop_refused(conn);
}

void omc_connection_refuse(struct omc_connection *conn, struct omc_pending *pending)
{
    stop_waiting(conn, pending);
    pending->quiet = true; /* nothing is owed for it */
    omc_queue_refuse(&conn->queue, pending);
    drop_refused(conn);
}

/* Whether a request can be encoded before it is written: the codec will not be another one, and the
 * request can be found in what it makes. */
static inline bool may_encode(const struct omc_connection *conn, const struct omc_ask *ask)
{
    return conn->proved && conn->codec->key_offset != NULL && omc_opcode_needs_key(ask->op) &&
           ask->extra_len == 0 && (ask->bits & (OMC_ASK_ENCODED | OMC_ASK_RAW)) == 0;
}

/* Copies what a waiting request, with that number, has from a caller; false without memory. */
static inline bool keep_one(struct omc_connection *conn, struct omc_pending *pending,
                            uint32_t number)
{
    if (may_encode(conn, &pending->ask))
        return omc_store_encode(&conn->store, conn->codec, number, pending);
    pending->kept = omc_store_keep(&conn->store, &pending->ask);
    return pending->kept != NULL;
}

bool omc_connection_keep(struct omc_connection *conn)
{
    uint32_t number = conn->begun - (conn->partly > 0);

    if ((int32_t)(conn->borrowed - number) > 0)
        number = conn->borrowed;
    for (; number != omc_queue_next(&conn->queue); number++) {
        struct omc_pending *pending = omc_queue_slot(&conn->queue, number);

        if (pending->refused || omc_queue_is_fence(pending) || pending->kept != NULL)
            continue;
        /* What is half written has been encoded, and goes on as it began. */
        if (!keep_one(conn, pending, number))
            return false;
        conn->borrowed = number + 1;
    }
    conn->borrowed = number;
    return true;
}

/* The same; mostly it is only one that has to be copied. */
static inline bool keep_newest(struct omc_connection *conn)
{
    uint32_t number = omc_queue_next(&conn->queue) - 1;
    struct omc_pending *newest = omc_queue_slot(&conn->queue, number);

    if (conn->borrowed != number)
        return omc_connection_keep(conn);
    if (!keep_one(conn, newest, number))
        return false;
    conn->borrowed++;
    return true;
}

int omc_connection_submit_copy(struct omc_connection *conn, const struct omc_ask *ask,
                               const struct omc_claim *claim, size_t limit)
{
    uint32_t first = omc_queue_next(&conn->queue);
    int rc = claim->asker != NULL && omc_connection_is_plain(conn)
                 ? omc_connection_queue(conn, ask, claim, false, limit)
                 : omc_connection_submit(conn, ask, claim, limit);

    if (rc != OMCACHE_OK || keep_newest(conn))
        return rc;
    omc_connection_give_back(conn, claim);
    drop_fence(conn, first);
    return OMCACHE_NO_MEMORY;
}

bool omc_connection_fence(struct omc_connection *conn)
{
    const struct omc_pending *last = omc_queue_last(&conn->queue);

    return last == NULL || !last->quiet || omc_queue_is_forgotten(last) || queue_fence(conn);
}

void omc_connection_show(struct omc_connection *conn)
{
    omc_stream_let_wait(&conn->stream, false);
}

bool omc_connection_forget(struct omc_connection *conn)
{
    while (omc_queue_next(&conn->queue) != conn->begun)
        omc_connection_take_back(conn);
    omc_queue_forget(&conn->queue);
    if (conn->partly > 0)
        return false;
    conn->blocked = false; /* what the kernel did not take is gone */
    return true;
}
