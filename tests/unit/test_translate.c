/*
 * Requests that wait for a protocol and are put into it: the same bytes as if they had
 * been asked for in it, under the same numbers, or refused; and all or nothing when
 * memory is short.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "link/connection.h"
#include "link/translate.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/fixture.h"

enum {
    WRITTEN = 12345,
    LIMIT = 1 << 24,
};

#define FIRST 0xfffffff8U /* the numbers wrap on the way */

/* This program's memory, in place of the library's: it can be made to fail. */
static bool exhausted;

void *omc_memory_new(size_t count, size_t size)
{
    return exhausted ? NULL : calloc(count, size);
}

void *omc_memory_resize(void *old, size_t count, size_t size)
{
    return exhausted ? NULL : realloc(old, count * size);
}

char *omc_memory_copy_string(const char *bytes, size_t len)
{
    return exhausted ? NULL : strndup(bytes, len);
}

void omc_memory_free(void *memory)
{
    free(memory);
}

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

static const struct omc_prefix none;
static struct omc_connection conn;
static struct omc_pool pool;
static bool told[ORDERS]; /* of which a refusal was told */

static void open_connection(void)
{
    exhausted = false;
    memset(told, 0, sizeof(told));
    omc_connection_init(&conn, &pool, FIRST);
    conn.written = conn.allowed = WRITTEN;
}

static void close_connection(void)
{
    exhausted = false;
    omc_connection_fini(&conn);
    omc_pool_fini(&pool);
}

static const struct omc_codec *codec_for(int protocol)
{
    static const struct omc_codec *const codecs[] = {&omc_binary_codec, &omc_binary_codec,
                                                     &omc_meta_codec, &omc_text_codec};

    return codecs[protocol];
}

static void submit(int i)
{
    struct omc_pending pending = {.tag = (uint32_t)i + 100};
    struct extras extras;
    omcache_req_t req;

    codec_fill(&orders[i], &extras, &req);
    assert_rc(omc_connection_submit(&conn, &req, none, &pending, LIMIT), OMCACHE_OK);
}

static void note(void *context, const struct omc_pending *pending, int status)
{
    int i = (int)pending->tag - 100;

    assert_rc(status, OMCACHE_INVALID);
    ck_assert_ptr_eq(context, &conn);
    ck_assert_int_lt(i, ORDERS);
    ck_assert_msg(!told[i], "request %d was refused twice", i);
    ck_assert_uint_eq(pending->opcode, orders[i].opcode);
    told[i] = true;
}

static bool translate(int protocol)
{
    return omc_translate_waiting(&conn, protocol, note, &conn);
}

/* That the connection has what the codec makes of all requests but those that were
 * refused before, and refuses the others. */
static void assert_requests(const struct omc_codec *codec, const bool *gone)
{
    const unsigned char *bytes = omc_buffer_data(&conn.out);
    size_t at = 0;
    uint32_t open = 0;

    for (int i = 0; i < ORDERS; i++) {
        uint32_t number = FIRST + (uint32_t)i;
        const struct omc_pending *pending = omc_queue_find(&conn.queue, number);
        size_t len;
        unsigned char *expected = codec_encode(codec, &orders[i], number, &len);

        if (expected == NULL || (gone != NULL && gone[i])) {
            ck_assert_msg(pending == NULL && told[i], "request %d is not refused", i);
            free(expected);
            continue;
        }
        ck_assert_msg(pending != NULL && !told[i], "request %d is refused", i);
        ck_assert_uint_eq(pending->start, WRITTEN + at);
        ck_assert_uint_eq(pending->tag, (uint32_t)i + 100);
        ck_assert_int_eq(pending->quiet, codec->is_quiet(orders[i].opcode));
        ck_assert_uint_le(at + len, omc_connection_unsent(&conn));
        assert_bytes(bytes + at, len, expected, len);
        at += len;
        open++;
        free(expected);
    }
    ck_assert_uint_eq(at, omc_connection_unsent(&conn));
    ck_assert_uint_eq(open, conn.queue.open);
    ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST + (uint32_t)ORDERS);
}

