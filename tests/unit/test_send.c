/*
 * Requests that wait as they were made and are encoded when they are written: what they are in
 * each protocol, which ones are refused, what may go before the peer has proved itself, and whose
 * memory their bytes are in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link/codecs.h"
#include "link/connection.h"
#include "link/counter.h"
#include "link/send.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/taking.h"

enum {
    LIMIT = 1 << 30,
    PROTOCOLS = 3,
    CODEC = OMCACHE_PROTOCOL_BINARY, /* the first of them */
    LARGE = 20000,
};

#define FIRST 0xfffffff8U /* the numbers wrap on the way */

#define CAS 0x1234567890

static const struct order orders[] = {
    {.opcode = OMC_OP_GET, .key = "k"},
    {.opcode = OMC_OP_GETQ, .key = "key"},
    {.opcode = OMC_OP_GETK, .key = "a b"},
    {.opcode = OMC_OP_GETKQ, .key = "\r\nflush_all\r\n"},
    {.opcode = OMC_OP_SET, .key = "k", .data = "v\r\nw", .flags = 7, .expiration = 100},
    {.opcode = OMC_OP_SET, .key = "k", .data = "value", .cas = CAS},
    {.opcode = OMC_OP_SETQ, .key = "k\n", .data = "\r\nmn\r\n"},
    {.opcode = OMC_OP_ADD, .key = "k", .data = "v", .expiration = 0x7fffffff},
    {.opcode = OMC_OP_ADDQ, .key = "k", .data = ""},
    {.opcode = OMC_OP_REPLACE, .key = "k", .data = "v", .flags = 0xffffffff},
    {.opcode = OMC_OP_REPLACEQ, .key = "k", .data = "v"},
    {.opcode = OMC_OP_APPEND, .key = "k", .data = "v"},
    {.opcode = OMC_OP_APPEND, .key = "k", .data = "v", .cas = CAS},
    {.opcode = OMC_OP_APPENDQ, .key = "k", .data = "v"},
    {.opcode = OMC_OP_PREPEND, .key = "k", .data = "v"},
    {.opcode = OMC_OP_PREPENDQ, .key = "k", .data = "v", .cas = CAS},
    {.opcode = OMC_OP_DELETE, .key = "k"},
    {.opcode = OMC_OP_DELETE, .key = "k", .cas = CAS},
    {.opcode = OMC_OP_DELETEQ, .key = "k"},
    {.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 5, .expiration = 0xffffffff},
    {.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 5, .expiration = 0xffffffff, .cas = CAS},
    {.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 5, .initial = 70},
    {.opcode = OMC_OP_INCREMENTQ, .key = "k", .delta = 1, .expiration = 0xffffffff},
    {.opcode = OMC_OP_DECREMENT, .key = "k", .delta = UINT64_MAX, .expiration = 0xffffffff},
    {.opcode = OMC_OP_DECREMENTQ, .key = "k", .delta = 1, .expiration = 0xffffffff},
    {.opcode = OMC_OP_TOUCH, .key = "k", .expiration = 100},
    {.opcode = OMC_OP_GAT, .key = "k", .expiration = 100},
    {.opcode = OMC_OP_GATQ, .key = "k", .expiration = 100},
    {.opcode = OMC_OP_GATK, .key = "k", .expiration = 0},
    {.opcode = OMC_OP_GATKQ, .key = "k k", .expiration = 100},
    {.opcode = OMC_OP_NOOP},
    {.opcode = OMC_OP_VERSION},
    {.opcode = OMC_OP_VERBOSITY},
    {.opcode = OMC_OP_STAT},
    {.opcode = OMC_OP_STAT, .key = "settings"},
    {.opcode = OMC_OP_STAT, .key = "a\r\nflush_all"},
    {.opcode = OMC_OP_FLUSH},
    {.opcode = OMC_OP_FLUSHQ, .expiration = 50},
    {.opcode = 0x20 /* SASL's list */},
    {.opcode = OMC_OP_RGET, .key = "k"},
    {.opcode = OMC_OP_GET, .key = "last"},
};

#define ORDERS ((int)(sizeof(orders) / sizeof(orders[0])))

static struct omc_connection conn;
static struct omc_pool pool;

static void open_connection(void)
{
    memory_stop_failing();
    taking_begin();
    omc_pool_init(&pool);
    omc_connection_init(&conn, &pool, FIRST);
}

/* Nothing is left. */
static void close_connection(void)
{
    memory_stop_failing();
    omc_connection_fini(&conn);
    omc_pool_fini(&pool);
    ck_assert_uint_eq(memory_alive, 0);
}

/* The hello was answered, and that is what the peer speaks. */
static void speak(int protocol)
{
    omc_stream_open_plain(&conn.stream, TAKING_FD);
    conn.codec = omc_codecs_find(protocol);
    conn.proved = true;
}

/* Looks what the codec can carry of what waits, as whoever chooses it does.  Tells of what is
 * refused if `told` is not NULL. */
static void accept_waiting(void (*told)(const struct omc_pending *pending, int rc))
{
    for (uint32_t number = conn.begun; (int32_t)(omc_queue_next(&conn.queue) - number) > 0;
         number++) {
        struct omc_pending *pending = omc_queue_find(&conn.queue, number);
        int rc = pending == NULL ? OMCACHE_OK : omc_connection_accept(&conn, pending);

        if (rc == OMCACHE_OK)
            continue;
        if (told != NULL)
            told(pending, rc);
        omc_connection_refuse(&conn, pending);
    }
}

