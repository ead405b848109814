/*
 * Values of every length that matters, up to the largest that the server takes, with
 * bytes in them that look like the protocol's own: they are read as they were stored,
 * whatever functions do it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGEST ((size_t)1024 * 1024)
#define LENGTHS_MAX 256
#define TOGETHER 5

static unsigned char *bytes;
static size_t lengths[LENGTHS_MAX];
static size_t length_count;

static void add_length(size_t len)
{
    if (len < LARGEST && (length_count == 0 || lengths[length_count - 1] < len)) {
        ck_assert_uint_lt(length_count, LENGTHS_MAX);
        lengths[length_count++] = len;
    }
}

/* All small ones, powers of two, and three times these, with their neighbours; and what
 * fills a buffer together with a head. */
static void choose_lengths(void)
{
    length_count = 0;
    for (size_t len = 0; len < 40; len++) {
        add_length(len);
    }
    for (size_t power = 64; power <= LARGEST; power *= 2) {
        add_length(power - 33);
        for (size_t len = power - 3; len <= power + 3; len++) {
            add_length(len);
        }
        add_length(power + power / 2);
    }
}

static void fill_bytes(void)
{
    static const char *const words[] = {"\r\n",        "END\r\n", "EN\r\n", "VALUE k 0 1\r\n",
                                        "VA 1 f0\r\n", "HD\r\n",  "\n",     "STORED\r\n"};
    size_t at = 0;
    bytes = malloc(LARGEST);
    ck_assert_ptr_nonnull(bytes);
    for (unsigned turn = 0; at < LARGEST; turn++) {
        const char *word = words[turn * 2654435761u >> 29];
        size_t len = strlen(word) + turn % 3; /* NULs, and others */
        for (size_t i = 0; i < len && at < LARGEST; i++) {
            bytes[at++] = i < strlen(word) ? (unsigned char)word[i] : (unsigned char)(turn & 0x80);
        }
    }
}

static void begin(int servers)
{
    fixture_size(servers);
    fill_bytes();
    choose_lengths();
}

/* A value of some length begins elsewhere than those of others, so that each is known. */
static const unsigned char *value_of(size_t len)
{
    return bytes + (LARGEST - len) % 61 * (len < LARGEST - 61);
}

static void assert_got(const char *how, size_t len, const void *got, size_t got_len)
{
    ck_assert_msg(same_bytes(got, got_len, value_of(len), len),
                  "%s: a value of %zu bytes is not read as it was stored (%zu bytes)", how, len,
                  got_len);
}

static void assert_reads(const char *how, const char *key, size_t len)
{
    const unsigned char *got;
    size_t got_len;
    int rc = omcache_get(client, TEXT(key), &got, &got_len, NULL, NULL, -1);
    ck_assert_msg(rc == OMCACHE_OK, "%s: %zu bytes gave %s", how, len, rc_name(rc));
    assert_got(how, len, got, got_len);
    rc = omcache_gat(client, TEXT(key), &got, &got_len, 0, NULL, NULL, -1);
    ck_assert_msg(rc == OMCACHE_OK, "%s: %zu bytes gave %s", how, len, rc_name(rc));
    assert_got(how, len, got, got_len);
}

