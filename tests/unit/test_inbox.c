/*
 * Memory to receive into: chunks, and the inboxes that share them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/inbox.h"
#include "support/fixture.h"

enum {
    LIMIT = 1 << 20,
    MANY = 100,
};

static struct omc_chunks chunks;
static struct omc_inbox inbox, other;

static void begin(void)
{
    omc_chunk_init(&chunks);
    omc_inbox_init(&inbox);
    omc_inbox_init(&other);
}

static void end(void)
{
    omc_inbox_fini(&inbox);
    omc_inbox_fini(&other);
    ck_assert(chunks.current == NULL || chunks.current->holders == 0);
    omc_chunk_fini(&chunks);
}

static enum omc_inbox_room make_room(struct omc_inbox *in, size_t message, size_t limit)
{
    return omc_inbox_make_room(in, &chunks, message, limit);
}

static size_t room(const struct omc_inbox *in)
{
    return omc_buffer_room(&in->buffer);
}

/* Bytes that were read, for which there is room. */
static const unsigned char *receive(struct omc_inbox *in, const void *bytes, size_t len)
{
    unsigned char *tail = omc_buffer_tail(&in->buffer);

    ck_assert_uint_ge(room(in), len);
    memcpy(tail, bytes, len);
    omc_inbox_commit(in, len);
    return tail;
}

static const unsigned char *read_text(struct omc_inbox *in, const char *text)
{
    ck_assert_int_eq(make_room(in, 0, LIMIT), OMC_INBOX_ROOM);
    return receive(in, text, strlen(text));
}

/* So many bytes, whatever they are. */
static void fill(struct omc_inbox *in, size_t len)
{
    unsigned char *bytes = calloc(len, 1);

    ck_assert_int_eq(make_room(in, omc_buffer_size(&in->buffer) + len, LIMIT), OMC_INBOX_ROOM);
    receive(in, bytes, len);
    free(bytes);
}

/* The bytes at the front were a message. */
static void decode(struct omc_inbox *in, size_t len)
{
    omc_buffer_consume(&in->buffer, len);
    omc_inbox_rest(in, 0);
}

START_TEST(what_is_free_is_used_again)
{
    const unsigned char *first;

    begin();
    first = read_text(&inbox, "0123456789");
    decode(&inbox, 10);
    ck_assert_ptr_null(inbox.chunk);
    for (int i = 0; i < 1000; i++) {
        ck_assert_ptr_eq(read_text(&inbox, "0123456789"), first);
        decode(&inbox, 10);
    }
    ck_assert_uint_eq(chunks.current->used, 0);
    ck_assert_ptr_null(chunks.spare);
    end();
}
END_TEST

/* One that always has a piece of a message comes round, too. */
START_TEST(a_stream_of_pieces_needs_one_chunk)
{
    struct omc_chunk *chunk;

    begin();
    read_text(&inbox, "01234");
    chunk = inbox.chunk;
    for (int i = 0; i < 30000; i++) {
        read_text(&inbox, "5678901234");
        ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "0123456789", 10);
        decode(&inbox, 10);
        ck_assert_ptr_eq(inbox.chunk, chunk);
    }
    end();
}
END_TEST

START_TEST(reading_nothing_holds_nothing)
{
    begin();
    ck_assert_int_eq(make_room(&inbox, 0, LIMIT), OMC_INBOX_ROOM);
    omc_inbox_commit(&inbox, 0);
    omc_inbox_rest(&inbox, 0);
    ck_assert_ptr_null(inbox.chunk);
    ck_assert_uint_eq(chunks.current->used, 0);
    end();
}
END_TEST