/* Somebody hears of each request. */
static struct omc_asker asker;

static int submit(const struct order *order)
{
    struct omc_pending pending = {.ask = codec_ask(order), .claim.asker = &asker};

    return omc_connection_submit(&conn, &pending.ask, &pending.claim, LIMIT);
}

static struct omc_pending *find(uint32_t i)
{
    return omc_queue_find(&conn.queue, FIRST + i);
}

/* That what is known of the requests fits together. */
static void assert_sound(void)
{
    const struct omc_queue *queue = &conn.queue;
    uint32_t next = omc_queue_next(queue), first = conn.begun - (conn.partly > 0);
    size_t unsent = 0;

    ck_assert_uint_le(next - conn.begun, queue->count); /* neither behind nor in front of it */
    for (uint32_t number = queue->first; number != next; number++) {
        const struct omc_pending *pending = omc_queue_slot(queue, number);
        bool waits = (int32_t)(number - first) >= 0 && (!pending->settled || pending->half);

        ck_assert_int_eq(pending->half, conn.partly > 0 && number == first);
        ck_assert_int_eq(pending->kept != NULL, waits && (int32_t)(number - conn.borrowed) < 0);
        unsent += waits ? omc_ask_size(&pending->ask) : 0;
    }
    ck_assert_uint_eq(conn.unsent, unsent);
    ck_assert_int_ge((int32_t)(next - conn.borrowed), 0);
    if (conn.begun != next)
        ck_assert(!omc_queue_last(queue)->settled);
}

static void send_all(void)
{
    ck_assert(omc_send(&conn, 0));
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert_uint_eq(conn.unsent, 0);
    assert_sound();
}

/*
 * The table.
 */

static bool refused[ORDERS];

static void note_refused(const struct omc_pending *pending, int rc)
{
    assert_rc(rc, OMCACHE_INVALID);
    ck_assert_uint_lt(pending->claim.asked, ORDERS);
    ck_assert_msg(!refused[pending->claim.asked], "request %u is refused twice",
                  pending->claim.asked);
    ck_assert_uint_eq(pending->ask.op, orders[pending->claim.asked].opcode);
    refused[pending->claim.asked] = true;
}

static void submit_table(void)
{
    memset(refused, 0, sizeof(refused));
    for (uint32_t i = 0; i < ORDERS; i++) {
        struct omc_pending pending = {.ask = codec_ask(&orders[i]), .claim.asked = i};

        assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, LIMIT), OMCACHE_OK);
    }
}

/* That a request that was not refused waits as the codec wants it; its size. */
static size_t assert_waits(const struct omc_pending *pending, const struct omc_codec *codec,
                           uint32_t i)
{
    struct omc_ask ask = codec_ask(&orders[i]);

    ck_assert_msg(pending != NULL && !refused[i], "request %u is refused", i);
    ck_assert_uint_eq(pending->claim.asked, i);
    ck_assert_int_eq(pending->quiet, omc_codec_is_quiet(codec, ask.op));
    if (codec->lacks_initial)
        ck_assert_int_eq(pending->claim.counter != NULL, omc_text_has_initial(&ask));
    return omc_ask_size(&ask);
}

/* How a request is written, on the line of the one before it if it can be there; NULL if it cannot
 * be written. */
static unsigned char *written(const struct omc_codec *codec, uint32_t i, bool joined, size_t *len)
{
    struct omc_ask ask = codec_ask(&orders[i]);
    unsigned char *bytes;

    if (!joined)
        return codec_encode(codec, &orders[i], FIRST + i, len);
    bytes = malloc(OMC_CODEC_HEAD_MAX);
    *len = (size_t)(codec->join(bytes, &ask) - bytes);
    return bytes;
}

static bool is_joined(const struct omc_codec *codec, uint32_t i)
{
    struct omc_ask ask = codec_ask(&orders[i]), before = ask;

    if (codec->line_max == 0 || i == 0 || refused[i] || refused[i - 1])
        return false;
    before = codec_ask(&orders[i - 1]);
    return codec->joins(&before, &ask);
}

/* That just those were refused that the codec cannot carry, or that were `gone` before, and that
 * the others are written. */
static void assert_table(const struct omc_codec *codec, const bool *gone)
{
    size_t at = 0, unsent = conn.unsent;
    uint32_t open = 0;

    send_all();
    for (uint32_t i = 0; i < ORDERS; i++) {
        const struct omc_pending *pending = find(i);
        size_t len;
        unsigned char *expected = written(codec, i, is_joined(codec, i), &len);

        if (expected != NULL && i + 1 < ORDERS && is_joined(codec, i + 1))
            len -= OMC_CODEC_TAIL_MAX;
        if (expected == NULL || (gone != NULL && gone[i])) {
            ck_assert_msg(pending == NULL && refused[i], "request %u is not refused", i);
        } else {
            unsent -= assert_waits(pending, codec, i);
            ck_assert_uint_le(at + len, taking.size);
            assert_bytes(taking.bytes + at, len, expected, len);
            at += len;
            open++;
        }
        free(expected);
    }
    ck_assert_uint_eq(at, taking.size);
    ck_assert_uint_eq(unsent, 0);
    ck_assert_uint_eq(open, conn.queue.open);
    ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST + ORDERS);
}

/* Before that nothing is written. */
START_TEST(what_waits_is_written_in_the_protocol_that_is_chosen)
{
    submit_table();
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert(omc_connection_is_busy(&conn));
    speak(CODEC + _i);
    accept_waiting(note_refused);
    assert_sound();
    ck_assert(omc_connection_wants_write(&conn));
    assert_table(conn.codec, NULL);
}
END_TEST

