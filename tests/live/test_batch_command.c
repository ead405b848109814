/*
 * omcache_command, omcache_command_status and omcache_io with raw requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/puppet.h"
#include "support/recorder.h"
#include "support/told.h"
#include "support/wire.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>

#define MANY 1000

static omcache_req_t reqs[MANY];
static omcache_value_t values[MANY];
static char names[MANY][32];
static struct told last;

static void name_keys(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "batch-%zu", i);
    }
}

/* The sets of `count` keys, with the value "value of batch-i". */
static void store_names(size_t count)
{
    name_keys(count);
    for (size_t i = 0; i < count; i++) {
        char value[64];
        snprintf(value, sizeof(value), "value of %.32s", names[i]);
        store(names[i], value);
    }
}

static void request_names(size_t count, int server, uint8_t opcode)
{
    name_keys(count);
    for (size_t i = 0; i < count; i++) {
        wire_request(&reqs[i], server, opcode, names[i]);
    }
}

static void assert_value(const omcache_value_t *value)
{
    char expected[64];
    assert_rc(value->status, OMCACHE_OK);
    snprintf(expected, sizeof(expected), "value of %.*s", (int)value->key_len,
             (const char *)value->key);
    assert_text(value->data, value->data_len, expected);
}

static int command(size_t *count, size_t *room, int32_t timeout)
{
    return omcache_command(client, reqs, count, values, room, timeout);
}

static int collect(size_t *count, size_t *room, int32_t timeout)
{
    return omcache_io(client, reqs, count, values, room, timeout);
}

/*
 * What omcache_command does to the array.
 */

