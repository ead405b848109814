/*
 * Requests of which the kernel takes any part at a time: that the bytes which arrive are those of
 * each, in order, and that after each write is known what was written; while others are added,
 * kept, answered, refused, taken back and forgotten.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/codecs.h"
#include "link/connection.h"
#include "link/send.h"
#include "proto/opcode.h"
#include "support/codec.h"
#include "support/dice.h"
#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/taking.h"

enum {
    PROTOCOLS = 3,
    CODEC = OMCACHE_PROTOCOL_BINARY, /* the first of them */
    LARGE = 100 * 1024,
    GATHER = 4096, /* from this size on values are not copied, */
    RUN = 32768,   /* so many bytes are encoded at a time, */
    PIECES = 64,   /* and no more pieces are given to the kernel: as in send.c */
    MOST = 600,    /* requests of a test */
    SERIES = 30,
};

#define FIRST (0U - 40) /* the numbers wrap on the way */

/* A request as the test knows it. */
struct made {
    struct order order;
    char *memory;         /* the caller's, which its key and value are in; NULL: it was freed */
    unsigned char *whole; /* as it is to be written, */
    size_t len;
    size_t size; /* and as it counts */
    bool quiet;
    bool joined; /* on the line of the one before it; as expected, or as it was written */
    bool settled;
    bool refused;
    bool forgotten;
};

static struct made made[MOST];
static uint32_t count; /* how many there are, */
static uint32_t begun; /* of which so many were written, the last of them */
static size_t partly;  /* only in part, or 0; */
static size_t seen;    /* and the bytes that arrived and were looked at, */
static size_t greeted; /* so many of them of the hello */

static struct omc_connection conn;
static struct omc_pool pool;
static char random_bytes[2 * LARGE];

static void open_connection(int protocol)
{
    memory_stop_failing();
    taking_begin();
    count = begun = 0;
    partly = seen = greeted = 0;
    omc_pool_init(&pool);
    omc_connection_init(&conn, &pool, FIRST);
    omc_stream_open_plain(&conn.stream, TAKING_FD);
    conn.codec = omc_codecs_find(protocol);
    conn.proved = true;
}

static void drop(struct made *request)
{
    free(request->memory);
    free(request->whole);
    *request = (struct made){.len = 0};
}

/* Nothing is left. */
static void close_connection(void)
{
    while (count > 0)
        drop(&made[--count]);
    omc_connection_fini(&conn);
    omc_pool_fini(&pool);
    ck_assert_uint_eq(memory_alive, 0);
}

/* Text has one line for gets that follow one another. */
static bool may_share(uint32_t i)
{
    return conn.codec->line_max > 0 && omc_opcode_is_get(made[i].order.opcode) && !made[i].refused;
}

/* How it is written, with the end of its line. */
static size_t form(uint32_t i, const unsigned char **bytes)
{
    size_t skipped = made[i].joined ? strlen("gets") : 0;

    *bytes = made[i].whole + skipped;
    return made[i].refused ? 0 : made[i].len - skipped;
}

/* And how long that is, without that end if the next one is joined. */
static size_t written_len(uint32_t i)
{
    const unsigned char *bytes;
    bool is_open = i + 1 < count && made[i + 1].joined;

    return form(i, &bytes) - (is_open && !made[i].refused ? strlen("\r\n") : 0);
}

/* Submits a request with a value of that size and a key of its own, both in the caller's memory. */
static void submit(uint8_t opcode, size_t value_len)
{
    struct made *request = &made[count];
    static struct omc_asker asker; /* somebody hears of it */
    struct omc_pending pending = {.claim = {.asked = count, .asker = &asker}};
    size_t key_len;

    ck_assert_uint_lt(count, MOST);
    request->memory = malloc(40 + value_len);
    key_len = (size_t)sprintf(request->memory, "key:%u:%0*u", count, (int)dice(20) + 1, 7);
    if (value_len > 0)
        memcpy(request->memory + 40, random_bytes + dice(LARGE), value_len);
    request->order = (struct order){.opcode = opcode,
                                    .key = opcode == OMC_OP_NOOP ? NULL : request->memory,
                                    .key_len = opcode == OMC_OP_NOOP ? 0 : key_len,
                                    .data = value_len > 0 ? request->memory + 40 : NULL,
                                    .data_len = value_len,
                                    .flags = count};
    if (omc_opcode_is_delta(opcode))
        request->order.expiration = OMCACHE_DELTA_NO_ADD;
    request->whole = codec_encode(conn.codec, &request->order, FIRST + count, &request->len);
    request->quiet = omc_codec_is_quiet(conn.codec, opcode);
    request->joined = count > 0 && may_share(count - 1) && may_share(count);
    pending.ask = codec_ask(&request->order);
    request->size = omc_ask_size(&pending.ask);
    assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, SIZE_MAX), OMCACHE_OK);
    count++;
}