START_TEST(answers_lie_behind_one_another)
{
    struct omc_inbox inboxes[MANY];
    const unsigned char *last = NULL;
    char text[16];

    begin();
    for (int i = 0; i < MANY; i++) {
        const unsigned char *at;

        snprintf(text, sizeof(text), "answer %02d", i);
        omc_inbox_init(&inboxes[i]);
        at = read_text(&inboxes[i], text);
        ck_assert(last == NULL || at == last + 9);
        last = at;
        omc_inbox_pin(&inboxes[i], 1);
        decode(&inboxes[i], 9);
    }
    ck_assert_uint_eq(chunks.current->holders, MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert(omc_inbox_unpin(&inboxes[i], 1));
    ck_assert_uint_eq(chunks.current->holders, 0);
    ck_assert_uint_eq(chunks.current->used, 0);
    end();
}
END_TEST

START_TEST(a_message_gets_the_room_it_needs)
{
    begin();
    read_text(&inbox, "head");
    /* One message may exceed the limit, which is for what is handed out. */
    ck_assert_int_eq(make_room(&inbox, 1000000, 0), OMC_INBOX_ROOM);
    ck_assert_uint_ge(room(&inbox), 1000000 - 4);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "head", 4);
    decode(&inbox, 4);
    /* It is gone with its message. */
    ck_assert_ptr_null(inbox.chunk);
    ck_assert(chunks.current == NULL || chunks.current->capacity == OMC_CHUNK_SIZE);
    ck_assert_ptr_null(chunks.spare);
    end();
}
END_TEST

/* A chunk of its own is found too late for the first one, but not for the next. */
START_TEST(large_messages_stay_where_they_are_read)
{
    begin();
    for (int i = 0; i < 5; i++) {
        const unsigned char *at = read_text(&inbox, "head");

        omc_inbox_rest(&inbox, 1000000);
        fill(&inbox, 999996);
        ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "head", 4);
        ck_assert(i == 0 || omc_buffer_data(&inbox.buffer) == at);
        omc_inbox_pin(&inbox, 1);
        decode(&inbox, 1000000);
        ck_assert(omc_inbox_unpin(&inbox, 1));
    }
    /* One that is short ends that. */
    for (int i = 0; i < 2; i++) {
        read_text(&inbox, "short");
        ck_assert(i == 0 || inbox.chunk == chunks.current);
        decode(&inbox, 5);
    }
    end();
}
END_TEST

START_TEST(the_rest_of_a_message_keeps_its_place)
{
    const unsigned char *at;

    begin();
    at = read_text(&inbox, "half");
    omc_inbox_rest(&inbox, 1000);
    ck_assert_ptr_eq(read_text(&other, "another"), at + 1000);
    fill(&inbox, 996);
    ck_assert_ptr_eq(omc_buffer_data(&inbox.buffer), at);
    ck_assert_mem_eq(omc_buffer_data(&other.buffer), "another", 7);
    /* What is behind it is not free. */
    ck_assert_int_eq(make_room(&inbox, 1001, LIMIT), OMC_INBOX_ROOM);
    ck_assert_ptr_ne(omc_buffer_data(&inbox.buffer), at);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "half", 4);
    end();
}
END_TEST

START_TEST(a_message_moves_where_it_has_room)
{
    const unsigned char *at;

    begin();
    fill(&inbox, OMC_INBOX_READ);
    fill(&inbox, 50000);
    at = omc_buffer_data(&inbox.buffer);
    memcpy(omc_buffer_tail(&inbox.buffer) - 4, "last", 4);
    omc_buffer_consume(&inbox.buffer, omc_buffer_size(&inbox.buffer) - 4);
    /* To the front, where it is alone. */
    ck_assert_int_eq(make_room(&inbox, 20000, LIMIT), OMC_INBOX_ROOM);
    ck_assert_ptr_eq(omc_buffer_data(&inbox.buffer), at);
    ck_assert_mem_eq(at, "last", 4);
    /* To another chunk, where it is not. */
    fill(&inbox, 110000);
    read_text(&other, "other");
    ck_assert_int_eq(make_room(&inbox, 120000, LIMIT), OMC_INBOX_ROOM);
    ck_assert_ptr_ne(inbox.chunk, other.chunk);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "last", 4);
    end();
}
END_TEST

