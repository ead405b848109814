/*
 * The same requests through each codec to a real memcached: what comes back, and what
 * is stored afterwards, must be the same as over the binary protocol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base64.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/fixture.h"
#include "support/loopback.h"

#define CODECS 3
#define PATIENCE_MS 20000
#define LARGEST 2000000

static const struct omc_codec *const codecs[CODECS] = {&omc_binary_codec, &omc_meta_codec,
                                                       &omc_text_codec};

/* A connection of a protocol, and what has come over it and was not decoded. */
struct line {
    const struct omc_codec *codec;
    int fd;
    uint32_t next_opaque;
    unsigned char *bytes; /* room for LARGEST */
    size_t len;
};

static struct memcached server;

static int connect_to(const char *host, int port)
{
    int fd = loopback_connect(host, port);
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0); /* blocking */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void line_open(struct line *line, const struct omc_codec *codec)
{
    *line = (struct line){.codec = codec,
                          .fd = connect_to(server.host, server.port),
                          .next_opaque = 0xfffffff0,
                          .bytes = malloc(LARGEST)};
}

static void line_close(struct line *line)
{
    close(line->fd);
    free(line->bytes);
}

static void write_all(int fd, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, bytes, len);

        ck_assert_int_gt(count, 0);
        bytes += count;
        len -= (size_t)count;
    }
}

/* Sends a request and adds it to those that are owed an answer; false if refused. */
static bool line_send(struct line *line, const struct order *order, struct owed *owed)
{
    size_t len;
    unsigned char *bytes = codec_encode(line->codec, order, line->next_opaque, &len);

    if (bytes == NULL)
        return false;
    write_all(line->fd, bytes, len);
    free(bytes);
    codec_owe(owed, order->opcode, line->next_opaque++);
    return true;
}

/* Waits for more bytes; false when the server has closed. */
static bool read_more(struct line *line)
{
    struct pollfd pfd = {.fd = line->fd, .events = POLLIN};
    ssize_t count;

    ck_assert_msg(poll(&pfd, 1, PATIENCE_MS) == 1, "%s: no answer behind '%s'", line->codec->name,
                  printable(line->bytes, line->len));
    count = read(line->fd, line->bytes + line->len, LARGEST - line->len);
    ck_assert_int_ge(count, 0);
    line->len += (size_t)count;
    return count > 0;
}

/* Takes the bytes of the reply before off, waits for the next one, and takes its
 * request off what is owed, with the quiet ones in front of a no-op. */
static struct omc_reply line_receive(struct line *line, struct owed *owed, size_t *used)
{
    struct omc_expect expect = codec_expect(owed);
    struct omc_reply reply;
    enum omc_decode result;
    size_t size;

    memmove(line->bytes, line->bytes + *used, line->len - *used);
    line->len -= *used;
    do {
        result = line->codec->decode(line->bytes, line->len, LARGEST, &expect, &reply, &size);
        ck_assert_msg(result == OMC_DECODE_REPLY || result == OMC_DECODE_MORE, "%s: '%s' gave %d",
                      line->codec->name, printable(line->bytes, line->len), (int)result);
    } while (result == OMC_DECODE_MORE && read_more(line));
    ck_assert_int_eq(result, OMC_DECODE_REPLY);
    *used = size;
    for (size_t i = 0; reply.last && i < owed->count; i++) {
        if (owed->requests[i].opaque == reply.opaque) {
            ck_assert_uint_eq(owed->requests[i].opcode, reply.opcode);
            memmove(owed->requests + i, owed->requests + i + 1,
                    (--owed->count - i) * sizeof(owed->requests[0]));
            return reply;
        }
    }
    ck_assert(!reply.last);
    return reply;
}

/* What a request came to. */
struct outcome {
    bool refused;
    bool silent;
    struct omc_reply reply;
    char key[300];
    char data[300];
};

static void keep(char *out, size_t room, const unsigned char *bytes, size_t len)
{
    snprintf(out, room, "%zu:%s", len, len == 0 ? "" : printable(bytes, len));
}

/* Runs a request, and a no-op behind it that tells whether it stayed unanswered. */
static struct outcome run(struct line *line, const struct order *order)
{
    static const struct order noop = {.opcode = OMC_OP_NOOP};
    struct owed owed = {.codec = line->codec};
    struct outcome outcome = {.silent = true};
    uint32_t opaque = line->next_opaque;
    struct omc_reply reply;
    size_t used = 0;