static const uint8_t opcodes[] = {OMC_OP_GET,  OMC_OP_GETQ,     OMC_OP_GETK,  OMC_OP_SET,
                                  OMC_OP_SETQ, OMC_OP_ADD,      OMC_OP_TOUCH, OMC_OP_SET,
                                  OMC_OP_NOOP, OMC_OP_INCREMENT};

static void submit_any(bool few_bytes)
{
    static const size_t lens[] = {0, 1, 2, 30, 700, GATHER - 1, GATHER, GATHER + 1, 20000, LARGE};
    uint8_t opcode = opcodes[dice(sizeof(opcodes))];
    size_t len = lens[dice(few_bytes ? 4 : dice_once_in(8) ? 10 : 8)];

    submit(opcode, omc_opcode_kind(opcode) == OMC_KIND_STORE ? len : 0);
}

/* Looks at the hello, as far as it has come. */
static void look_at_hello(void)
{
    while (seen < taking.size && greeted < conn.hello_len) {
        if (taking.bytes[seen] != conn.hello[greeted])
            ck_abort_msg("byte %zu of the hello is %d", greeted, taking.bytes[seen]);
        seen++;
        greeted++;
    }
    if (conn.hello_left != conn.hello_len - greeted)
        ck_abort_msg("%zu bytes of the hello are left", conn.hello_left);
}

/* Whether the line goes on where that request could have ended it, at so many bytes of it. */
static bool goes_on(uint32_t i, size_t at, size_t len)
{
    return may_share(i) && at == len - strlen("\r\n") && taking.bytes[seen] == ' ';
}

/* Moves on behind what has arrived of one that begins, or goes on, there. */
static void look_at_one(uint32_t i)
{
    const unsigned char *bytes;
    size_t len;

    if (partly == 0)
        made[i].joined = taking.bytes[seen] == ' ';
    if (made[i].joined && (i == 0 || !may_share(i - 1) || !may_share(i)))
        ck_abort_msg("request %u is on a line that it cannot share", i);
    len = form(i, &bytes);
    begun += partly == 0;
    while (partly < len && seen < taking.size && !goes_on(i, partly, len)) {
        if (taking.bytes[seen] != bytes[partly])
            ck_abort_msg("request %u is not written as it should be", i);
        seen++;
        partly++;
    }
    if (partly == len || seen < taking.size)
        partly = 0;
}

/* Checks that what has arrived is what was to be written. */
static void look(void)
{
    look_at_hello();
    while (seen < taking.size) {
        uint32_t i = begun - (partly > 0);

        if (i >= count)
            ck_abort_msg("%zu bytes too many are written", taking.size - seen);
        look_at_one(i);
    }
}

/* Whether all of it was written. */
static bool is_whole(uint32_t i)
{
    return i < begun - (partly > 0);
}

/* Asserting what is right costs time, and there are many. */
static void check(bool is_right, uint32_t i, const char *what)
{
    if (!is_right)
        ck_abort_msg("request %u, %u and %zu bytes being written: %s", i, begun, partly, what);
}

/* That the queue has those that it should have. */
static void assert_queue(void)
{
    const struct omc_queue *queue = &conn.queue;
    uint32_t first = queue->first - FIRST, open = 0;

    check(first <= conn.begun - FIRST, first, "it was not written");
    for (uint32_t i = 0; i < first; i++)
        check(made[i].settled && (made[i].refused || is_whole(i)), i, "it has left");
    if (first < conn.begun - FIRST)
        check(!made[first].settled || (partly > 0 && first == begun - 1), first, "it has not left");
    for (uint32_t i = 0; i < count; i++)
        open += !made[i].settled && !made[i].forgotten;
    check(omc_queue_next(queue) == FIRST + count, count, "the next one");
    check(queue->open == open, open, "those that are open");
}