/* What the first could not carry is gone for the second, too. */
START_TEST(another_protocol_may_be_chosen)
{
    bool gone[ORDERS];

    submit_table();
    speak(CODEC + _i / PROTOCOLS);
    accept_waiting(note_refused);
    memcpy(gone, refused, sizeof(gone));
    omc_connection_leave(&conn);
    ck_assert(!omc_connection_has_sent(&conn));
    ck_assert(!omc_stream_is_open(&conn.stream));
    speak(CODEC + _i % PROTOCOLS);
    accept_waiting(note_refused);
    assert_sound();
    assert_table(conn.codec, gone);
}
END_TEST

START_TEST(what_comes_later_is_looked_at_at_once)
{
    speak(CODEC + _i);
    for (uint32_t i = 0; i < ORDERS; i++) {
        uint32_t next = omc_queue_next(&conn.queue);
        size_t len = 0;
        unsigned char *expected = codec_encode(conn.codec, &orders[i], next, &len);

        assert_rc(submit(&orders[i]), expected == NULL ? OMCACHE_INVALID : OMCACHE_OK);
        ck_assert_uint_eq(omc_queue_next(&conn.queue), next + (expected != NULL));
        taking.size = 0;
        if (omc_connection_wants_write(&conn))
            ck_assert(omc_send(&conn, 0));
        ck_assert_uint_eq(conn.unsent, 0);
        assert_bytes(taking.bytes, taking.size, expected, len);
        free(expected);
    }
}
END_TEST

static size_t take_nothing(size_t given)
{
    (void)given;
    return 0;
}

static size_t take_all_but_three(size_t given)
{
    taking.takes = NULL;
    return given - 3;
}

/* Which requests share a line is decided anew when they are encoded anew, and no other protocol has
 * lines that are shared. */
START_TEST(a_line_that_was_not_written_is_none)
{
    int protocol = _i == 0 ? OMCACHE_PROTOCOL_META : OMCACHE_PROTOCOL_BINARY;
    unsigned char *expected;
    size_t at = 0, len;

    speak(OMCACHE_PROTOCOL_TEXT);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&orders[0]), OMCACHE_OK);
    taking.takes = take_nothing;
    ck_assert(omc_send(&conn, 0));
    ck_assert(find(1)->joined);
    omc_connection_leave(&conn);
    conn.blocked = false;
    speak(protocol);
    accept_waiting(NULL);
    taking.takes = take_all_but_three;
    ck_assert(omc_send(&conn, 0));
    ck_assert(conn.blocked);
    send_all();
    for (uint32_t i = 0; i < 3; i++, at += len) {
        expected = codec_encode(conn.codec, &orders[0], FIRST + i, &len);
        assert_bytes(taking.bytes + at, len, expected, len);
        free(expected);
    }
    ck_assert_uint_eq(at, taking.size);
}
END_TEST

/* No server takes longer ones; and each line is as long as it can be. */
START_TEST(a_line_is_shorter_than_2048_bytes)
{
    char key[OMC_ASK_KEY_MAX + 1];
    const struct order order = {.opcode = OMC_OP_GETKQ, .key = key};
    size_t key_len = _i == 0 ? OMC_ASK_KEY_MAX : 7, lines = 0, keys = 0;

    memset(key, 'k', sizeof(key));
    key[key_len] = 0;
    speak(OMCACHE_PROTOCOL_TEXT);
    for (int i = 0; i < 1000; i++)
        assert_rc(submit(&order), OMCACHE_OK);
    send_all();
    for (size_t at = 0; at < taking.size; lines++) {
        const unsigned char *line = taking.bytes + at;
        const unsigned char *end = memchr(line, '\n', taking.size - at);
        size_t len = (size_t)(end + 1 - line);

        ck_assert_uint_lt(len, 2048);
        ck_assert(len + 1 + key_len >= 2048 || at + len == taking.size || taking.calls > 1);
        for (const unsigned char *blank = line; blank < end; blank++)
            keys += *blank == ' ';
        at += len;
    }
    ck_assert_uint_eq(keys, 1000);
    ck_assert_uint_le(lines, 1000 * (key_len + 1) / 1790 + taking.calls);
}
END_TEST

/* As it was before, if the request does not go. */
START_TEST(a_counter_is_the_caller_s_until_its_request_is_queued)
{
    static const struct order increment = {.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 1};
    struct omc_pending pending = {.ask = codec_ask(&increment)};

    speak(OMCACHE_PROTOCOL_TEXT);
    pending.claim.counter = omc_counter_new(&pending.ask);
    assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, 1), OMCACHE_BUFFER_FULL);
    pending.ask.bits = OMC_ASK_RAW;
    assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, LIMIT), OMCACHE_INVALID);
    ck_assert_uint_eq(pending.claim.counter->delta.delta, 1);
    omc_memory_free(pending.claim.counter);
}
END_TEST

START_TEST(without_memory_for_a_counter_a_request_is_refused)
{
    static const struct order increment = {.opcode = OMC_OP_INCREMENT, .key = "k", .initial = 1};

    assert_rc(submit(&orders[0]), OMCACHE_OK);
    speak(OMCACHE_PROTOCOL_TEXT);
    memory_fail(1, 1);
    assert_rc(submit(&increment), OMCACHE_NO_MEMORY);
    memory_stop_failing();
    ck_assert_uint_eq(conn.queue.count, 1);
    assert_sound();
    assert_rc(submit(&increment), OMCACHE_OK);
    send_all();
    assert_text(taking.bytes, taking.size, "gets k\r\nincr k 0\r\n");
}
END_TEST