    outcome.refused = !line_send(line, order, &owed);
    if (outcome.refused)
        return outcome;
    line_send(line, &noop, &owed);
    reply = line_receive(line, &owed, &used);
    if (reply.opaque == opaque) {
        outcome.silent = reply.silent;
        outcome.reply = reply;
        keep(outcome.key, sizeof(outcome.key), reply.value.key, reply.value.key_len);
        keep(outcome.data, sizeof(outcome.data), reply.value.data, reply.value.data_len);
        while (!reply.last)
            reply = line_receive(line, &owed, &used);
        reply = line_receive(line, &owed, &used);
    }
    assert_rc(reply.value.status, OMCACHE_OK);
    ck_assert_uint_eq(reply.opcode, OMC_OP_NOOP);
    ck_assert_uint_eq(reply.opaque, opaque + 1);
    ck_assert_uint_eq(line->len, used);
    line->len = 0;
    return outcome;
}

/* Seconds that a key has to live, -1 for no end, -2 if it is not there. */
static long time_to_live(int fd, const char *key, size_t key_len)
{
    unsigned char text[400];
    char command[450], answer[200];
    size_t len = omc_base64_encode(text, (const unsigned char *)key, key_len);
    ssize_t count;

    len = (size_t)snprintf(command, sizeof(command), "mg %.*s b t\r\n", (int)len, (char *)text);
    write_all(fd, (unsigned char *)command, len);
    count = read(fd, answer, sizeof(answer) - 1);
    ck_assert_int_gt(count, 0);
    answer[count] = 0;
    return strncmp(answer, "HD t", 4) == 0 ? strtol(answer + 4, NULL, 10) : -2;
}

/* Whether replies agree; text lacks the cas of all but gets, and keys of misses. */
static void assert_same(const struct outcome *binary, const struct outcome *other,
                        const struct line *line, const char *where)
{
    const omcache_value_t *a = &binary->reply.value, *b = &other->reply.value;
    bool text = line->codec == &omc_text_codec;
    bool get = omc_opcode_is_get(binary->reply.opcode);

    ck_assert_msg(binary->silent == other->silent, "%s: silent %d", where, other->silent);
    if (binary->silent)
        return;
    ck_assert_msg(a->status == b->status, "%s: %s, binary %s", where, rc_name(b->status),
                  rc_name(a->status));
    ck_assert_msg(a->flags == b->flags, "%s: flags %u, binary %u", where, b->flags, a->flags);
    ck_assert_msg(a->delta_value == b->delta_value, "%s: number %llu", where,
                  (unsigned long long)b->delta_value);
    if (text && !get)
        ck_assert_uint_eq(b->cas, 0);
    else
        ck_assert_msg((a->cas != 0) == (b->cas != 0), "%s: cas %llu, binary %llu", where,
                      (unsigned long long)b->cas, (unsigned long long)a->cas);
    if (!text || a->status == OMCACHE_OK)
        ck_assert_msg(strcmp(binary->key, other->key) == 0, "%s: key %s, binary %s", where,
                      other->key, binary->key);
    if (a->status == OMCACHE_OK && !omc_opcode_is_delta(binary->reply.opcode))
        ck_assert_msg(strcmp(binary->data, other->data) == 0, "%s: data %s, binary %s", where,
                      other->data, binary->data);
}

/* What is there before a request. */
enum before { MISSING, WORD, NUMBER, STATES };

/* What cas it has. */
enum cas { NO_CAS, RIGHT_CAS, WRONG_CAS, CASES };

/* Brings a key into a state and returns its cas. */
static uint64_t prepare(struct line *binary, const struct order *order, enum before before)
{
    struct order first = {.opcode = before == MISSING ? OMC_OP_DELETE : OMC_OP_SET,
                          .key = order->key,
                          .key_len = order->key_len};

    if (before != MISSING) {
        first.data = before == WORD ? "word" : "10";
        first.flags = 5;
    }
    return run(binary, &first).reply.value.cas;
}

/* Runs the request over each protocol and compares. */
static void compare(struct line lines[CODECS], int fd, const struct order *template,
                    enum before before, enum cas cas)
{
    struct outcome outcomes[CODECS], after[CODECS];
    long ttls[CODECS];
    char where[200];