/* That of one in the queue is known what it should be, and its bytes are where they should be. */
static void assert_one(uint32_t i)
{
    const struct omc_pending *pending = omc_queue_slot(&conn.queue, FIRST + i);
    bool waits = !is_whole(i) && !made[i].refused;

    check(pending->half == (partly > 0 && i == begun - 1), i, "whether it is half written");
    check(pending->settled == made[i].settled, i, "whether it is settled");
    check((pending->kept != NULL) == (waits && (int32_t)(FIRST + i - conn.borrowed) < 0), i,
          "where its bytes are");
}

/* That what is known is what has happened. */
static void assert_known(void)
{
    uint32_t due = 0, passed;
    size_t unsent = 0;

    look();
    for (uint32_t i = 0; i < count; i++) {
        unsent += is_whole(i) || made[i].refused ? 0 : made[i].size;
        due = i < begun && !made[i].quiet && !made[i].refused ? i + 1 : due;
    }
    for (passed = begun; passed < count && made[passed].refused; passed++)
        ; /* it may have gone on to there, or not */
    check(conn.begun - FIRST >= begun && conn.begun - FIRST <= passed, conn.begun - FIRST, "begun");
    check(conn.partly == partly, begun, "partly");
    check(conn.unsent == unsent, begun, "unsent");
    check(conn.due - FIRST == due, conn.due - FIRST, "due");
    check(conn.bytes_out == taking.size, begun, "bytes_out");
    check(omc_connection_waits(&conn) == (unsent > 0), begun, "waits");
    assert_queue();
    for (uint32_t i = conn.queue.first - FIRST; i < count; i++)
        assert_one(i);
}

/* Writes once, and looks. */
static void write_some(void)
{
    check(omc_send(&conn, 0), begun, "writing");
    assert_known();
}

static void write_all(void)
{
    while (omc_connection_wants_write(&conn))
        write_some();
    ck_assert_uint_eq(begun, count);
    ck_assert_uint_eq(conn.hello_left, 0);
    ck_assert_uint_eq(conn.unsent, 0);
    ck_assert_ptr_null(conn.store.current);
}

/* The caller's memory is no more his when his call has returned. */
static void free_borrowed(void)
{
    for (uint32_t i = 0; i < count; i++) {
        free(made[i].memory);
        made[i].memory = NULL;
    }
}

static void keep(void)
{
    ck_assert(omc_connection_keep(&conn));
    ck_assert(conn.borrowed == omc_queue_next(&conn.queue));
    free_borrowed();
    assert_known();
}

static void settle(uint32_t i)
{
    omc_queue_settle(&conn.queue, omc_queue_find(&conn.queue, FIRST + i));
    made[i].settled = true;
    assert_known();
}

/*
 * Ways to take.
 */

static size_t take_one(size_t given)
{
    (void)given;
    return 1;
}

static size_t take_any(size_t given)
{
    switch (dice(4)) {
    case 0:
        return 0;
    case 1:
        return given;
    case 2:
        return 1 + dice(given < 40 ? (unsigned)given : 40);
    default:
        return 1 + dice((unsigned)given);
    }
}

/* Up to where one of the next requests ends, just. */
static size_t take_whole(size_t given)
{
    uint32_t end = begun + dice(3) + (partly == 0);
    size_t len = conn.hello_left;

    for (uint32_t i = begun - (partly > 0); i < count && i < end; i++)
        len += written_len(i);
    len -= partly;
    return len > 0 && len < given ? len : given;
}

static size_t cut; /* so much, and then all */

static size_t take_cut(size_t given)
{
    size_t taken = cut < given ? cut : given;

    cut = SIZE_MAX;
    return taken;
}

static size_t (*const ways[])(size_t given) = {NULL, take_one, take_any, take_whole};

enum {
    WAYS = sizeof(ways) / sizeof(ways[0]),
};

/* How many bytes there are of all. */
static size_t all_bytes(void)
{
    size_t len = 0;

    for (uint32_t i = 0; i < count; i++)
        len += written_len(i);
    return len;
}

START_TEST(any_run_is_written_in_any_parts)
{
    bool one = ways[_i / PROTOCOLS] == take_one;

    for (uint32_t run = 1; run <= 200; run += run < 12 ? 1 : 47) {
        dice_begin(run, (uint64_t)_i);
        open_connection(CODEC + _i % PROTOCOLS);
        taking.takes = ways[_i / PROTOCOLS];
        for (uint32_t i = 0; i < run && (!one || i < 12); i++)
            submit_any(one);
        assert_known();
        if (run % 2 == 0)
            keep();
        write_all();
        ck_assert_uint_eq(taking.size, all_bytes());
        close_connection();
    }
}
END_TEST