START_TEST(what_is_pinned_neither_moves_nor_changes)
{
    const unsigned char *handed_out[MANY];
    size_t count = 0;

    begin();
    for (;;) {
        enum omc_inbox_room found = make_room(&inbox, 20000, LIMIT);

        if (found == OMC_INBOX_STALLED)
            break;
        ck_assert_int_eq(found, OMC_INBOX_ROOM);
        handed_out[count++] = receive(&inbox, "a value and a piece", 19);
        omc_buffer_consume(&inbox.buffer, 7);
        omc_inbox_pin(&inbox, 1);
        /* The rest of the message comes, too. */
        fill(&inbox, 15000);
        decode(&inbox, omc_buffer_size(&inbox.buffer));
        ck_assert_uint_lt(count, MANY);
    }
    ck_assert_msg(count > 60, "only %zu values fit into a MiB", count);
    for (size_t i = 0; i < count; i++)
        ck_assert_mem_eq(handed_out[i], "a value", 7);
    omc_inbox_discard(&inbox);
    for (size_t i = 0; i < count; i++)
        ck_assert_mem_eq(handed_out[i], "a value", 7);
    ck_assert(omc_inbox_unpin(&inbox, 1));
    ck_assert_uint_eq(omc_inbox_size_below(&inbox, UINT_MAX), 0);
    ck_assert_int_eq(make_room(&inbox, 20000, LIMIT), OMC_INBOX_ROOM);
    end();
}
END_TEST

/* As when callbacks make calls, whose callbacks make calls. */
START_TEST(levels_are_taken_back_from_the_deepest)
{
    const unsigned char *handed_out[MANY];
    char text[8];

    begin();
    for (unsigned level = 1; level <= MANY; level++) {
        size_t limit = LIMIT + omc_inbox_size_below(&inbox, level);

        ck_assert_int_eq(make_room(&inbox, 10000, limit), OMC_INBOX_ROOM);
        snprintf(text, sizeof(text), "%u", level);
        handed_out[level - 1] = receive(&inbox, text, strlen(text));
        omc_inbox_pin(&inbox, level);
        omc_buffer_consume(&inbox.buffer, strlen(text));
        fill(&inbox, 9000);
        decode(&inbox, 9000);
    }
    ck_assert_uint_gt(inbox.block_count, 2);
    ck_assert_uint_lt(inbox.block_count, 10);
    ck_assert_uint_lt(omc_inbox_size_below(&inbox, MANY + 1), (size_t)MANY * 9100);
    for (unsigned level = MANY; level > 0; level--) {
        snprintf(text, sizeof(text), "%u", level);
        ck_assert_mem_eq(handed_out[level - 1], text, strlen(text));
        ck_assert(omc_inbox_unpin(&inbox, level) == (level == 1));
    }
    ck_assert_ptr_nonnull(chunks.spare); /* one, and */
    end();                               /* no others */
}
END_TEST

START_TEST(a_pinned_chunk_is_left_with_the_unfinished_message)
{
    const unsigned char *value;

    begin();
    fill(&inbox, 100000);
    value = read_text(&inbox, "valuebegin");
    omc_buffer_consume(&inbox.buffer, 100005);
    omc_inbox_pin(&inbox, 1);
    ck_assert_int_eq(make_room(&inbox, 50000, 140000), OMC_INBOX_STALLED);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "begin", 5);
    ck_assert_int_eq(make_room(&inbox, 50000, LIMIT), OMC_INBOX_ROOM);
    ck_assert_mem_eq(omc_buffer_data(&inbox.buffer), "begin", 5);
    ck_assert_uint_ge(room(&inbox), 50000 - 5);
    ck_assert_mem_eq(value, "value", 5);
    end();
}
END_TEST