    for (int i = 0; i < CODECS; i++) {
        struct order order = *template, get = {.opcode = OMC_OP_GET};
        uint64_t current = prepare(&lines[0], &order, before);

        order.cas = cas == NO_CAS ? 0 : cas == RIGHT_CAS ? current : current + 1000000;
        if (cas != NO_CAS && order.cas == 0)
            order.cas = 1;
        get.key = order.key;
        get.key_len = order.key_len;
        outcomes[i] = run(&lines[i], &order);
        after[i] = run(&lines[0], &get);
        ttls[i] = time_to_live(fd, order.key, order.key_len);
        snprintf(where, sizeof(where), "%s: opcode %#x, key '%s', state %d, cas %d, expiration %u",
                 codecs[i]->name, order.opcode, printable(order.key, order.key_len), (int)before,
                 (int)cas, order.expiration);
        if (outcomes[i].refused) {
            bool plain = strchr(order.key, ' ') == NULL;

            ck_assert_msg(i == 2 && (!plain || cas != NO_CAS), "%s: refused", where);
            continue;
        }
        if (i == 2 && omc_opcode_is_delta(order.opcode) && before == MISSING &&
            order.expiration != OMCACHE_DELTA_NO_ADD) {
            assert_rc(outcomes[i].reply.value.status, OMCACHE_NOT_FOUND);
            continue; /* omc_text_make_counter's business */
        }
        assert_same(&outcomes[0], &outcomes[i], &lines[i], where);
        assert_same(&after[0], &after[i], &lines[0], where);
        ck_assert_msg(labs(ttls[0] - ttls[i]) <= 1, "%s: lives %ld, binary %ld", where, ttls[i],
                      ttls[0]);
    }
}

START_TEST(keyed_requests_are_the_same)
{
    static const uint8_t opcodes[] = {
        OMC_OP_GET,     OMC_OP_GETQ,      OMC_OP_GETK,       OMC_OP_GETKQ,     OMC_OP_GAT,
        OMC_OP_GATQ,    OMC_OP_GATK,      OMC_OP_GATKQ,      OMC_OP_TOUCH,     OMC_OP_SET,
        OMC_OP_SETQ,    OMC_OP_ADD,       OMC_OP_ADDQ,       OMC_OP_REPLACE,   OMC_OP_REPLACEQ,
        OMC_OP_APPEND,  OMC_OP_APPENDQ,   OMC_OP_PREPEND,    OMC_OP_PREPENDQ,  OMC_OP_DELETE,
        OMC_OP_DELETEQ, OMC_OP_INCREMENT, OMC_OP_INCREMENTQ, OMC_OP_DECREMENT, OMC_OP_DECREMENTQ};
    static const char *const keys[] = {"plain", "a b", " \r\nflush_all\r\n", "x y\xff\x01"};
    static const uint32_t expirations[] = {0, 100, OMCACHE_DELTA_NO_ADD};
    uint8_t opcode = opcodes[_i];
    bool store = omc_codec_tail_size(&omc_text_codec, opcode) > 0;
    struct line lines[CODECS];
    int fd;

    memcached_start(&server, FLEET_PORT);
    fd = connect_to(server.host, server.port);
    for (int i = 0; i < CODECS; i++)
        line_open(&lines[i], codecs[i]);
    for (int i = 0; i < 4 * 3 * STATES * CASES; i++) {
        struct order order = {
            .opcode = opcode,
            .key = keys[i % 4],
            .key_len = strlen(keys[i % 4]),
            .data = store ? "3" : NULL,
            .flags = 70000,
            .expiration = expirations[i / 4 % 3],
            .delta = 3,
            .initial = 50,
        };

        /* As an expiration that is a date in 2106 to some, and never to others. */
        if (order.expiration == OMCACHE_DELTA_NO_ADD && !omc_opcode_is_delta(opcode))
            continue;
        compare(lines, fd, &order, (enum before)(i / 12 % STATES), (enum cas)(i / 12 / STATES));
    }
    for (int i = 0; i < CODECS; i++)
        line_close(&lines[i]);
    close(fd);
}
END_TEST