/* What waits must not be written before its protocol is known. */
START_TEST(requests_are_put_into_the_protocol)
{
    int protocol = _i;

    for (int i = 0; i < ORDERS; i++)
        submit(i);
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert(omc_connection_is_busy(&conn));
    ck_assert(translate(protocol));
    ck_assert_int_eq(conn.codec->protocol, protocol);
    omc_connection_prove(&conn);
    ck_assert(omc_connection_wants_write(&conn));
    assert_requests(codec_for(protocol), NULL);
}
END_TEST

/* How many bytes the first request has. */
static size_t first_size(void)
{
    return (size_t)(omc_queue_find(&conn.queue, FIRST + 1)->start - WRITTEN);
}

/* Before the peer has proved itself only that goes in which it cannot find a line of its own:
 * up to the first value, whether it was there when the protocol was known or came later. */
START_TEST(a_value_waits_for_the_proof)
{
    bool later = _i > OMCACHE_PROTOCOL_TEXT;
    int protocol = later ? _i - OMCACHE_PROTOCOL_TEXT : _i;

    if (later)
        ck_assert(translate(protocol));
    submit(0);
    submit(4);
    submit(0);
    if (!later)
        ck_assert(translate(protocol));
    ck_assert_uint_eq(omc_connection_sendable(&conn),
                      protocol == OMCACHE_PROTOCOL_AUTO ? 0 : first_size());
    omc_connection_prove(&conn);
    ck_assert_uint_eq(omc_connection_sendable(&conn), omc_connection_unsent(&conn));
    ck_assert_uint_gt(omc_connection_unsent(&conn), first_size());
}
END_TEST

/* In binary a key has it as it is, in meta it is in base64. */
START_TEST(a_key_with_a_line_waits_for_the_proof)
{
    submit(0);
    submit(3);
    ck_assert(translate(OMCACHE_PROTOCOL_BINARY));
    ck_assert_uint_eq(omc_connection_sendable(&conn), first_size());
    ck_assert(translate(OMCACHE_PROTOCOL_META));
    ck_assert_uint_eq(omc_connection_sendable(&conn), omc_connection_unsent(&conn));
    ck_assert(translate(OMCACHE_PROTOCOL_AUTO));
    ck_assert_uint_eq(omc_connection_sendable(&conn), 0);
}
END_TEST

/* What takes the place of forgotten requests is no more allowed than any. */
START_TEST(what_is_forgotten_leaves_nothing_allowed)
{
    ck_assert(translate(OMCACHE_PROTOCOL_META));
    submit(0);
    submit(0);
    ck_assert(omc_connection_forget(&conn));
    submit(4);
    ck_assert_uint_eq(omc_connection_sendable(&conn), 0);
    ck_assert(omc_connection_forget(&conn));
    submit(0);
    ck_assert_uint_eq(omc_connection_sendable(&conn), omc_connection_unsent(&conn));
}
END_TEST

/* From each of them to each other: what is lost, the first one could not carry. */
START_TEST(requests_are_put_from_one_into_the_other)
{
    int first = _i / 4, second = _i % 4;
    bool gone[ORDERS];

    for (int i = 0; i < ORDERS; i++)
        submit(i);
    ck_assert(translate(first));
    memcpy(gone, told, sizeof(gone));
    ck_assert(translate(second));
    assert_requests(codec_for(second), gone);
    ck_assert_int_eq(conn.codec->protocol, second);
}
END_TEST