START_TEST(a_fence_goes_behind_what_is_quiet)
{
    speak(OMCACHE_PROTOCOL_META);
    assert_rc(submit(&orders[1]), OMCACHE_OK);
    ck_assert(omc_connection_fence(&conn));
    ck_assert(omc_connection_fence(&conn));
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_connection_fence(&conn));
    ck_assert(omc_queue_is_fence(find(1)));
    ck_assert_uint_eq(conn.queue.open, 3);
    send_all();
    ck_assert_ptr_nonnull(memmem(taking.bytes, taking.size, "\r\nmn\r\nmg k ", 11));
}
END_TEST

/* What was written, without the numbers. */
static void assert_sent(const char *expected)
{
    char text[1000];
    size_t len = 0;

    taking.size = 0;
    send_all();
    for (size_t i = 0; i < taking.size; i++) {
        text[len++] = (char)taking.bytes[i];
        if (i > 1 && taking.bytes[i - 1] == ' ' && taking.bytes[i] == 'O')
            i += 8;
    }
    assert_text((unsigned char *)text, len, expected);
}

static void submit_for_nobody(uint8_t opcode, const char *key, bool owned)
{
    struct order order = {.opcode = opcode, .key = key};
    struct omc_pending pending;

    if (omc_opcode_kind(opcode) == OMC_KIND_STORE)
        order.data = "v";
    pending = (struct omc_pending){.ask = codec_ask(&order)};
    pending.claim.owner = owned ? OMC_OWNER_OPERATION : OMC_OWNER_NOBODY;
    pending.claim.asker = owned ? &asker : NULL;
    assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, LIMIT), OMCACHE_OK);
}

/* An error has no number, so nothing else may be waited for that it could be the answer to. */
START_TEST(a_fence_goes_between_stores_for_nobody_and_all_others)
{
    static const struct order get = {.opcode = OMC_OP_GET, .key = "g"},
                              quiet_get = {.opcode = OMC_OP_GETQ, .key = "h"};

    speak(OMCACHE_PROTOCOL_META);
    submit_for_nobody(OMC_OP_SETQ, "a", false);
    submit_for_nobody(OMC_OP_ADDQ, "b", false);
    assert_sent("ms a 1 q O\r\nv\r\nms b 1 ME q O\r\nv\r\n");
    ck_assert(!omc_connection_awaits_answer(&conn));
    assert_rc(submit(&get), OMCACHE_OK);
    submit_for_nobody(OMC_OP_SETQ, "c", false);
    submit_for_nobody(OMC_OP_SETQ, "d", true);
    assert_sent("mn\r\nmg g v f c O\r\nms c 1 q O\r\nv\r\nmn\r\nms d 1 O\r\nv\r\n");
    submit_for_nobody(OMC_OP_SET, "e", false);
    assert_rc(submit(&quiet_get), OMCACHE_OK);
    submit_for_nobody(OMC_OP_SETQ, "f", false);
    submit_for_nobody(OMC_OP_SETQ, "i", false);
    assert_sent("ms e 1 c O\r\nv\r\nmg h v f c O q\r\nms f 1 O\r\nv\r\nms i 1 q O\r\nv\r\n");
    ck_assert(omc_connection_fence(&conn));
    assert_sent("mn\r\n");
}
END_TEST

/* What an error without a number means is not the same for a store and a delete. */
START_TEST(what_is_for_nobody_is_in_rows_of_one_kind)
{
    speak(OMCACHE_PROTOCOL_META);
    submit_for_nobody(OMC_OP_DELETEQ, "a", false);
    submit_for_nobody(OMC_OP_META_DELETEQ, "b", false);
    assert_sent("md a q O\r\nmd b O q\r\n");
    submit_for_nobody(OMC_OP_META_SETQ, "c", false);
    submit_for_nobody(OMC_OP_META_SETQ, "d", false);
    submit_for_nobody(OMC_OP_SETQ, "e", false);
    assert_sent("mn\r\nms c 1 O\r\nv\r\nms d 1 O q\r\nv\r\nms e 1 q O\r\nv\r\n");
    submit_for_nobody(OMC_OP_DELETEQ, "f", false);
    submit_for_nobody(OMC_OP_DELETEQ, "g", false);
    assert_sent("mn\r\nmd f O\r\nmd g q O\r\n");
}
END_TEST

START_TEST(what_is_refused_behind_them_leaves_no_fence)
{
    static const struct order get = {.opcode = OMC_OP_GET, .key = "g"},
                              raw = {.opcode = OMC_OP_RGET, .key = "g"};
    struct omc_pending pending = {.ask = codec_ask(&get), .claim.asker = &asker};

    speak(OMCACHE_PROTOCOL_META);
    submit_for_nobody(OMC_OP_SETQ, "a", false);
    assert_sent("ms a 1 q O\r\nv\r\n");
    assert_rc(submit(&raw), OMCACHE_INVALID);
    assert_rc(omc_connection_submit_copy(&conn, &pending.ask, &pending.claim, 1),
              OMCACHE_BUFFER_FULL);
    memory_fail(0, 100);
    assert_rc(omc_connection_submit_copy(&conn, &pending.ask, &pending.claim, LIMIT),
              OMCACHE_NO_MEMORY);
    memory_stop_failing();
    ck_assert(!omc_connection_waits(&conn));
    assert_sound();
    ck_assert_uint_eq(conn.queue.count, 1);
}
END_TEST