/* Without pins the limit is for what is read besides one message, and with them for all. */
START_TEST(no_more_is_read_than_the_limit_allows)
{
    begin();
    ck_assert_int_eq(make_room(&inbox, 0, 0), OMC_INBOX_ROOM);
    ck_assert_uint_eq(room(&inbox), OMC_INBOX_LEAST);
    receive(&inbox, "value", 5);
    omc_inbox_pin(&inbox, 1);
    decode(&inbox, 5);
    ck_assert_int_eq(make_room(&inbox, 0, 5), OMC_INBOX_STALLED);
    ck_assert_int_eq(make_room(&inbox, 0, 6), OMC_INBOX_ROOM);
    ck_assert_uint_eq(room(&inbox), 1);
    receive(&inbox, "x", 1);
    omc_inbox_rest(&inbox, 100);
    ck_assert_int_eq(make_room(&inbox, 100, 104), OMC_INBOX_STALLED);
    ck_assert_int_eq(make_room(&inbox, 100, 105), OMC_INBOX_ROOM);
    ck_assert_uint_eq(room(&inbox), 99);
    end();
}
END_TEST

/*
 * Everything in any order.
 */

enum {
    INBOXES = 6,
    STEPS = 1000,
    VALUES = 4000,
    LEVELS = 5,
};

/* An inbox and what it is sent: bytes that tell where in the stream they are. */
struct stream {
    struct omc_inbox in;
    uint32_t read;    /* so many bytes, of which */
    uint32_t decoded; /* so many were messages; */
    size_t message;   /* the length of the next one */
    struct value {
        const unsigned char *bytes;
        uint32_t from;
        size_t len;
        unsigned level;
    } values[VALUES]; /* that are pinned */
    size_t value_count;
};

static struct stream streams[INBOXES];

/* All streams have the same bytes over and over, so many of them. */
static unsigned char bytes_of_all[1000003];

static void check_bytes(const unsigned char *bytes, uint32_t from, size_t len)
{
    size_t at = from % sizeof(bytes_of_all);
    size_t first = len < sizeof(bytes_of_all) - at ? len : sizeof(bytes_of_all) - at;

    ck_assert(memcmp(bytes, bytes_of_all + at, first) == 0);
    ck_assert(memcmp(bytes + first, bytes_of_all, len - first) == 0);
}

static void check_stream(const struct stream *stream)
{
    const struct omc_buffer *buffer = &stream->in.buffer;

    ck_assert_uint_eq(omc_buffer_size(buffer), stream->read - stream->decoded);
    if (omc_buffer_size(buffer) > 0)
        check_bytes(omc_buffer_data(buffer), stream->decoded, omc_buffer_size(buffer));
    for (size_t i = 0; i < stream->value_count; i++)
        check_bytes(stream->values[i].bytes, stream->values[i].from, stream->values[i].len);
}

static void send_bytes(struct stream *stream, size_t len)
{
    struct omc_buffer *buffer = &stream->in.buffer;
    size_t at = stream->read % sizeof(bytes_of_all);

    if (len > sizeof(bytes_of_all) - at)
        len = sizeof(bytes_of_all) - at;
    memcpy(omc_buffer_tail(buffer), bytes_of_all + at, len);
    stream->read += (uint32_t)len;
    omc_inbox_commit(&stream->in, len);
}

static size_t any_length(void)
{
    switch (rand() % 20) {
    case 0:
        return 1 + (size_t)rand() % 300000;
    case 1:
    case 2:
        return 1 + (size_t)rand() % 70000;
    default:
        return 1 + (size_t)rand() % 500;
    }
}

static void decode_all(struct stream *stream)
{
    struct omc_buffer *buffer = &stream->in.buffer;

    while (omc_buffer_size(buffer) >= stream->message) {
        if (rand() % 2 == 0) {
            unsigned level = 1 + (unsigned)rand() % LEVELS;

            omc_inbox_pin(&stream->in, level);
            stream->values[stream->value_count++] =
                (struct value){omc_buffer_data(buffer), stream->decoded, stream->message, level};
        }
        omc_buffer_consume(buffer, stream->message);
        stream->decoded += (uint32_t)stream->message;
        stream->message = any_length();
    }
    /* The length is known from the fourth byte on. */
    omc_inbox_rest(&stream->in, omc_buffer_size(buffer) < 4 ? 4 : stream->message);
}