/* Some requests and perhaps a hello in front of them. */
static void begin_some(int i)
{
    dice_begin(1, (uint64_t)i);
    open_connection(CODEC + i % PROTOCOLS);
    for (int j = 0; j < 5; j++)
        submit_any(true);
    submit(OMC_OP_SET, GATHER + 50);
    submit(OMC_OP_GETK, 0);
}

/* Where the next one is to be cut: everywhere near the beginning and the end. */
static size_t next_cut(size_t at, size_t size)
{
    size_t step = at > 700 && at + 150 < size ? 61 : clock_is_slow() ? 5 : 1;

    return at < size && at + step > size ? size : at + step;
}

/* At each of its bytes.  What was written of then is answered, or its memory goes, or both. */
START_TEST(a_run_is_cut_anywhere)
{
    bool greets = (_i / PROTOCOLS & 1) != 0, answers = (_i / PROTOCOLS & 2) != 0,
         keeps = (_i / PROTOCOLS & 4) != 0;
    size_t size = 1;

    for (size_t at = 0; at <= size; at = next_cut(at, size)) {
        begin_some(_i);
        if (greets)
            omc_connection_open(&conn, OMC_GREETING_GET, NULL, 0);
        size = all_bytes() + conn.hello_len;
        cut = at;
        taking.takes = take_cut;
        write_some();
        ck_assert_int_eq(conn.blocked, at < size);
        ck_assert_uint_eq(taking.size, at);
        if (keeps)
            keep();
        for (uint32_t i = begun; answers && i-- > 0;)
            settle(i);
        ck_assert_int_eq(omc_connection_wants_write(&conn), at < size);
        write_all();
        ck_assert_uint_eq(taking.size, all_bytes() + greeted);
        ck_assert_uint_eq(taking.calls, at < size ? 2 : 1);
        close_connection();
    }
}
END_TEST

/* It is answered before it was written whole, and the queue has no other. */
START_TEST(a_half_one_that_is_settled_is_written_to_its_end)
{
    bool first = _i >= PROTOCOLS;

    open_connection(CODEC + _i % PROTOCOLS);
    if (!first)
        submit(OMC_OP_GET, 0);
    submit(OMC_OP_SET, 100);
    cut = all_bytes() - 50;
    taking.takes = take_cut;
    write_some();
    settle(count - 1);
    ck_assert(omc_connection_wants_write(&conn));
    ck_assert(omc_connection_is_busy(&conn));
    ck_assert_uint_eq(conn.queue.count, count);
    keep();
    write_all();
    ck_assert_uint_eq(conn.queue.count, first ? 0 : 2);
    ck_assert_int_eq(omc_connection_has_sent(&conn), !first);
    if (!first)
        settle(0);
    ck_assert_uint_eq(conn.queue.count, 0);
    ck_assert(!omc_connection_is_busy(&conn));
    close_connection();
}
END_TEST

/* However much is held, what was begun must be ended. */
START_TEST(a_half_one_goes_on_while_others_are_held)
{
    open_connection(CODEC + _i);
    submit(OMC_OP_SET, 100);
    submit(OMC_OP_GET, 0);
    cut = 20;
    taking.takes = take_cut;
    write_some();
    conn.held = true;
    ck_assert(omc_connection_wants_write(&conn));
    write_some();
    ck_assert_uint_eq(begun, 1);
    ck_assert_uint_eq(partly, 0);
    ck_assert(!omc_connection_wants_write(&conn));
    conn.held = false;
    write_all();
    close_connection();
}
END_TEST

/* And before the proof, as it was harmless. */
START_TEST(a_half_one_goes_on_before_the_proof)
{
    open_connection(CODEC + _i);
    conn.proved = false;
    submit(OMC_OP_GET, 0);
    submit(OMC_OP_GET, 0);
    submit(OMC_OP_SET, 100);
    cut = written_len(0) + 5;
    taking.takes = take_cut;
    write_some();
    ck_assert_uint_eq(partly, 5);
    settle(1);
    write_some();
    ck_assert_uint_eq(begun, 2);
    ck_assert_uint_eq(partly, 0);
    ck_assert(!omc_connection_wants_write(&conn));
    conn.proved = true;
    write_all();
    close_connection();
}
END_TEST