START_TEST(what_comes_later_joins_what_waits)
{
    for (int i = 0; i < 3; i++)
        submit(i);
    ck_assert(translate(OMCACHE_PROTOCOL_META));
    for (int i = 3; i < ORDERS; i++) {
        size_t len;
        unsigned char *bytes = codec_encode(&omc_meta_codec, &orders[i], 0, &len);

        if (bytes != NULL) {
            submit(i);
        } else {
            struct extras extras;
            omcache_req_t req;
            struct omc_pending pending = {.tag = 0};
            size_t unsent = omc_connection_unsent(&conn);

            codec_fill(&orders[i], &extras, &req);
            assert_rc(omc_connection_submit(&conn, &req, none, &pending, LIMIT), OMCACHE_INVALID);
            ck_assert_uint_eq(omc_connection_unsent(&conn), unsent);
        }
        free(bytes);
    }
    ck_assert_ptr_null(omc_queue_last(&conn.queue)->operation);
    ck_assert_uint_eq(omc_queue_last(&conn.queue)->opcode, OMC_OP_GET);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    static const int others[] = {OMCACHE_PROTOCOL_META, OMCACHE_PROTOCOL_TEXT,
                                 OMCACHE_PROTOCOL_BINARY};

    for (int i = 0; i < ORDERS; i++)
        submit(i);
    exhausted = true;
    ck_assert(!translate(others[_i]));
    ck_assert_int_eq(conn.codec->protocol, OMCACHE_PROTOCOL_AUTO);
    exhausted = false;
    assert_requests(&omc_binary_waiting, NULL);
    ck_assert(translate(others[_i]));
    assert_requests(codec_for(others[_i]), NULL);
}
END_TEST

START_TEST(nothing_waits)
{
    for (int protocol = 0; protocol < 4; protocol++) {
        ck_assert(translate(protocol));
        ck_assert_int_eq(conn.codec->protocol, protocol);
        ck_assert(!omc_connection_is_busy(&conn));
    }
}
END_TEST

/* A quiet get's no-op goes with it, if it is quiet there, too. */
START_TEST(fences_go_along)
{
    static const char fence[] = "\r\nmn\r\nmg last ";

    submit(1);
    omc_connection_fence(&conn);
    submit(ORDERS - 1);
    ck_assert(translate(_i == 0 ? OMCACHE_PROTOCOL_META : OMCACHE_PROTOCOL_TEXT));
    if (_i == 0) {
        ck_assert(omc_queue_find(&conn.queue, FIRST + 1)->fence);
        ck_assert_uint_eq(conn.queue.open, 3);
        ck_assert_ptr_nonnull(
            memmem(omc_buffer_data(&conn.out), omc_connection_unsent(&conn), fence, strlen(fence)));
    } else {
        ck_assert_ptr_null(omc_queue_find(&conn.queue, FIRST + 1));
        ck_assert_uint_eq(conn.queue.open, 2);
        assert_text(omc_buffer_data(&conn.out), omc_connection_unsent(&conn),
                    "gets key\r\ngets last\r\n");
    }
}
END_TEST

/* The application's prefix is a part of the key by then, and goes on to be known. */
START_TEST(prefixes_go_along)
{
    static const struct omc_prefix prefix = {(const unsigned char *)"pre:", 4};
    struct omc_pending pending = {.prefix_len = 4};
    struct extras extras;
    omcache_req_t req;

    codec_fill(&orders[0], &extras, &req);
    assert_rc(omc_connection_submit(&conn, &req, prefix, &pending, LIMIT), OMCACHE_OK);
    ck_assert(translate(OMCACHE_PROTOCOL_TEXT));
    assert_text(omc_buffer_data(&conn.out), omc_connection_unsent(&conn), "gets pre:k\r\n");
    ck_assert_uint_eq(omc_queue_find(&conn.queue, FIRST)->prefix_len, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translate");
    TCase *tcase = fixture_case(suite, "translate");

    tcase_add_checked_fixture(tcase, open_connection, close_connection);
    tcase_add_loop_test(tcase, requests_are_put_into_the_protocol, 0, 4);
    tcase_add_loop_test(tcase, a_value_waits_for_the_proof, 0, 7);
    tcase_add_test(tcase, a_key_with_a_line_waits_for_the_proof);
    tcase_add_test(tcase, what_is_forgotten_leaves_nothing_allowed);
    tcase_add_loop_test(tcase, requests_are_put_from_one_into_the_other, 0, 16);
    tcase_add_test(tcase, what_comes_later_joins_what_waits);
    tcase_add_loop_test(tcase, without_memory_nothing_changes, 0, 3);
    tcase_add_test(tcase, nothing_waits);
    tcase_add_loop_test(tcase, fences_go_along, 0, 2);
    tcase_add_test(tcase, prefixes_go_along);
    return fixture_run(suite);
}