START_TEST(classic_calls_keep_every_length)
{
    begin(_i);
    for (size_t i = 0; i < length_count; i++) {
        size_t len = lengths[i];
        const unsigned char *value = value_of(len);
        if (len > LARGEST - 300) {
            continue; /* perhaps too large, see below */
        }
        assert_rc(omcache_set(client, TEXT("one"), value, len, 0, 0, 0, -1), OMCACHE_OK);
        assert_reads("set", "one", len);
        assert_rc(omcache_replace(client, TEXT("one"), value, len, 0, 5, -1), OMCACHE_OK);
        assert_reads("replace", "one", len);
        assert_rc(omcache_set(client, TEXT("two"), value, len, 0, 0, 0, 0), OMCACHE_BUFFERED);
        drain(client);
        assert_reads("set, not waited for", "two", len);
        assert_rc(omcache_set(client, TEXT("two"), value, len / 3, 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_append(client, TEXT("two"), value + len / 3, len - len / 3, 0, -1),
                  OMCACHE_OK);
        assert_reads("append", "two", len);
        assert_rc(omcache_set(client, TEXT("two"), value + len / 2, len - len / 2, 0, 0, 0, -1),
                  OMCACHE_OK);
        assert_rc(omcache_prepend(client, TEXT("two"), value, len / 2, 0, -1), OMCACHE_OK);
        assert_reads("prepend", "two", len);
    }
    free(bytes);
}
END_TEST

/* Some of the lengths from this one on, each under a key that tells it. */
struct group {
    size_t count;
    size_t lens[TOGETHER];
    char keys[TOGETHER][24];
    const unsigned char *key_bytes[TOGETHER];
    size_t key_lens[TOGETHER];
};

static void fill_group(struct group *group, size_t first)
{
    group->count = 0;
    for (size_t i = first; i < first + TOGETHER && i < length_count; i++) {
        size_t at = group->count;
        if (lengths[i] > LARGEST - 300) {
            continue;
        }
        group->count++;
        group->lens[at] = lengths[i];
        snprintf(group->keys[at], sizeof(group->keys[at]), "%zu", lengths[i]);
        group->key_bytes[at] = (const unsigned char *)group->keys[at];
        group->key_lens[at] = strlen(group->keys[at]);
    }
}

/* All of a group, by as many calls as the receive buffer makes it. */
static void assert_multi(struct group *group)
{
    omcache_req_t reqs[TOGETHER];
    omcache_value_t values[TOGETHER];
    size_t req_count = TOGETHER;
    size_t value_count = TOGETHER;
    size_t found = 0;
    int rc = omcache_get_multi(client, group->key_bytes, group->key_lens, group->count, reqs,
                               &req_count, values, &value_count, -1);
    for (;;) {
        for (size_t i = 0; i < value_count; i++) {
            char key[24] = "";
            memcpy(key, values[i].key, values[i].key_len);
            assert_rc(values[i].status, OMCACHE_OK);
            assert_got("get_multi", strtoul(key, NULL, 10), values[i].data, values[i].data_len);
        }
        found += value_count;
        if (req_count == 0) {
            break;
        }
        assert_rc(rc, OMCACHE_AGAIN);
        value_count = TOGETHER;
        rc = omcache_io(client, reqs, &req_count, values, &value_count, -1);
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(found, group->count);
}

START_TEST(gets_of_many_keep_every_length)
{
    begin(_i);
    for (size_t first = 0; first < length_count; first += TOGETHER) {
        struct group group;
        fill_group(&group, first);
        for (size_t i = 0; i < group.count; i++) {
            assert_rc(omcache_set(client, TEXT(group.keys[i]), value_of(group.lens[i]),
                                  group.lens[i], 0, 0, 0, -1),
                      OMCACHE_OK);
        }
        assert_multi(&group);
    }
    free(bytes);
}
END_TEST

/*
 * Operations.
 */

static size_t stored, read, finished;

static void on_stored(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    stored++;
}

static void on_read(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    size_t key_len;
    size_t len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    if (key == NULL) {
        finished++;
        return;
    }
    char text[24] = "";
    memcpy(text, key, key_len);
    const unsigned char *value = omcache_reply_value(reply, &len);
    assert_got("async_get", strtoul(text, NULL, 10), value, len);
    read++;
}

START_TEST(operations_keep_every_length)
{
    size_t all = 0;
    size_t groups = 0;
    begin(_i);
    stored = read = finished = 0;
    watcher_init(&loop, client);
    for (size_t first = 0; first < length_count; first += TOGETHER) {
        struct group group;
        fill_group(&group, first);
        for (size_t i = 0; i < group.count; i++) {
            assert_rc(omcache_async_set(client, TEXT(group.keys[i]), value_of(group.lens[i]),
                                        group.lens[i], 0, 0, 0, -1, on_stored, NULL),
                      OMCACHE_OK);
        }
        watcher_run(&loop, &stored, all + group.count);
        for (size_t i = 0; i < group.count; i++) {
            assert_rc(omcache_async_get(client, TEXT(group.keys[i]), -1, on_read, NULL),
                      OMCACHE_OK);
        }
        assert_rc(omcache_async_get_multi(client, (const void *const *)group.key_bytes,
                                          group.key_lens, group.count, -1, on_read, NULL),
                  OMCACHE_OK);
        all += group.count;
        watcher_run(&loop, &finished, ++groups);
        watcher_run(&loop, &read, 2 * all);
    }
    free(bytes);
}
END_TEST

/* The limit is the server's: what it takes is kept, one byte more is told to be too large,
 * and neither puts the stream out of step. */
START_TEST(the_largest_value_is_kept)
{
    size_t good = LARGEST - 1000;
    size_t bad = LARGEST;
    begin(_i);
    store("canary", "alive");
    while (bad - good > 1) {
        size_t len = good + (bad - good) / 2;
        int rc = omcache_set(client, TEXT("large"), value_of(len), len, 0, 0, 0, -1);
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_TOO_LARGE_VALUE);
        *(rc == OMCACHE_OK ? &good : &bad) = len;
    }
    ck_assert_uint_ge(good, LARGEST - 300);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_set(client, TEXT("large"), value_of(good), good, 0, 0, 0, -1),
                  OMCACHE_OK);
        assert_reads("the largest", "large", good);
        assert_rc(omcache_set(client, TEXT("large"), value_of(bad), bad, 0, 0, 0, -1),
                  OMCACHE_TOO_LARGE_VALUE);
        assert_rc(omcache_set(client, TEXT("large"), value_of(bad), bad, 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
        drain(client);
        assert_stored("canary", "alive");
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input_lengths");
    TCase *tcase = fixture_case(suite, "lengths");

    tcase_add_loop_test(tcase, classic_calls_keep_every_length, 0, SIZES);
    tcase_add_loop_test(tcase, gets_of_many_keep_every_length, 0, SIZES);
    tcase_add_loop_test(tcase, operations_keep_every_length, 0, SIZES);
    tcase_add_loop_test(tcase, the_largest_value_is_kept, 0, SIZES);
    return fixture_run(suite);
}