/* Another one may be behind them that they were not made for. */
START_TEST(what_is_for_nobody_is_answered_if_it_waited_for_the_protocol)
{
    submit_for_nobody(OMC_OP_SETQ, "a", false);
    speak(OMCACHE_PROTOCOL_META);
    submit_for_nobody(OMC_OP_SETQ, "b", false);
    ck_assert(omc_queue_is_unheard(find(1)));
    accept_waiting(NULL);
    assert_sent("ms a 1 O\r\nv\r\nms b 1 O\r\nv\r\n");
}
END_TEST

/* A failure of one of those is not to be taken for one that was forgotten. */
START_TEST(a_fence_goes_behind_what_was_forgotten_of_them)
{
    static const struct order get = {.opcode = OMC_OP_GET, .key = "g"};

    speak(OMCACHE_PROTOCOL_META);
    submit_for_nobody(OMC_OP_SETQ, "a", false);
    assert_sent("ms a 1 q O\r\nv\r\n");
    ck_assert(omc_connection_forget(&conn));
    ck_assert(omc_connection_fence(&conn));
    if (_i == 0) {
        assert_rc(submit(&get), OMCACHE_OK);
        assert_sent("mn\r\nmg g v f c O\r\n");
    } else {
        submit_for_nobody(OMC_OP_SETQ, "b", false);
        submit_for_nobody(OMC_OP_SETQ, "c", false);
        assert_sent("mn\r\nms b 1 q O\r\nv\r\nms c 1 q O\r\nv\r\n");
    }
}
END_TEST

/* Only where errors have no numbers, and a flag says that no answer is wanted. */
START_TEST(the_other_protocols_send_them_as_they_send_all)
{
    speak(_i == 0 ? OMCACHE_PROTOCOL_BINARY : OMCACHE_PROTOCOL_TEXT);
    submit_for_nobody(OMC_OP_SETQ, "a", false);
    ck_assert(!omc_queue_is_unheard(find(0)));
    ck_assert_int_eq(find(0)->quiet, _i == 0);
}
END_TEST

/*
 * Before the proof.
 */

/* What the codec makes of some requests, the first of which has the first number. */
static void assert_written(const struct order *const *some, uint32_t count)
{
    size_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        size_t len;
        unsigned char *expected = codec_encode(conn.codec, some[i], FIRST + i, &len);

        ck_assert_uint_le(at + len, taking.size);
        assert_bytes(taking.bytes + at, len, expected, len);
        at += len;
        free(expected);
    }
    ck_assert_uint_eq(at, taking.size);
}

/* Writes what may be written, which are so many, and the others after the proof. */
static void assert_harmless(const struct order *const *some, uint32_t count, uint32_t harmless)
{
    conn.proved = false;
    ck_assert_int_eq(omc_connection_wants_write(&conn), harmless > 0);
    if (harmless > 0)
        ck_assert(omc_send(&conn, 0));
    assert_sound();
    assert_written(some, harmless);
    ck_assert_uint_eq(conn.begun, FIRST + harmless);
    ck_assert_int_eq(omc_connection_waits(&conn), harmless < count);
    ck_assert(!omc_connection_wants_write(&conn));
    conn.proved = true;
    ck_assert_int_eq(omc_connection_wants_write(&conn), harmless < count);
    if (harmless < count)
        send_all();
    assert_written(some, count);
}

/* Whether it was there when the protocol was known, or came later. */
START_TEST(a_value_waits_for_the_proof)
{
    const struct order *const some[] = {&orders[0], &orders[4], &orders[0]};
    bool later = _i % 2 != 0;

    if (later)
        speak(CODEC + _i / 2);
    conn.proved = false;
    for (int i = 0; i < 3; i++)
        assert_rc(submit(some[i]), OMCACHE_OK);
    speak(CODEC + _i / 2);
    if (!later)
        accept_waiting(NULL);
    assert_harmless(some, 3, 1);
}
END_TEST

/* Of a length in lines, too, the value follows behind the line. */
START_TEST(a_value_of_no_bytes_waits_where_a_line_follows_it)
{
    static const struct order set = {.opcode = OMC_OP_SET, .key = "k"};
    const struct order *const some[] = {&set, &orders[0]};

    speak(CODEC + _i);
    assert_rc(submit(some[0]), OMCACHE_OK);
    assert_rc(submit(some[1]), OMCACHE_OK);
    assert_harmless(some, 2, conn.codec->protocol == OMCACHE_PROTOCOL_BINARY ? 2 : 0);
}
END_TEST

/* In binary any byte may be a line's end. */
static const struct order lines[] = {
    {.opcode = OMC_OP_GETKQ, .key = "\r\nflush_all\r\n"},
    {.opcode = OMC_OP_GET, .key = "0123456789" /* its length is one */},
    {.opcode = OMC_OP_NOOP, .cas = 0x0a00},
    {.opcode = OMC_OP_TOUCH, .key = "k", .expiration = 10},
    {.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 10},
    {.opcode = OMC_OP_DECREMENT, .key = "k", .initial = 0x0a000000},
};

#define LINES ((int)(sizeof(lines) / sizeof(lines[0])))

START_TEST(what_has_a_line_s_end_waits_for_the_proof)
{
    const struct order *const some[] = {&orders[0], &lines[_i], &orders[0]};

    speak(OMCACHE_PROTOCOL_BINARY);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(some[i]), OMCACHE_OK);
    assert_harmless(some, 3, 1);
}
END_TEST