START_TEST(requests_are_sorted_by_server)
{
    fixture_variant(_i);
    size_t count = 100;
    size_t room = 100;
    request_names(count, -1, WIRE_GETK);
    assert_rc(command(&count, &room, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 100);
    ck_assert_uint_eq(room, 0);
    for (size_t i = 0; i < count; i++) {
        const char *key = (const char *)reqs[i].key;
        int index = omcache_server_index_for_key(client, TEXT(key));
        ck_assert_msg(reqs[i].server_index == index, "request %zu is for %d, its key for %d", i,
                      reqs[i].server_index, index);
        ck_assert_msg(i == 0 || reqs[i].server_index >= reqs[i - 1].server_index,
                      "request %zu is for server %d, the one before for %d", i,
                      reqs[i].server_index, reqs[i - 1].server_index);
    }
    ck_assert_int_eq(reqs[count - 1].server_index, (int)fleet.count - 1);
}
END_TEST

START_TEST(headers_are_completed)
{
    fixture_variant(_i);
    size_t count = 50;
    request_names(count, -1, WIRE_GETK);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    for (size_t i = 0; i < count; i++) {
        const struct omcache_req_header_s *header = &reqs[i].header;
        ck_assert_uint_eq(header->magic, 0x80);
        ck_assert_uint_eq(header->datatype, 0);
        ck_assert_uint_eq(ntohs(header->keylen), strlen((const char *)reqs[i].key));
        ck_assert_uint_eq(ntohl(header->bodylen), strlen((const char *)reqs[i].key));
        ck_assert_msg(header->opaque == reqs[0].header.opaque + i,
                      "opaque %zu is %u, the first is %u", i, header->opaque,
                      reqs[0].header.opaque);
    }
}
END_TEST

START_TEST(every_request_is_still_there)
{
    fixture_variant(_i);
    size_t count = 60;
    bool seen[60] = {false};
    request_names(count, -1, WIRE_GETK);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    for (size_t i = 0; i < count; i++) {
        size_t number = 60;
        sscanf((const char *)reqs[i].key, "batch-%zu", &number);
        ck_assert_uint_lt(number, 60);
        ck_assert_msg(!seen[number], "%s is there twice", names[number]);
        seen[number] = true;
    }
}
END_TEST

START_TEST(refused_requests_go_to_the_end)
{
    fixture_variant(_i);
    size_t count = 20;
    size_t room = 20;
    store_names(20);
    request_names(count, -1, WIRE_GETK);
    reqs[3].server_index = (int)fleet.count;
    reqs[10].server_index = INT_MAX;
    assert_rc(command(&count, &room, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 18);
    for (size_t i = 0; i < 20; i++) {
        bool refused = strcmp((const char *)reqs[i].key, names[3]) == 0 ||
                       strcmp((const char *)reqs[i].key, names[10]) == 0;
        ck_assert_msg(refused == (i >= 18), "%s is number %zu", (const char *)reqs[i].key, i);
    }
    room = 20;
    assert_rc(collect(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 18);
}
END_TEST

/* Whether there is no such server, or no room: none is left out. */
START_TEST(all_that_are_refused_go_to_the_end)
{
    static unsigned char large[20000];
    fixture_variant(_i);
    size_t count = 12;
    size_t refused = 0;
    name_keys(count);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 10000), OMCACHE_OK);
    for (size_t i = 0; i < count; i++) {
        wire_set(&reqs[i], i % 4 == 1 ? (int)fleet.count : -1, WIRE_SET, names[i], "value");
        if (i % 4 == 2) {
            reqs[i].data = large;
            reqs[i].header.bodylen = htonl(8 + (uint32_t)strlen(names[i]) + sizeof(large));
        }
    }
    assert_rc(command(&count, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 6);
    for (size_t i = 0; i < 12; i++) {
        for (size_t j = 0; j < 12; j++) {
            bool is_bad = j % 4 == 1 || j % 4 == 2;
            if (strcmp((const char *)reqs[i].key, names[j]) == 0) {
                ck_assert(is_bad == (i >= 6));
                refused += is_bad;
            }
        }
    }
    ck_assert_uint_eq(refused, 6);
    drain(client);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    assert_stored(names[0], "value");
    assert_missing(names[1]);
    assert_missing(names[2]);
    assert_stored(names[3], "value");
}
END_TEST

START_TEST(a_refused_request_alone_is_no_servers)
{
    fixture_variant(_i);
    size_t count = 1;
    size_t room = 1;
    wire_request(&reqs[0], (int)fleet.count, WIRE_NOOP, NULL);
    assert_rc(command(&count, &room, patience), OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 0);
}
END_TEST

START_TEST(no_requests_are_done_at_once)
{
    fixture_variant(_i);
    size_t count = 0;
    size_t room = 7;
    assert_rc(command(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 0);
}
END_TEST

#define LIVES                                                                          \
    4 /* connections that prove themselves and answer nothing, before a server is down \
       */

/* The puppet is greeted, closes, and has not answered anything; the client has not seen it yet. */
static void lose_puppet(struct puppet *puppet, struct watcher *loop)
{
    struct wire_request request;
    assert_rc(omcache_async_noop(client, 1, -1, told_reply, &last), OMCACHE_OK);
    puppet_greet(puppet, loop);
    while (!puppet_next(puppet, &request, 0)) {
        watcher_turn(loop, 1);
    }
    puppet_hang_up(puppet, true);
}

/* That is found out in the middle of a batch, when there is no room for more of it: who has a key
 * goes to another server, who names this one is refused. */
START_TEST(the_rest_of_a_batch_goes_on_when_its_server_goes_down)
{
    ONLY_BINARY;
    static unsigned char large[1000];
    static struct puppet puppet;
    static struct watcher loop;
    struct memcached other;
    const unsigned char *keys[21];
    char list[128];
    size_t count = 21;
    memcached_start(&other, FLEET_PORT);
    puppet_open(&puppet, 0);
    snprintf(list, sizeof(list), "%s,%s", other.address, puppet.address);
    client = fixture_client(list);
    assert_rc(omcache_set_send_buffer_max_size(client, 5000), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    for (size_t i = 0; i < 21; i++) {
        const char *key = key_for(i > 0); /* one waits already where the others go */
        wire_set(&reqs[i], -1, WIRE_SET, key, "");
        reqs[i].data = large;
        reqs[i].header.bodylen = htonl(8 + (uint32_t)strlen(key) + sizeof(large));
        keys[i] = reqs[i].key;
    }
    wire_request(&reqs[10], 1, WIRE_NOOP, NULL);
    watcher_init(&loop, client);
    for (size_t i = 1; i < LIVES; i++) {
        lose_puppet(&puppet, &loop);
        watcher_run(&loop, &told_count, i);
    }
    lose_puppet(&puppet, &loop);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, patience), OMCACHE_NO_SERVERS);
    for (size_t i = 0; i < 20; i++) {
        size_t len;
        const unsigned char *key = keys[i < 10 ? i : i + 1];
        assert_rc(omcache_get(client, key, strlen((const char *)key), NULL, &len, NULL, NULL, -1),
                  OMCACHE_OK);
        ck_assert_uint_eq(len, sizeof(large));
    }
}
END_TEST

/*
 * Answers.
 */

START_TEST(many_requests_to_many_servers)
{
    fixture_variant(_i);
    size_t count = MANY;
    size_t room = MANY;
    store_names(MANY);
    request_names(MANY, -1, WIRE_GETK);
    assert_rc(command(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, MANY);
    for (size_t i = 0; i < room; i++) {
        assert_value(&values[i]);
    }
}
END_TEST

START_TEST(requests_for_named_servers)
{
    fixture_variant(_i);
    size_t count = fleet.count;
    size_t room = fleet.count;
    for (size_t i = 0; i < count; i++) {
        wire_request(&reqs[i], (int)(count - 1 - i), WIRE_VERSION, NULL);
    }
    assert_rc(command(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, fleet.count);
    for (size_t i = 0; i < room; i++) {
        ck_assert_int_eq(reqs[i].server_index, (int)i);
        assert_rc(values[i].status, OMCACHE_OK);
        ck_assert_msg(values[i].data_len > 2 && values[i].data[1] == '.', "the version is '%s'",
                      printable(values[i].data, values[i].data_len));
    }
}
END_TEST

START_TEST(mixed_commands_have_their_statuses)
{
    fixture_variant(_i);
    static const unsigned char counting[20] = {[7] = 3, [15] = 11};
    size_t count = 4;
    size_t room = 4;
    const char *key = key_for(0);
    wire_set(&reqs[0], -1, WIRE_SET, key, "text");
    wire_request(&reqs[1], -1, WIRE_GETK, key);
    wire_request(&reqs[2], -1, WIRE_DELETE, key);
    wire_request(&reqs[3], -1, WIRE_INCREMENT, key);
    reqs[3].header.extlen = sizeof(counting);
    reqs[3].header.bodylen = htonl((uint32_t)(strlen(key) + sizeof(counting)));
    reqs[3].extra = counting;
    assert_rc(command(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
    }
    if (fixture_protocol() != OMCACHE_PROTOCOL_TEXT) {
        ck_assert_msg(values[0].cas != 0, "the set gave no cas");
        ck_assert_uint_eq(values[0].cas, values[1].cas);
    }
    assert_text(values[1].data, values[1].data_len, "text");
    ck_assert_uint_eq(values[3].delta_value, 11);
}
END_TEST

START_TEST(quiet_misses_are_silent)
{
    fixture_variant(_i);
    size_t count = 100;
    size_t room = 100;
    store_names(40);
    request_names(100, -1, WIRE_GETKQ);
    assert_rc(command(&count, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 40);
    for (size_t i = 0; i < room; i++) {
        assert_value(&values[i]);
    }
}
END_TEST

START_TEST(an_unknown_opcode_fails)
{
    ONLY_BINARY;
    fixture_variant(_i);
    omcache_req_t req;
    wire_request(&req, 0, 0x6f, NULL);
    assert_rc(omcache_command_status(client, &req, patience), OMCACHE_FAIL);
    assert_rc(omcache_noop(client, 0, patience), OMCACHE_OK);
}
END_TEST

START_TEST(command_status_gives_the_status)
{
    fixture_variant(_i);
    omcache_req_t req;
    const char *key = key_for(fleet.count - 1);
    wire_request(&req, -1, WIRE_GETK, key);
    assert_rc(omcache_command_status(client, &req, patience), OMCACHE_NOT_FOUND);
    wire_set(&req, -1, WIRE_SET, key, "value");
    assert_rc(omcache_command_status(client, &req, patience), OMCACHE_OK);
    ck_assert_int_eq(req.server_index, (int)fleet.count - 1);
    assert_stored(key, "value");
    wire_set(&req, -1, 0x02, key, "value");
    assert_rc(omcache_command_status(client, &req, patience), OMCACHE_KEY_EXISTS);
    wire_request(&req, -1, WIRE_DELETE, key);
    assert_rc(omcache_command_status(client, &req, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_missing(key);
    wire_request(&req, (int)fleet.count, WIRE_NOOP, NULL);
    assert_rc(omcache_command_status(client, &req, patience), OMCACHE_NO_SERVERS);
}
END_TEST

START_TEST(a_named_server_overrules_the_key)
{
    fixture_servers(3);
    omcache_req_t req;
    const char *key = key_for(0);
    wire_set(&req, 2, WIRE_SET, key, "elsewhere");
    assert_rc(omcache_command_status(client, &req, -1), OMCACHE_OK);
    assert_missing(key);
    wire_request(&req, 2, WIRE_GETK, key);
    assert_rc(omcache_command_status(client, &req, -1), OMCACHE_OK);
}
END_TEST

static void add_array(TCase *tcase)
{
    tcase_add_loop_test(tcase, requests_are_sorted_by_server, 0, VARIANTS);
    tcase_add_loop_test(tcase, headers_are_completed, 0, SIZES);
    tcase_add_loop_test(tcase, every_request_is_still_there, 0, SIZES);
    tcase_add_loop_test(tcase, refused_requests_go_to_the_end, 0, VARIANTS);
    tcase_add_loop_test(tcase, all_that_are_refused_go_to_the_end, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_refused_request_alone_is_no_servers, 0, VARIANTS);
    tcase_add_test(tcase, the_rest_of_a_batch_goes_on_when_its_server_goes_down);
    tcase_add_loop_test(tcase, no_requests_are_done_at_once, 0, VARIANTS);
}

static void add_answers(TCase *tcase)
{
    tcase_add_loop_test(tcase, many_requests_to_many_servers, 0, VARIANTS);
    tcase_add_loop_test(tcase, requests_for_named_servers, 0, VARIANTS);
    tcase_add_loop_test(tcase, mixed_commands_have_their_statuses, 0, VARIANTS);
    tcase_add_loop_test(tcase, quiet_misses_are_silent, 0, VARIANTS);
    tcase_add_loop_test(tcase, an_unknown_opcode_fails, 0, VARIANTS);
    tcase_add_loop_test(tcase, command_status_gives_the_status, 0, VARIANTS);
    tcase_add_test(tcase, a_named_server_overrules_the_key);
}

int main(void)
{
    Suite *suite = suite_create("batch_command");
    add_array(fixture_case(suite, "array"));
    add_answers(fixture_case(suite, "answers"));
    return fixture_run(suite);
}
