/*
 * Servers that read slowly and callers that read slowly: neither is dead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/wire.h"

#include <poll.h>
#include <stdio.h>

#define BIG 60
#define BIG_SIZE 60000
#define HUGE_VALUES 20
#define HUGE_SIZE 1000000

/*
 * Writing to a server that does not read.
 */

static unsigned char huge[HUGE_SIZE];

/* Different for each number, so that parts of values cannot be confused. */
static void make_huge(int number)
{
    for (size_t i = 0; i < HUGE_SIZE; i++) {
        huge[i] = (unsigned char)(i * 31 + (i >> 8) + (size_t)number * 7);
    }
}

static const char *huge_key(int number)
{
    static char key[16];
    snprintf(key, sizeof(key), "huge-%d", number);
    return key;
}

/* Sets more than the kernel takes for a server that does not read; each value is
 * overwritten as soon as its set returns.  Returns how many were accepted. */
static int write_until_stuck(void)
{
    int accepted = 0;
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    for (int i = 0; i < HUGE_VALUES; i++) {
        make_huge(i);
        int rc = omcache_set(client, TEXT(huge_key(i)), huge, HUGE_SIZE, 0, 0, 0, i % 2 ? 0 : 1);
        memset(huge, 0, sizeof(huge));
        if (rc == OMCACHE_BUFFER_FULL) {
            break;
        }
        assert_rc(rc, i % 2 ? OMCACHE_BUFFERED : OMCACHE_AGAIN);
        accepted++;
    }
    ck_assert_int_gt(accepted, 10);
    return accepted;
}

START_TEST(what_is_accepted_is_sent_as_it_was)
{
    fixture_servers(1);
    int accepted = write_until_stuck();
    memcached_resume(&fleet.servers[0]);
    drain(client);
    for (int i = 0; i < accepted; i++) {
        const unsigned char *value;
        size_t len;
        assert_rc(omcache_get(client, TEXT(huge_key(i)), &value, &len, NULL, NULL, -1), OMCACHE_OK);
        make_huge(i);
        ck_assert_msg(same_bytes(value, len, huge, HUGE_SIZE), "value %d was changed", i);
    }
}
END_TEST

START_TEST(reset_in_the_middle_of_a_request_is_safe)
{
    fixture_servers(1);
    write_until_stuck();
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    int64_t start = clock_ms();
    drain(client);
    assert_within(start, 100);
    memcached_resume(&fleet.servers[0]);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

/*
 * Reading from a server that answers slowly.
 */

static void answer_slowly(struct peer *peer, void *context)
{
    struct wire_request request;
    unsigned char bytes[WIRE_HEADER + 16];
    (void)context;
    while (wire_read(peer, &request)) {
        struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
        reply.extras = "\0\0\0\0";
        reply.extras_len = request.opcode == WIRE_GETK ? 4 : 0;
        reply.key = request.body;
        reply.key_len = request.key_len;
        size_t len = wire_encode(&reply, bytes, sizeof(bytes));
        for (size_t i = 0; i < len && peer_send(peer, bytes + i, 1); i++) {
            clock_sleep(request.opcode == WIRE_GETK ? 20 : 0);
        }
    }
}

/* The answer takes 31 times 20 ms, more than the dead timeout. */
START_TEST(progress_is_a_sign_of_life)
{
    client = fixture_client(peer_address(peer_start(0, answer_slowly, NULL)));
    assert_rc(omcache_set_dead_timeout(client, 250), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}
END_TEST

/*
 * A caller that takes its time with a batch larger than the receive buffer.
 */

static struct {
    char names[BIG][16];
    const unsigned char *keys[BIG];
    size_t lens[BIG];
    omcache_req_t reqs[BIG];
    omcache_value_t values[BIG];
    size_t count;
    size_t room;
    size_t found;
} batch;

static void store_big_values(void)
{
    static unsigned char value[BIG_SIZE];
    fixture_servers(1);
    memset(&batch, 0, sizeof(batch));
    for (size_t i = 0; i < BIG; i++) {
        batch.lens[i] =
            (size_t)snprintf(batch.names[i], sizeof(batch.names[i]), "big-%u", (unsigned)i);
        batch.keys[i] = (const unsigned char *)batch.names[i];
        assert_rc(omcache_set(client, batch.keys[i], batch.lens[i], value, BIG_SIZE, 0, 0, 0, -1),
                  OMCACHE_OK);
    }
}

static void count_values(void)
{
    for (size_t i = 0; i < batch.room; i++, batch.found++) {
        ck_assert_msg(batch.values[i].status == OMCACHE_OK, "value %zu has status %s", batch.found,
                      rc_name(batch.values[i].status));
        ck_assert_uint_eq(batch.values[i].data_len, BIG_SIZE);
    }
}

static void get_big_values(int32_t timeout)
{
    batch.count = BIG;
    batch.room = BIG;
    omcache_get_multi(client, batch.keys, batch.lens, BIG, batch.reqs, &batch.count, batch.values,
                      &batch.room, timeout);
    count_values();
}

static void next_values(int32_t timeout)
{
    batch.room = BIG;
    assert_rc_either(
        omcache_io(client, batch.reqs, &batch.count, batch.values, &batch.room, timeout),
        OMCACHE_OK, OMCACHE_AGAIN);
    count_values();
}

/* The silence is the caller's and not the server's, whatever is called next. */
START_TEST(a_slow_caller_is_no_dead_server)
{
    store_big_values();
    assert_rc(omcache_set_dead_timeout(client, 100), OMCACHE_OK);
    get_big_values(-1);
    ck_assert_msg(batch.count > 0, "the values came all at once");
    while (batch.count > 0) {
        int nfds;
        int timeout;
        clock_sleep(150);
        if (_i) {
            omcache_poll_fds(client, &nfds, &timeout);
        }
        next_values(-1);
    }
    ck_assert_uint_eq(batch.found, BIG);
}
END_TEST

/* io stops when the values fill the receive buffer, but there is more to read. */
START_TEST(a_poll_loop_goes_on_after_a_full_buffer)
{
    const int32_t io_timeout = _i * 10;
    int64_t start = clock_ms();
    store_big_values();
    get_big_values(io_timeout);
    while (batch.count > 0) {
        int nfds;
        int timeout;
        struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
        ck_assert_int_eq(nfds, 1);
        ck_assert_msg(fds[0].events & POLLIN, "events are %#x, but %zu of %d values are missing",
                      (unsigned)fds[0].events, BIG - batch.found, BIG);
        poll(fds, (nfds_t)nfds, timeout);
        next_values(io_timeout);
    }
    ck_assert_uint_eq(batch.found, BIG);
    assert_within(start, 2000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_slow");
    TCase *tcase = fixture_case(suite, "slow");
    tcase_add_test(tcase, what_is_accepted_is_sent_as_it_was);
    tcase_add_test(tcase, reset_in_the_middle_of_a_request_is_safe);
    tcase_add_test(tcase, progress_is_a_sign_of_life);
    tcase_add_loop_test(tcase, a_slow_caller_is_no_dead_server, 0, 2);
    tcase_add_loop_test(tcase, a_poll_loop_goes_on_after_a_full_buffer, 0, 3);
    return fixture_run(suite);
}