START_TEST(many_bytes_go_in_several_calls)
{
    open_connection(CODEC + _i);
    for (uint32_t i = 0; i < 200; i++)
        submit(OMC_OP_SET, GATHER - 1);
    write_all();
    ck_assert_uint_le(taking.most_bytes, RUN);
    ck_assert_uint_ge(taking.calls, taking.size / RUN);
    ck_assert_uint_le(taking.calls, 2 * taking.size / RUN);
    ck_assert_uint_ge(taking.most_pieces, 1);
    close_connection();
}
END_TEST

START_TEST(many_pieces_go_in_several_calls)
{
    open_connection(CODEC + _i);
    for (uint32_t i = 0; i < 200; i++)
        submit(OMC_OP_SET, GATHER);
    write_all();
    ck_assert_uint_le(taking.most_pieces, PIECES);
    ck_assert_uint_gt(taking.most_pieces, PIECES - 4);
    ck_assert_uint_ge(taking.calls, 2 * 200 / PIECES);
    ck_assert_uint_le(taking.calls, 2 + 3 * 200 / PIECES);
    close_connection();
}
END_TEST

/* One goes by itself, without memory of its own; its head and its value in two pieces. */
START_TEST(one_needs_no_memory)
{
    open_connection(CODEC + _i % PROTOCOLS);
    submit(OMC_OP_SET, _i < PROTOCOLS ? GATHER - 1 : LARGE);
    memory_fail(1, SIZE_MAX / 2);
    write_all();
    memory_stop_failing();
    ck_assert_uint_eq(memory_allocations, 0);
    ck_assert_uint_eq(taking.calls, 1);
    ck_assert_uint_le(taking.most_pieces, _i < PROTOCOLS ? 1 : 3);
    close_connection();
}
END_TEST

/* Only what was not begun can be. */
START_TEST(half_a_request_cannot_be_forgotten)
{
    size_t size;

    begin_some(_i);
    size = made[0].len + made[1].len;
    close_connection();
    for (size_t at = 0; at <= size; at = next_cut(at, size)) {
        begin_some(_i);
        cut = at;
        taking.takes = take_cut;
        write_some();
        ck_assert_int_eq(omc_connection_forget(&conn), partly == 0);
        ck_assert_int_eq(conn.blocked, partly > 0);
        while (count > begun)
            drop(&made[--count]);
        for (uint32_t i = 0; i < count; i++)
            made[i].forgotten = true;
        assert_known();
        if (partly > 0)
            keep();
        submit(OMC_OP_GET, 0);
        write_all();
        close_connection();
    }
}
END_TEST

/* What was not written at all may go elsewhere. */
START_TEST(what_remains_is_known)
{
    size_t size;

    begin_some(_i);
    size = all_bytes();
    close_connection();
    for (size_t at = 0; at <= size; at = next_cut(at, size)) {
        struct omc_remains remains;

        begin_some(_i);
        cut = at;
        taking.takes = take_cut;
        write_some();
        if (at % 2 == 0)
            keep();
        if (at % 3 == 0 && begun > 0)
            settle(begun - 1);
        omc_connection_close(&conn, &remains);
        ck_assert_uint_eq(remains.begun, FIRST + begun);
        ck_assert_uint_eq(omc_queue_next(&remains.queue), FIRST + count);
        ck_assert_uint_eq(conn.unsent, 0);
        ck_assert_uint_eq(conn.partly, 0);
        ck_assert(!omc_connection_is_busy(&conn));
        ck_assert(!omc_connection_has_sent(&conn));
        ck_assert(!omc_connection_awaits_answer(&conn));
        ck_assert_uint_eq(omc_queue_next(&conn.queue), FIRST + count);
        omc_connection_free_remains(&remains);
        close_connection();
    }
}
END_TEST