/* A key that has one goes in base64. */
START_TEST(in_meta_it_does_not_wait)
{
    const struct order *const some[] = {&orders[0], &lines[_i], &orders[0]};

    speak(OMCACHE_PROTOCOL_META);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(some[i]), OMCACHE_OK);
    assert_harmless(some, 3, 3);
}
END_TEST

START_TEST(a_number_with_a_line_s_end_waits_for_the_proof)
{
    omc_connection_fini(&conn);
    omc_connection_init(&conn, &pool, 9);
    speak(CODEC + _i);
    conn.proved = false;
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_send(&conn, 0));
    ck_assert_uint_eq(conn.begun, conn.codec->protocol == OMCACHE_PROTOCOL_BINARY ? 10 : 12);
    conn.proved = true;
    if (omc_connection_wants_write(&conn))
        send_all();
}
END_TEST

/* What takes the place of forgotten requests may do no more than any. */
START_TEST(what_is_forgotten_leaves_nothing_allowed)
{
    speak(OMCACHE_PROTOCOL_META);
    conn.proved = false;
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_connection_forget(&conn));
    assert_sound();
    assert_rc(submit(&orders[4]), OMCACHE_OK);
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert(omc_connection_forget(&conn));
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_connection_wants_write(&conn));
}
END_TEST

/* One that was refused is not what the next one waits for, nor is it written for it. */
START_TEST(refused_ones_neither_wait_nor_are_written)
{
    bool harmless = _i == 0;

    speak(OMCACHE_PROTOCOL_META);
    conn.proved = false;
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_send(&conn, 0));
    assert_rc(submit(harmless ? &orders[4] : &orders[0]), OMCACHE_OK);
    assert_rc(submit(harmless ? &orders[0] : &orders[4]), OMCACHE_OK);
    omc_connection_refuse(&conn, find(1));
    assert_sound();
    ck_assert_int_eq(omc_connection_wants_write(&conn), harmless);
    conn.proved = true;
    send_all();
    ck_assert_uint_eq(taking.calls, 2);
}
END_TEST

START_TEST(nothing_new_is_written_while_it_is_held)
{
    speak(CODEC + _i);
    omc_connection_open(&conn, OMC_GREETING_VERSION, NULL, 0);
    conn.held = true;
    assert_rc(submit(&orders[0]), OMCACHE_OK);
    ck_assert(omc_connection_wants_write(&conn));
    ck_assert(omc_send(&conn, 0));
    assert_bytes(taking.bytes, taking.size, conn.hello, conn.hello_len);
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert(!omc_connection_has_sent(&conn));
    conn.held = false;
    ck_assert(omc_connection_wants_write(&conn));
    send_all();
}
END_TEST

/*
 * Refusing.
 */

enum {
    SIX = 6,
    MASKS = 1 << SIX,
};

static size_t one_size; /* how many bytes each of the six has */

static size_t take_some(size_t given)
{
    (void)given;
    return one_size;
}

/* Writes `sent` of six, the last of them perhaps in part. */
static void send_some_of_six(uint32_t sent, bool half)
{
    unsigned char head[OMC_CODEC_HEAD_MAX];

    for (int i = 0; i < SIX; i++)
        assert_rc(submit(&orders[2]), OMCACHE_OK);
    one_size = sent * codec_head(conn.codec, &find(0)->ask, FIRST, head) - half;
    taking.takes = take_some;
    if (sent > 0)
        ck_assert(omc_send(&conn, 0));
    taking.takes = NULL;
    ck_assert_uint_eq(conn.begun, FIRST + sent);
    ck_assert_int_eq(conn.partly > 0, half);
}

/* Whether the number of the six is among those in what was written, in its order. */
static bool is_written(uint32_t i, size_t *at)
{
    size_t len;
    unsigned char *expected = codec_encode(conn.codec, &orders[2], FIRST + i, &len);
    bool found = *at + len <= taking.size && memcmp(taking.bytes + *at, expected, len) == 0;

    *at += found ? len : 0;
    free(expected);
    return found;
}

/* Any of those that wait, with any number of others written before, of which any are answered
 * before the rest is written. */
START_TEST(any_may_be_refused)
{
    uint32_t sent = (uint32_t)_i % (SIX + 1);
    bool half = _i > SIX, answered_first = _i % 2 != 0;

    if (half && sent == 0)
        return;
    for (uint32_t mask = 0; mask < MASKS; mask++) {
        size_t at = 0;
        uint32_t next;

        taking_begin();
        speak(OMCACHE_PROTOCOL_META);
        send_some_of_six(sent, half);
        for (uint32_t i = 0; i < sent && answered_first; i++) {
            if ((mask & 1U << i) != 0)
                omc_queue_settle(&conn.queue, find(i));
        }
        for (uint32_t i = sent; i < SIX; i++) {
            if ((mask & 1U << i) != 0)
                omc_connection_refuse(&conn, find(i));
            assert_sound();
        }
        for (uint32_t i = 0; i < sent && !answered_first; i++) {
            if ((mask & 1U << i) != 0)
                omc_queue_settle(&conn.queue, find(i));
            assert_sound();
        }
        next = omc_queue_next(&conn.queue) - FIRST;
        for (uint32_t i = 0; i < 20; i++)
            assert_rc(submit(&orders[2]), OMCACHE_OK);
        assert_sound();
        send_all();
        for (uint32_t i = 0; i < next + 20; i++)
            ck_assert_int_eq(is_written(i, &at), i < sent || i >= next || (mask & 1U << i) == 0);
        ck_assert_uint_eq(at, taking.size);
        for (uint32_t i = 0; i < next + 20; i++) {
            if (find(i) != NULL)
                omc_queue_settle(&conn.queue, find(i));
        }
        ck_assert_uint_eq(conn.queue.count, 0);
        assert_sound();
        omc_connection_fini(&conn);
        omc_connection_init(&conn, &pool, FIRST);
    }
}
END_TEST