START_TEST(counters_count_the_same)
{
    static const struct {
        const char *value;
        uint8_t opcode;
        uint64_t delta;
    } cases[] = {
        {"18446744073709551615", OMC_OP_INCREMENT, 1},
        {"18446744073709551615", OMC_OP_INCREMENT, UINT64_MAX},
        {"5", OMC_OP_DECREMENT, 6},
        {"100", OMC_OP_DECREMENT, 1},
        {"99", OMC_OP_INCREMENT, 1},
        {"0", OMC_OP_INCREMENT, 0},
        {"18446744073709551616", OMC_OP_INCREMENT, 1},
        {"7 ", OMC_OP_INCREMENT, 1},
        {"-1", OMC_OP_INCREMENT, 1},
        {"", OMC_OP_INCREMENT, 1},
    };
    struct line lines[CODECS];

    memcached_start(&server, FLEET_PORT);
    for (int i = 0; i < CODECS; i++)
        line_open(&lines[i], codecs[i]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct order set = {.opcode = OMC_OP_SET, .key = "n", .data = cases[i].value};
        struct order count = {.opcode = cases[i].opcode,
                              .key = "n",
                              .delta = cases[i].delta,
                              .expiration = OMCACHE_DELTA_NO_ADD};
        struct order get = {.opcode = OMC_OP_GET, .key = "n"};
        struct outcome outcomes[CODECS], after[CODECS];

        for (int k = 0; k < CODECS; k++) {
            run(&lines[0], &set);
            outcomes[k] = run(&lines[k], &count);
            after[k] = run(&lines[0], &get);
            assert_same(&outcomes[0], &outcomes[k], &lines[k], cases[i].value);
            assert_same(&after[0], &after[k], &lines[0], cases[i].value);
        }
    }
    for (int i = 0; i < CODECS; i++)
        line_close(&lines[i]);
}
END_TEST

START_TEST(keyless_requests_are_the_same)
{
    static const struct order orders[] = {
        {.opcode = OMC_OP_NOOP},
        {.opcode = OMC_OP_VERSION},
        {.opcode = OMC_OP_FLUSH},
        {.opcode = OMC_OP_FLUSHQ},
        {.opcode = OMC_OP_FLUSH, .expiration = 1000},
        {.opcode = OMC_OP_FLUSH, .expiration = 0xffffffff},
        {.opcode = OMC_OP_STAT, .key = "reset"},
        {.opcode = OMC_OP_STAT, .key = "detail on"},
        {.opcode = OMC_OP_STAT, .key = "detail off"},
        {.opcode = OMC_OP_STAT, .key = "no such thing"},
    };
    struct outcome outcomes[CODECS];
    struct line lines[CODECS];

    memcached_start(&server, FLEET_PORT);
    for (int i = 0; i < CODECS; i++)
        line_open(&lines[i], codecs[i]);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        for (int k = 0; k < CODECS; k++) {
            outcomes[k] = run(&lines[k], &orders[i]);
            assert_same(&outcomes[0], &outcomes[k], &lines[k],
                        orders[i].key ? orders[i].key : "keyless");
        }
    }
    for (int i = 0; i < CODECS; i++)
        line_close(&lines[i]);
}
END_TEST

/* Names and values of all statistics, apart from what is different each time. */
START_TEST(statistics_have_the_same_names)
{
    char names[CODECS][8192];

    memcached_start(&server, FLEET_PORT);
    for (int i = 0; i < CODECS; i++) {
        static const struct order stat = {.opcode = OMC_OP_STAT, .key = "settings"};
        struct owed owed = {.codec = codecs[i]};
        struct omc_reply reply;
        struct line line;
        size_t used = 0, len = 0;

        line_open(&line, codecs[i]);
        line_send(&line, &stat, &owed);
        do {
            reply = line_receive(&line, &owed, &used);
            len += (size_t)snprintf(names[i] + len, sizeof(names[i]) - len, "%.*s=%.*s\n",
                                    (int)reply.value.key_len, (const char *)reply.value.key,
                                    (int)reply.value.data_len, (const char *)reply.value.data);
            ck_assert_uint_lt(len, sizeof(names[i]));
        } while (!reply.last);
        ck_assert_uint_eq(line.len, used);
        ck_assert_str_eq(names[i], names[0]);
        line_close(&line);
    }
    ck_assert_ptr_nonnull(strstr(names[0], "maxbytes="));
}
END_TEST

