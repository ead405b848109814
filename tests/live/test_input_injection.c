/*
 * That no byte of a key or a value is ever read as a command, over each protocol: keys
 * and values with every byte, and with commands in them, are carried as they are, or
 * refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

static omcache_t *witness; /* a client that speaks binary */
static int protocol;

static void store_canary(const char *key)
{
    assert_rc(omcache_set(witness, TEXT(key), TEXT("alive"), 0, 0, 0, -1), OMCACHE_OK);
}

static void assert_alive(const char *key)
{
    const unsigned char *value;
    size_t len;
    int rc = omcache_get(witness, TEXT(key), &value, &len, NULL, NULL, -1);
    ck_assert_msg(rc == OMCACHE_OK, "the canary is gone: %s", rc_name(rc));
    assert_text(value, len, "alive");
    assert_stored(key, "alive"); /* the client's stream is in step, too */
}

/* `client` speaks the protocol of this number with a server that has two canaries. */
static void open_client(int number)
{
    protocol = number == OMCACHE_PROTOCOL_AUTO ? OMCACHE_PROTOCOL_META : number;
    fleet_start(&fleet, 1);
    witness = fixture_client(fleet.list);
    patient_client(fleet.list);
    assert_rc(omcache_set_protocol(client, number), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    store_canary("canary");
    store_canary("c");
    watcher_init(&loop, client);
}

static bool is_plain(const unsigned char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Whether the protocol carries the key. */
static bool is_carried(const unsigned char *key, size_t len)
{
    return is_plain(key, len) ||
           (protocol != OMCACHE_PROTOCOL_TEXT && (protocol != OMCACHE_PROTOCOL_META || len <= 186));
}

static void assert_value_of(omcache_t *mc, const void *key, size_t key_len, const void *value,
                            size_t value_len)
{
    const unsigned char *got;
    size_t len;
    int rc = omcache_get(mc, key, key_len, &got, &len, NULL, NULL, -1);
    ck_assert_msg(rc == OMCACHE_OK, "key '%s' gave %s", printable(key, key_len), rc_name(rc));
    assert_bytes(got, len, value, value_len);
}

static struct {
    size_t count;
    int status;
    unsigned char key[256];
    size_t key_len;
} end;

static void on_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    const unsigned char *key = omcache_reply_key(reply, &end.key_len);
    end.count++;
    end.status = omcache_reply_status(reply);
    if (key) {
        memcpy(end.key, key, end.key_len);
    }
}

/* The asynchronous way to write and read it. */
static void assert_async(const void *key, size_t key_len, const void *value, size_t value_len,
                         int expected)
{
    memset(&end, 0, sizeof(end));
    int rc = omcache_async_set(client, key, key_len, value, value_len, 0, 0, 0, -1, on_end, NULL);
    if (rc == OMCACHE_OK) {
        watcher_run(&loop, &end.count, 1);
        rc = end.status;
    }
    assert_rc(rc, expected);
    rc = omcache_async_get(client, key, key_len, -1, on_end, NULL);
    if (rc == OMCACHE_OK) {
        watcher_run(&loop, &end.count, 2);
        rc = end.status;
        assert_bytes(end.key, end.key_len, key, key_len);
    }
    assert_rc(rc, expected);
}

/* Every operation that takes a key. */
static void assert_carried(const unsigned char *key, size_t len)
{
    int rc = is_carried(key, len) ? OMCACHE_OK : OMCACHE_INVALID;
    assert_rc(omcache_set(client, key, len, TEXT("1"), 0, 7, 0, -1), rc);
    assert_rc(omcache_append(client, key, len, TEXT("2"), 0, -1), rc);
    assert_rc(omcache_prepend(client, key, len, TEXT("3"), 0, -1), rc);
    assert_rc(omcache_replace(client, key, len, TEXT("312"), 0, 0, -1), rc);
    assert_rc(omcache_increment(client, key, len, 2, 0, OMCACHE_DELTA_NO_ADD, NULL, -1), rc);
    assert_rc(omcache_decrement(client, key, len, 1, 0, OMCACHE_DELTA_NO_ADD, NULL, -1), rc);
    assert_rc(omcache_touch(client, key, len, 1000, -1), rc);
    assert_rc(omcache_get(client, key, len, NULL, NULL, NULL, NULL, -1), rc);
    assert_rc(omcache_gat(client, key, len, NULL, NULL, 1000, NULL, NULL, -1), rc);
    if (rc == OMCACHE_OK) {
        assert_value_of(client, key, len, "313", 3);
        assert_value_of(witness, key, len, "313", 3);
        assert_rc(omcache_add(client, key, len, TEXT("4"), 0, 0, -1), OMCACHE_KEY_EXISTS);
    } else {
        assert_rc(omcache_add(client, key, len, TEXT("4"), 0, 0, -1), rc);
        assert_rc(omcache_get(witness, key, len, NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    }
    /* Not waited for. */
    assert_rc(omcache_set(client, key, len, TEXT("5"), 0, 0, 0, 0),
              rc == OMCACHE_OK ? OMCACHE_BUFFERED : rc);
    drain(client);
    assert_rc(omcache_delete(client, key, len, -1), rc);
    assert_rc(omcache_get(witness, key, len, NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    assert_async(key, len, "6", 1, rc);
    assert_rc_either(omcache_delete(client, key, len, -1), rc, OMCACHE_NOT_FOUND);
}

START_TEST(every_byte_in_keys)
{
    open_client(_i);
    for (int byte = 0; byte < 256; byte = fixture_next_byte(byte)) {
        unsigned char key[3] = {'k', (unsigned char)byte, 'y'};
        assert_carried(key, 3);
        assert_carried(key, 2);
        assert_carried(key + 1, 2);
        if (byte != 'c') {
            assert_carried(key + 1, 1);
        }
    }
    assert_alive("canary");
    assert_alive("c");
}
END_TEST

static const char *const evil[] = {
    "\r\nflush_all\r\n",
    "\r\nmn\r\n",
    "\r\nquit\r\n",
    "\nflush_all\n",
    "k\r\nflush_all\r\n",
    "k 0 0 1\r\nx\r\ndelete canary\r\n",
    "canary 0\r\n",
    "canary 0 0 4",
    " canary",
    "canary ",
    "canary I",
    "k b O00000000 q",
    "\r\n",
    "\n",
    "\r",
    " ",
    "k\r",
    "\r\nmd canary\r\nmn\r\n",
    "\r\nEN\r\nVA 1 f0\r\nx\r\n",
    "\r\nEND\r\n",
    "\x80\x08",
    "k\x7fy",
};

#define EVILS ((int)(sizeof(evil) / sizeof(evil[0])))

START_TEST(commands_in_keys)
{
    open_client(_i);
    for (int i = 0; i < EVILS; i++) {
        assert_carried((const unsigned char *)evil[i], strlen(evil[i]));
    }
    assert_alive("canary");
    assert_alive("c");
}
END_TEST

START_TEST(commands_in_keys_of_all_lengths)
{
    open_client(_i);
    for (size_t len = 2; len <= 250; len += clock_is_slow() ? 8 : 1) {
        static const char command[] = "\r\nflush_all\r\n";
        unsigned char key[250];
        size_t tail = len < strlen(command) ? len : strlen(command);
        memset(key, 'k', sizeof(key));
        memcpy(key + len - tail, command, tail);
        int rc = is_carried(key, len) ? OMCACHE_OK : OMCACHE_INVALID;
        assert_rc(omcache_set(client, key, len, TEXT("v"), 0, 0, 0, -1), rc);
        if (rc == OMCACHE_OK) {
            assert_value_of(client, key, len, "v", 1);
            assert_value_of(witness, key, len, "v", 1);
        }
    }
    assert_alive("canary");
}
END_TEST

START_TEST(commands_in_prefixes)
{
    open_client(_i);
    for (int i = 0; i < EVILS; i++) {
        unsigned char key[100];
        size_t len = strlen(evil[i]);
        bool carried = is_carried((const unsigned char *)evil[i], len);
        memcpy(key, evil[i], len);
        key[len] = 'k';
        assert_rc(omcache_set_key_prefix(client, evil[i], len, 0), OMCACHE_OK);
        assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, -1),
                  carried ? OMCACHE_OK : OMCACHE_INVALID);
        if (carried) {
            assert_stored("k", "v");
            assert_value_of(witness, key, len + 1, "v", 1);
        }
    }
    assert_rc(omcache_set_key_prefix(client, NULL, 0, 0), OMCACHE_OK);
    assert_alive("canary");
}
END_TEST

START_TEST(bytes_and_commands_in_values)
{
    unsigned char all[3 * 256];
    open_client(_i);
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (unsigned char)i;
    }
    for (int byte = 0; byte < 256; byte = fixture_next_byte(byte)) {
        unsigned char value[3] = {(unsigned char)byte, (unsigned char)byte, (unsigned char)byte};
        for (size_t len = 1; len <= 3; len += 2) {
            assert_rc(omcache_set(client, TEXT("key"), value, len, 0, 0, 0, -1), OMCACHE_OK);
            assert_value_of(client, "key", 3, value, len);
            assert_value_of(witness, "key", 3, value, len);
        }
        assert_rc(omcache_set(client, TEXT("key"), all + byte, 512, 0, 0, 0, -1), OMCACHE_OK);
        assert_value_of(client, "key", 3, all + byte, 512);
    }
    for (int i = 0; i < EVILS; i++) {
        size_t len = strlen(evil[i]);
        assert_rc(omcache_set(client, TEXT("key"), TEXT(evil[i]), 0, 0, 0, 0), OMCACHE_BUFFERED);
        assert_value_of(client, "key", 3, evil[i], len);
        assert_value_of(witness, "key", 3, evil[i], len);
        assert_async("key", 3, evil[i], len, OMCACHE_OK);
        assert_rc(omcache_append(client, TEXT("key"), TEXT(evil[i]), 0, -1), OMCACHE_OK);
        assert_rc(omcache_prepend(client, TEXT("key"), TEXT(evil[i]), 0, -1), OMCACHE_OK);
        assert_rc(omcache_add(client, TEXT("key"), TEXT(evil[i]), 0, 0, -1), OMCACHE_KEY_EXISTS);
    }
    assert_rc(omcache_set(client, TEXT("key"), NULL, 0, 0, 0, 0, -1), OMCACHE_OK);
    assert_value_of(client, "key", 3, "", 0);
    assert_alive("canary");
}
END_TEST

/* All keys at once: those that cannot be carried are refused, or the whole. */
START_TEST(commands_in_keys_of_many)
{
    const unsigned char *keys[EVILS];
    size_t lens[EVILS];
    omcache_req_t reqs[EVILS];
    omcache_value_t values[EVILS];
    size_t req_count = EVILS;
    size_t value_count = EVILS;
    open_client(_i);
    for (int i = 0; i < EVILS; i++) {
        keys[i] = (const unsigned char *)evil[i];
        lens[i] = strlen(evil[i]);
        if (is_carried(keys[i], lens[i])) {
            assert_rc(omcache_set(client, keys[i], lens[i], keys[i], lens[i], 0, 0, 0, -1),
                      OMCACHE_OK);
        }
    }
    int rc =
        omcache_get_multi(client, keys, lens, EVILS, reqs, &req_count, values, &value_count, -1);
    if (protocol == OMCACHE_PROTOCOL_TEXT) {
        assert_rc(rc, OMCACHE_INVALID);
    } else {
        assert_rc(rc, OMCACHE_OK);
        ck_assert_uint_eq(value_count, EVILS);
        for (size_t i = 0; i < value_count; i++) {
            assert_rc(values[i].status, OMCACHE_OK);
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        }
    }
    assert_alive("canary");
}
END_TEST

START_TEST(commands_in_the_names_of_statistics)
{
    open_client(_i);
    for (int i = 0; i < EVILS; i++) {
        omcache_value_t values[300];
        size_t room = 300;
        int rc = omcache_stat(client, evil[i], values, &room, 0, -1);
        bool words = protocol != OMCACHE_PROTOCOL_BINARY;
        bool control = strpbrk(evil[i], "\r\n\x7f") != NULL;
        ck_assert_msg(!words || !control || rc == OMCACHE_INVALID, "'%s' gave %s",
                      printable(evil[i], strlen(evil[i])), rc_name(rc));
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    }
    assert_alive("canary");
}
END_TEST

/* The extras of the library's own opcodes go into the line as they are, and so no request
 * of the application's may have one of those, whichever function it is made with. */
START_TEST(commands_in_extras)
{
    static const char extra[] = " Oaa\r\nflush_all\r\nset canary 0 0 1\r\nx\r\nmn";
    open_client(_i);
    for (int opcode = 0; opcode < 256; opcode++) {
        omcache_req_t req = {.key = (const unsigned char *)"k", .extra = extra};
        size_t req_count = 1;
        req.header.opcode = (uint8_t)opcode;
        req.header.keylen = htobe16(1);
        req.header.extlen = (uint8_t)strlen(extra);
        req.header.bodylen = htobe32((uint32_t)strlen(extra) + 1);
        if (protocol == OMCACHE_PROTOCOL_BINARY && (opcode < 0x78 || opcode > 0x7c)) {
            continue; /* the server's to refuse */
        }
        assert_rc(omcache_command_status(client, &req, -1), OMCACHE_INVALID);
        int rc = omcache_command(client, &req, &req_count, NULL, NULL, -1);
        ck_assert_msg(rc == OMCACHE_INVALID, "opcode %d gave %s", opcode, rc_name(rc));
    }
    assert_alive("canary");
    assert_alive("c");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input_injection");
    TCase *tcase = fixture_case(suite, "bad input");

    tcase_add_loop_test(tcase, every_byte_in_keys, 0, 4);
    tcase_add_loop_test(tcase, commands_in_keys, 0, 4);
    tcase_add_loop_test(tcase, commands_in_keys_of_all_lengths, 0, 4);
    tcase_add_loop_test(tcase, commands_in_prefixes, 0, 4);
    tcase_add_loop_test(tcase, bytes_and_commands_in_values, 0, 4);
    tcase_add_loop_test(tcase, commands_in_keys_of_many, 0, 4);
    tcase_add_loop_test(tcase, commands_in_the_names_of_statistics, 0, 4);
    tcase_add_loop_test(tcase, commands_in_extras, 0, 4);
    return fixture_run(suite);
}