static void read_some(struct stream *stream)
{
    struct omc_buffer *buffer = &stream->in.buffer;
    size_t known = omc_buffer_size(buffer) == 0  ? 0
                   : omc_buffer_size(buffer) < 4 ? 4
                                                 : stream->message;
    size_t limit = rand() % 4 == 0 ? (size_t)rand() % LIMIT : LIMIT, most;

    if (stream->value_count + 1000 > VALUES)
        return;
    if (make_room(&stream->in, known, limit) != OMC_INBOX_ROOM) {
        ck_assert_uint_gt(omc_inbox_size_below(&stream->in, UINT_MAX), 0);
        return;
    }
    ck_assert_uint_ge(omc_buffer_size(buffer) + room(&stream->in), known);
    most = rand() % 3 == 0 ? LIMIT : (size_t)rand() % 2000;
    send_bytes(stream, most < room(&stream->in) ? most : room(&stream->in));
    decode_all(stream);
}

static void unpin(struct stream *stream, unsigned level)
{
    size_t kept = 0;

    check_stream(stream);
    for (size_t i = 0; i < stream->value_count; i++) {
        if (stream->values[i].level < level)
            stream->values[kept++] = stream->values[i];
    }
    stream->value_count = kept;
    ck_assert(omc_inbox_unpin(&stream->in, level) == (kept == 0));
}

START_TEST(any_order_will_do)
{
    srand((unsigned)_i);
    begin();
    memset(streams, 0, sizeof(streams));
    for (size_t i = 0; i < sizeof(bytes_of_all); i++)
        bytes_of_all[i] = (unsigned char)rand();
    for (int i = 0; i < INBOXES; i++)
        streams[i].message = any_length();
    for (int step = 0; step < STEPS; step++) {
        struct stream *stream = &streams[rand() % INBOXES];

        if (rand() % 10 == 0) {
            unpin(stream, 1 + (unsigned)rand() % LEVELS);
        } else if (rand() % 200 == 0) {
            omc_inbox_discard(&stream->in);
            stream->decoded = stream->read;
        } else {
            read_some(stream);
        }
        if (step % 50 == 0) {
            for (int i = 0; i < INBOXES; i++)
                check_stream(&streams[i]);
        }
    }
    for (int i = 0; i < INBOXES; i++) {
        unpin(&streams[i], 1);
        omc_inbox_fini(&streams[i].in);
    }
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inbox");
    TCase *tcase = fixture_case(suite, "inbox");

    tcase_add_test(tcase, what_is_free_is_used_again);
    tcase_add_test(tcase, a_stream_of_pieces_needs_one_chunk);
    tcase_add_test(tcase, reading_nothing_holds_nothing);
    tcase_add_test(tcase, answers_lie_behind_one_another);
    tcase_add_test(tcase, a_message_gets_the_room_it_needs);
    tcase_add_test(tcase, large_messages_stay_where_they_are_read);
    tcase_add_test(tcase, the_rest_of_a_message_keeps_its_place);
    tcase_add_test(tcase, a_message_moves_where_it_has_room);
    tcase_add_test(tcase, what_is_pinned_neither_moves_nor_changes);
    tcase_add_test(tcase, levels_are_taken_back_from_the_deepest);
    tcase_add_test(tcase, a_pinned_chunk_is_left_with_the_unfinished_message);
    tcase_add_test(tcase, no_more_is_read_than_the_limit_allows);
    tcase_add_loop_test(tcase, any_order_will_do, 1, 9);
    return fixture_run(suite);
}