/* In front of one that is taken back, too. */
START_TEST(refused_ones_are_not_taken_back_again)
{
    speak(OMCACHE_PROTOCOL_META);
    send_some_of_six((uint32_t)_i, false);
    for (uint32_t i = (uint32_t)_i; i < SIX - 1; i++)
        omc_connection_refuse(&conn, find(i));
    omc_connection_take_back(&conn);
    assert_sound();
    ck_assert(!omc_connection_waits(&conn));
    ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST + (uint32_t)_i);
}
END_TEST

START_TEST(refused_ones_are_not_forgotten_again)
{
    speak(OMCACHE_PROTOCOL_META);
    send_some_of_six((uint32_t)_i, false);
    for (uint32_t i = (uint32_t)_i + 1; i < SIX - 1; i += 2)
        omc_connection_refuse(&conn, find(i));
    ck_assert(omc_connection_forget(&conn));
    ck_assert_uint_eq(conn.unsent, 0);
    assert_sound();
    ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST + (uint32_t)_i);
    ck_assert_uint_eq(conn.queue.open, 0);
}
END_TEST

/*
 * Whose memory it is.
 */

/* Three requests, the second one large or small, in memory of the caller's. */
static char keys[3][8];
static char values[3][LARGE];
static struct order three[3];
static unsigned char *wanted;
static size_t wanted_len;

static void make_three(size_t middle)
{
    const size_t lens[] = {5, middle, 0};

    for (size_t i = 0; i < 3; i++) {
        memcpy(keys[i], "key-", 5);
        keys[i][3] = (char)('a' + i);
        memset(values[i], 'A' + (int)i, LARGE);
        three[i] = (struct order){.opcode = i < 2 ? OMC_OP_SET : OMC_OP_GETK,
                                  .key = keys[i],
                                  .data = i < 2 ? values[i] : NULL,
                                  .data_len = lens[i]};
    }
}

/* What is expected of them as they are now. */
static void expect_three(void)
{
    wanted_len = 0;
    for (uint32_t i = 0; i < 3; i++) {
        size_t len;
        unsigned char *whole = codec_encode(conn.codec, &three[i], FIRST + i, &len);

        wanted = realloc(wanted, wanted_len + len);
        memcpy(wanted + wanted_len, whole, len);
        wanted_len += len;
        free(whole);
    }
}

static void scribble(void)
{
    memset(keys, '?', sizeof(keys));
    memset(values, '?', sizeof(values));
}

static void assert_three(void)
{
    assert_bytes(taking.bytes, taking.size, wanted, wanted_len);
    free(wanted);
    wanted = NULL;
}

START_TEST(bytes_that_are_not_kept_are_read_when_they_are_written)
{
    speak(CODEC + _i);
    make_three(LARGE);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&three[i]), OMCACHE_OK);
    values[0][3] = values[1][LARGE - 1] = keys[2][1] = '!';
    expect_three();
    send_all();
    assert_three();
}
END_TEST

START_TEST(bytes_that_are_kept_may_be_overwritten)
{
    speak(CODEC + _i);
    make_three(LARGE);
    expect_three();
    for (int i = 0; i < 3; i++) { /* one by one, with nothing to do in between */
        assert_rc(submit(&three[i]), OMCACHE_OK);
        assert_sound();
        ck_assert(omc_connection_keep(&conn));
        assert_sound();
        ck_assert(omc_connection_keep(&conn));
    }
    scribble();
    send_all();
    assert_three();
    ck_assert_ptr_null(conn.store.current);
}
END_TEST

/* However much of it was written before. */
START_TEST(the_rest_may_be_kept)
{
    bool large = _i >= PROTOCOLS;

    for (size_t cut = 0;; cut += large && cut > 100 ? 997 : 1) {
        speak(CODEC + _i % PROTOCOLS);
        make_three(large ? LARGE : 7);
        expect_three();
        if (cut > wanted_len)
            break;
        for (int i = 0; i < 3; i++)
            assert_rc(submit(&three[i]), OMCACHE_OK);
        one_size = cut;
        taking_begin();
        taking.takes = take_some;
        ck_assert(omc_send(&conn, 0));
        taking.takes = NULL;
        assert_sound();
        ck_assert(omc_connection_keep(&conn));
        assert_sound();
        scribble();
        if (cut < wanted_len)
            send_all();
        assert_three();
        omc_connection_fini(&conn);
        omc_connection_init(&conn, &pool, FIRST);
    }
    free(wanted);
    wanted = NULL;
}
END_TEST