/* Quiet gets are in front, and the connection goes on to be of use. */
START_TEST(values_too_large_are_told_as_such)
{
    char *data = malloc(LARGEST);

    memset(data, '\n', LARGEST);
    memcached_start(&server, FLEET_PORT);
    for (int i = 0; i < CODECS; i++) {
        static const struct order get = {.opcode = OMC_OP_GETKQ, .key = "none"};
        struct order set = {
            .opcode = OMC_OP_SETQ, .key = "k", .data = data, .data_len = LARGEST - 100};
        struct owed owed = {.codec = codecs[i]};
        struct omc_reply reply;
        struct outcome outcome;
        struct line line;
        size_t used = 0;

        line_open(&line, codecs[i]);
        line_send(&line, &get, &owed);
        line_send(&line, &set, &owed);
        do {
            reply = line_receive(&line, &owed, &used);
        } while (reply.silent);
        assert_rc(reply.value.status, OMCACHE_TOO_LARGE_VALUE);
        ck_assert_uint_eq(reply.opcode, OMC_OP_SETQ);
        line.len = 0;
        set.data_len = 500000;
        ck_assert(run(&line, &set).silent);
        outcome = run(&line, &(struct order){.opcode = OMC_OP_GET, .key = "k"});
        assert_rc(outcome.reply.value.status, OMCACHE_OK);
        ck_assert_uint_eq(outcome.reply.value.data_len, 500000);
        line_close(&line);
    }
    free(data);
}
END_TEST

/* An item of the binary protocol, read by its key in base64: memcached gives the key
 * back as it is. */
START_TEST(keys_stored_by_one_are_read_by_the_other)
{
    static const char *const keys[] = {"a b", "x\r\ny", "\r\nEN\r\n", " ", "\n", "plain"};

    memcached_start(&server, FLEET_PORT);
    for (int writer = 0; writer < 2; writer++) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            struct order set = {.opcode = OMC_OP_SET, .key = keys[i], .data = "value"};
            struct order get = {.opcode = OMC_OP_GETK, .key = keys[i]};
            char expected[300];
            struct line a, b;
            struct outcome outcome;

            keep(expected, sizeof(expected), TEXT(keys[i]));
            line_open(&a, codecs[writer]);
            line_open(&b, codecs[!writer]);
            run(&a, &set);
            outcome = run(&b, &get);
            ck_assert_str_eq(outcome.key, expected);
            ck_assert_str_eq(outcome.data, "5:value");
            outcome = run(&a, &get);
            ck_assert_str_eq(outcome.key, expected);
            line_close(&a);
            line_close(&b);
        }
    }
}
END_TEST

/* The binary protocol answers, the others close at once. */
START_TEST(quit_ends_the_connection)
{
    memcached_start(&server, FLEET_PORT);
    for (int i = 0; i < 2 * CODECS; i++) {
        struct order quit = {.opcode = i % 2 == 0 ? OMC_OP_QUIT : OMC_OP_QUITQ};
        struct owed owed = {.codec = codecs[i / 2]};
        struct line line;

        line_open(&line, codecs[i / 2]);
        ck_assert(line_send(&line, &quit, &owed));
        while (read_more(&line)) {
        }
        ck_assert_uint_eq(line.len, i == 0 ? OMC_ASK_HEADER_SIZE : 0);
        line_close(&line);
    }
}
END_TEST

/* Keys are copied, and summed up, in steps. */
START_TEST(keys_of_each_length_go_whole)
{
    const struct omc_codec *codec = codecs[_i / 2];

    for (size_t len = 1; len <= OMC_ASK_KEY_MAX; len++) {
        char *key = malloc(len);
        struct order order = {
            .opcode = _i % 2 == 0 ? OMC_OP_GETK : OMC_OP_SET, .key = key, .key_len = len};
        unsigned char *bytes;
        size_t size;

        for (size_t i = 0; i < len; i++)
            key[i] = (char)('a' + i % 26);
        bytes = codec_encode(codec, &order, 1, &size);
        ck_assert_ptr_nonnull(memmem(bytes, size, key, len));
        free(bytes);
        free(key);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocols");
    TCase *tcase = fixture_case(suite, "protocols");

    tcase_add_loop_test(tcase, keyed_requests_are_the_same, 0, 25);
    tcase_add_test(tcase, counters_count_the_same);
    tcase_add_test(tcase, keyless_requests_are_the_same);
    tcase_add_test(tcase, statistics_have_the_same_names);
    tcase_add_test(tcase, values_too_large_are_told_as_such);
    tcase_add_test(tcase, keys_stored_by_one_are_read_by_the_other);
    tcase_add_test(tcase, quit_ends_the_connection);
    tcase_add_loop_test(tcase, keys_of_each_length_go_whole, 0, 2 * CODECS);
    return fixture_run(suite);
}