/* A kernel that takes what it has room for. */
START_TEST(a_small_socket_takes_all_in_the_end)
{
    unsigned char got[5000];
    size_t size = 0;
    int ends[2], room = 4096;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    dice_begin(5, (uint64_t)_i);
    open_connection(CODEC + _i);
    omc_stream_open_plain(&conn.stream, ends[0]);
    for (int i = 0; i < 200; i++)
        submit_any(false);
    keep();
    while (omc_connection_waits(&conn)) {
        ssize_t len;

        ck_assert(omc_send(&conn, 0));
        while ((len = recv(ends[1], got, sizeof(got), 0)) > 0) {
            taking_copy(&(struct iovec){got, (size_t)len}, (size_t)len);
            size += (size_t)len;
        }
        assert_known();
    }
    ck_assert_uint_eq(size, all_bytes());
    close_connection();
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/*
 * Everything at once.
 */

static void refuse_any(void)
{
    uint32_t i = begun + dice(count - begun + 1);

    if (i >= count || made[i].refused || i < conn.begun - FIRST)
        return;
    omc_connection_refuse(&conn, omc_queue_find(&conn.queue, FIRST + i));
    made[i].settled = made[i].refused = true;
    while (count > conn.begun - FIRST && made[count - 1].refused)
        drop(&made[--count]);
}

static void take_back(void)
{
    if (count == 0 || count == conn.begun - FIRST)
        return;
    omc_connection_take_back(&conn);
    drop(&made[--count]);
    while (count > conn.begun - FIRST && made[count - 1].refused)
        drop(&made[--count]);
}

static void settle_any(void)
{
    uint32_t i = begun == 0 ? 0 : dice(begun);

    if (begun > 0 && !made[i].settled)
        settle(i);
}

static void forget(void)
{
    if (partly > 0)
        return;
    ck_assert(omc_connection_forget(&conn));
    while (count > conn.begun - FIRST)
        drop(&made[--count]);
    for (uint32_t i = 0; i < count; i++)
        made[i].forgotten = true;
}

/* Keeps what there is memory for, and takes back the rest. */
static void keep_some(void)
{
    memory_fail(1 + dice(3), 1 + dice(3));
    while (!omc_connection_keep(&conn)) {
        if (omc_queue_last(&conn.queue)->half) {
            memory_stop_failing();
            continue;
        }
        take_back();
        assert_known();
    }
    memory_stop_failing();
    free_borrowed();
}

static void do_anything(void)
{
    switch (dice(12)) {
    case 0:
    case 1:
    case 2:
        for (unsigned i = dice(10); i > 0 && count < MOST; i--)
            submit_any(dice_once_in(2));
        break;
    case 3:
        keep();
        break;
    case 4:
        keep_some();
        break;
    case 5:
        refuse_any();
        break;
    case 6:
        take_back();
        break;
    case 7:
    case 8:
        settle_any();
        break;
    case 9:
        conn.held = dice_once_in(4);
        if (dice_once_in(20))
            forget();
        break;
    default:
        if (omc_connection_wants_write(&conn))
            write_some();
    }
}

START_TEST(anything_may_happen_in_any_order)
{
    uint64_t seed = getenv("SEED") == NULL ? 1 : dice_seed();

    for (int series = 0; series < (clock_is_slow() ? SERIES / 6 : SERIES); series++) {
        struct omc_remains remains;

        dice_begin(seed, (uint64_t)_i * SERIES + (uint64_t)series);
        open_connection(CODEC + _i);
        if (dice_once_in(2))
            omc_connection_open(&conn, OMC_GREETING_GET, NULL, 0);
        taking.takes = dice_once_in(2) ? take_any : take_whole;
        while (count < MOST - 10 && taking.size < TAKING_ROOM / 2 && conn.bytes_out < 4000000) {
            do_anything();
            assert_known();
        }
        conn.held = false;
        if (dice_once_in(2)) {
            write_all();
        } else {
            omc_connection_close(&conn, &remains);
            omc_connection_free_remains(&remains);
        }
        close_connection();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("send_parts");
    TCase *tcase = fixture_case(suite, "send_parts");

    for (size_t i = 0; i < sizeof(random_bytes); i++)
        random_bytes[i] = (char)(i * 31 ^ i >> 7);
    tcase_add_loop_test(tcase, any_run_is_written_in_any_parts, 0, PROTOCOLS * WAYS);
    tcase_add_loop_test(tcase, a_run_is_cut_anywhere, 0, PROTOCOLS * 8);
    tcase_add_loop_test(tcase, a_half_one_that_is_settled_is_written_to_its_end, 0, 2 * PROTOCOLS);
    tcase_add_loop_test(tcase, a_half_one_goes_on_while_others_are_held, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_half_one_goes_on_before_the_proof, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, many_bytes_go_in_several_calls, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, many_pieces_go_in_several_calls, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, one_needs_no_memory, 0, 2 * PROTOCOLS);
    tcase_add_loop_test(tcase, half_a_request_cannot_be_forgotten, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, what_remains_is_known, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_small_socket_takes_all_in_the_end, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, anything_may_happen_in_any_order, 0, PROTOCOLS);
    return fixture_run(suite);
}