/* The newest goes then, and the others may be kept at another time. */
START_TEST(what_cannot_be_kept_is_taken_back)
{
    bool failed = true;

    for (size_t from = 1; failed; from++) {
        speak(OMCACHE_PROTOCOL_META);
        make_three(LARGE);
        expect_three();
        for (int i = 0; i < 3; i++)
            assert_rc(submit(&three[i]), OMCACHE_OK);
        memory_fail(from, _i == 0 ? 1 : SIZE_MAX / 2);
        failed = !omc_connection_keep(&conn);
        memory_stop_failing();
        if (failed) {
            ck_assert_ptr_null(omc_queue_last(&conn.queue)->kept);
            assert_sound();
            omc_connection_take_back(&conn);
            assert_sound();
            ck_assert(omc_connection_keep(&conn));
            assert_sound();
            assert_rc(submit(&three[2]), OMCACHE_OK);
            assert_sound();
            ck_assert(omc_connection_keep(&conn));
        }
        scribble();
        taking_begin();
        send_all();
        assert_three();
        omc_connection_fini(&conn);
        omc_pool_fini(&pool);
        ck_assert_uint_eq(memory_alive, 0);
        omc_connection_init(&conn, &pool, FIRST);
        ck_assert_uint_lt(from, 100);
    }
}
END_TEST

/* As many go as there is no memory for. */
START_TEST(without_any_memory_all_are_taken_back)
{
    speak(OMCACHE_PROTOCOL_META);
    make_three(LARGE);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&three[i]), OMCACHE_OK);
    omc_connection_refuse(&conn, find(1));
    memory_fail(1, SIZE_MAX / 2);
    for (uint32_t left = 2; left > 0; left--) {
        ck_assert(!omc_connection_keep(&conn));
        ck_assert(!omc_queue_last(&conn.queue)->settled);
        omc_connection_take_back(&conn);
        ck_assert_uint_eq(conn.queue.open, left - 1);
        assert_sound();
    }
    ck_assert(omc_connection_keep(&conn));
    ck_assert_uint_eq(conn.queue.count, 0);
    ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST);
}
END_TEST

/* Then few go at a time. */
START_TEST(without_memory_to_encode_all_is_written)
{
    speak(CODEC + _i);
    make_three(LARGE);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&three[i]), OMCACHE_OK);
    expect_three();
    memory_fail(1, SIZE_MAX / 2);
    send_all();
    assert_three();
}
END_TEST

START_TEST(a_failure_is_told)
{
    speak(OMCACHE_PROTOCOL_META);
    make_three(7);
    for (int i = 0; i < 3; i++)
        assert_rc(submit(&three[i]), OMCACHE_OK);
    taking.error = ECONNRESET;
    ck_assert(!omc_send(&conn, 0));
    ck_assert_int_eq(errno, ECONNRESET);
    ck_assert_uint_eq(conn.begun, FIRST);
    assert_sound();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("send");
    TCase *tcase = fixture_case(suite, "send");

    tcase_add_checked_fixture(tcase, open_connection, close_connection);
    tcase_add_loop_test(tcase, what_waits_is_written_in_the_protocol_that_is_chosen, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, another_protocol_may_be_chosen, 0, PROTOCOLS * PROTOCOLS);
    tcase_add_loop_test(tcase, what_comes_later_is_looked_at_at_once, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_line_that_was_not_written_is_none, 0, 2);
    tcase_add_loop_test(tcase, a_line_is_shorter_than_2048_bytes, 0, 2);
    tcase_add_test(tcase, a_counter_is_the_caller_s_until_its_request_is_queued);
    tcase_add_test(tcase, without_memory_for_a_counter_a_request_is_refused);
    tcase_add_test(tcase, a_fence_goes_behind_what_is_quiet);
    tcase_add_test(tcase, a_fence_goes_between_stores_for_nobody_and_all_others);
    tcase_add_test(tcase, what_is_for_nobody_is_in_rows_of_one_kind);
    tcase_add_test(tcase, what_is_refused_behind_them_leaves_no_fence);
    tcase_add_test(tcase, what_is_for_nobody_is_answered_if_it_waited_for_the_protocol);
    tcase_add_loop_test(tcase, a_fence_goes_behind_what_was_forgotten_of_them, 0, 2);
    tcase_add_loop_test(tcase, the_other_protocols_send_them_as_they_send_all, 0, 2);
    tcase_add_loop_test(tcase, a_value_waits_for_the_proof, 0, 2 * PROTOCOLS);
    tcase_add_loop_test(tcase, a_value_of_no_bytes_waits_where_a_line_follows_it, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, what_has_a_line_s_end_waits_for_the_proof, 0, LINES);
    tcase_add_loop_test(tcase, in_meta_it_does_not_wait, 0, LINES);
    tcase_add_loop_test(tcase, a_number_with_a_line_s_end_waits_for_the_proof, 0, PROTOCOLS);
    tcase_add_test(tcase, what_is_forgotten_leaves_nothing_allowed);
    tcase_add_loop_test(tcase, refused_ones_neither_wait_nor_are_written, 0, 2);
    tcase_add_loop_test(tcase, nothing_new_is_written_while_it_is_held, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, any_may_be_refused, 0, 2 * (SIX + 1));
    tcase_add_loop_test(tcase, refused_ones_are_not_taken_back_again, 0, SIX - 1);
    tcase_add_loop_test(tcase, refused_ones_are_not_forgotten_again, 0, SIX - 2);
    tcase_add_loop_test(tcase, bytes_that_are_not_kept_are_read_when_they_are_written, 0,
                        PROTOCOLS);
    tcase_add_loop_test(tcase, bytes_that_are_kept_may_be_overwritten, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, the_rest_may_be_kept, 0, 2 * PROTOCOLS);
    tcase_add_loop_test(tcase, what_cannot_be_kept_is_taken_back, 0, 2);
    tcase_add_test(tcase, without_any_memory_all_are_taken_back);
    tcase_add_loop_test(tcase, without_memory_to_encode_all_is_written, 0, PROTOCOLS);
    tcase_add_test(tcase, a_failure_is_told);
    return fixture_run(suite);
}
