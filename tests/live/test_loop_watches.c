/*
 * What the library tells an application's event loop, and is told by it: watches,
 * timeouts, and when requests leave.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/loopback.h"
#include "support/operations.h"
#include "support/unusable.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct puppet puppet;

static void get(size_t slot, int32_t timeout)
{
    assert_rc(omcache_async_get(client, TEXT("key"), timeout, told_reply, &told[slot]), OMCACHE_OK);
}

/*
 * Watches.
 */

START_TEST(nothing_is_told_while_nothing_changes)
{
    fixture_servers(1);
    watcher_init(&loop, client);
    ck_assert_uint_eq(loop.calls, 0);
    get(0, -1);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(loop.count, 1);
    size_t calls = loop.calls;
    for (int i = 0; i < 10; i++) {
        watcher_turn(&loop, 1);
        assert_rc(omcache_process_fd(client, loop.fds[0].fd, POLLIN), OMCACHE_OK);
        assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
        assert_rc(omcache_process_fd(client, loop.fds[0].fd, 0), OMCACHE_OK);
    }
    ck_assert_uint_eq(loop.calls, calls);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

START_TEST(writing_is_wanted_only_with_something_to_write)
{
    connected_puppets(&puppet, 1);
    ck_assert_uint_eq(loop.count, 1);
    int fd = loop.fds[0].fd;
    ck_assert_int_eq(watcher_events(&loop, fd), POLLIN);
    get(0, -1);
    ck_assert_int_eq(watcher_events(&loop, fd), POLLIN | POLLOUT);
    size_t calls = loop.calls;
    get(1, -1);
    ck_assert_uint_eq(loop.calls, calls);
    watcher_turn(&loop, 100);
    ck_assert_int_eq(watcher_events(&loop, fd), POLLIN);
    ck_assert_uint_eq(loop.calls, calls + 1);
    /* The client's kernel is full: writing is wanted until it takes the rest. */
    static unsigned char value[1 << 20];
    for (int i = 0; i < 9; i++) {
        assert_rc(omcache_async_set(client, TEXT("key"), value, sizeof(value), 0, 0, 0, -1,
                                    told_reply, &told[2]),
                  OMCACHE_OK);
    }
    watcher_turn(&loop, 100);
    watcher_turn(&loop, 0);
    ck_assert_int_eq(watcher_events(&loop, fd), POLLIN | POLLOUT);
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_gt(stats.buffered, 0);
}
END_TEST

/* What a store whose outcome nobody hears has left behind does not hide what comes behind it, be
 * that one request, or several of one call. */
START_TEST(writing_is_wanted_behind_what_went_out_unheard)
{
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    watcher_init(&loop, client);
    int fd = loop.fds[0].fd;
    assert_rc(omcache_delete(client, TEXT("key"), 0), OMCACHE_BUFFERED);
    if (_i == 0) {
        assert_rc(omcache_async_delete(client, TEXT("key"), -1, told_reply, &told[0]), OMCACHE_OK);
        ck_assert_int_eq(watcher_events(&loop, fd), POLLIN | POLLOUT);
        watcher_run(&loop, &told_count, 1);
        return;
    }
    const unsigned char *keys[] = {(const unsigned char *)"a", (const unsigned char *)"b"};
    size_t lens[] = {1, 1};
    omcache_req_t reqs[2];
    size_t count = 2;
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, NULL, NULL, 0),
              OMCACHE_BUFFERED);
    ck_assert_int_eq(watcher_events(&loop, fd), POLLIN | POLLOUT);
}
END_TEST

START_TEST(a_descriptor_is_stopped_before_it_is_closed)
{
    connected_puppets(&puppet, 1); /* the watcher sees that it is still open */
    int fd = loop.fds[0].fd;
    puppet_hang_up(&puppet, false);
    while (loop.count > 0) {
        watcher_turn(&loop, 100);
    }
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    assert_rc(omcache_process_fd(client, fd, POLLIN), OMCACHE_NOT_FOUND);
    get(0, -1);
    ck_assert_uint_eq(loop.count, 1);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    ck_assert_uint_eq(loop.count, 0);
    assert_rc(omcache_process_fd(client, fd, POLLIN), OMCACHE_NOT_FOUND);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(told_with(OMCACHE_SERVER_FAILURE), 1);
}
END_TEST

START_TEST(freeing_a_client_stops_all_descriptors)
{
    fixture_servers(3);
    watcher_init(&loop, client);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[i]), OMCACHE_OK);
    }
    watcher_run(&loop, &told_count, 3);
    ck_assert_uint_eq(loop.count, 3);
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    ck_assert_uint_eq(loop.count, 0);
}
END_TEST

START_TEST(a_new_watch_callback_is_told_of_what_is_open)
{
    static struct watcher other;
    fixture_servers(3);
    watcher_init(&loop, client);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[i]), OMCACHE_OK);
    }
    watcher_run(&loop, &told_count, 3);
    size_t calls = loop.calls;
    watcher_init(&other, client);
    ck_assert_uint_eq(loop.calls, calls);
    ck_assert_uint_eq(other.count, 3);
    ck_assert_uint_eq(other.calls, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(other.fds[i].events, POLLIN);
    }
    assert_rc(omcache_set_watch_callback(client, NULL, NULL), OMCACHE_OK);
    ck_assert_uint_eq(other.calls, 3);
    assert_rc(omcache_set_servers(client, fleet.servers[0].address), OMCACHE_OK);
    ck_assert_uint_eq(other.calls, 3);
    watcher_init(&other, client);
    ck_assert_uint_eq(other.count, 1);
    get(3, -1);
    watcher_run(&other, &told_count, 4);
    ck_assert_uint_eq(loop.calls, calls);
}
END_TEST

START_TEST(a_new_watch_callback_need_not_stop_what_the_old_one_knew)
{
    static struct watcher other;
    connected_puppets(&puppet, 1);
    int fd = loop.fds[0].fd;
    puppet_hang_up(&puppet, false);
    assert_rc(omcache_set_watch_callback(client, NULL, NULL), OMCACHE_OK);
    clock_sleep(5);
    assert_rc(omcache_process_fd(client, fd, POLLIN), OMCACHE_OK);
    watcher_init(&other, client);
    ck_assert_uint_eq(other.calls, 0);
}
END_TEST

START_TEST(unknown_descriptors_are_harmless)
{
    connected_puppets(&puppet, 1);
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    size_t calls = loop.calls;
    assert_rc(omcache_process_fd(client, fds[0], POLLIN), OMCACHE_NOT_FOUND);
    assert_rc(omcache_process_fd(client, -1, POLLIN), OMCACHE_NOT_FOUND);
    assert_rc(omcache_process_fd(client, 1 << 30, POLLIN), OMCACHE_NOT_FOUND);
    assert_rc(omcache_process_fd(NULL, fds[0], POLLIN), OMCACHE_INVALID);
    ck_assert_uint_eq(loop.calls, calls);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* The number of a socket that was closed belongs to one that still connects. */
START_TEST(a_stale_event_does_not_make_a_connection)
{
    struct peer *far = peer_start_unreachable(0);
    char list[80];
    connected_puppets(&puppet, 1);
    int fd = loop.fds[0].fd;
    puppet_hang_up(&puppet, true);
    while (loop.count > 0) {
        watcher_turn(&loop, 100);
    }
    snprintf(list, sizeof(list), "%s", peer_address(far));
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    get(0, 300);
    ck_assert_uint_eq(loop.count, 1);
    ck_assert_int_eq(loop.fds[0].fd, fd);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_process_fd(client, fd, POLLIN), OMCACHE_OK);
        assert_rc(omcache_process_fd(client, fd, POLLOUT | POLLIN | POLLHUP), OMCACHE_OK);
    }
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_CONNECTING);
    ck_assert_uint_eq(stats.bytes_out, 0);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
}
END_TEST

START_TEST(a_stale_event_of_a_good_connection_is_nothing)
{
    connected_puppets(&puppet, 1);
    get(0, -1);
    watcher_turn(&loop, 100);
    assert_rc(omcache_process_fd(client, loop.fds[0].fd, POLLIN | POLLOUT), OMCACHE_OK);
    struct wire_request request;
    ck_assert(puppet_next(&puppet, &request, 1000));
    puppet_answer(&puppet, &request, 0, "value", 5);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_OK);
    ck_assert_str_eq(told[0].value, "value");
}
END_TEST

/*
 * When requests leave.
 */

static void get_ten(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    for (size_t i = 0; i < 10; i++) {
        assert_rc(omcache_async_get(mc, TEXT("key"), -1, told_reply, &told[i]), OMCACHE_OK);
    }
}

static void answer_all(size_t count)
{
    struct wire_request request;
    for (size_t i = 0; i < count; i++) {
        ck_assert(puppet_next(&puppet, &request, 5000));
        puppet_answer(&puppet, &request, 0, "value", 5);
    }
}

START_TEST(gets_made_in_a_callback_leave_together_at_once)
{
    connected_puppets(&puppet, 1);
    assert_rc(omcache_async_get(client, TEXT("key"), -1, get_ten, NULL), OMCACHE_OK);
    watcher_turn(&loop, 100);
    answer_all(1);
    unsigned before = puppet_packets(&puppet);
    clock_sleep(2);
    int fd = loop.fds[0].fd;
    size_t calls = loop.calls;
    assert_rc(omcache_process_fd(client, fd, POLLIN), OMCACHE_OK);
    clock_sleep(2);
    ck_assert_uint_eq(puppet_waiting(&puppet), 10);
    ck_assert_uint_eq(puppet_packets(&puppet), before + 1);
    ck_assert_uint_eq(loop.calls, calls); /* nothing was left to write */
    answer_all(10);
    watcher_run(&loop, &told_count, 10);
    ck_assert_uint_eq(told_once(told, 10, OMCACHE_OK), 10);
}
END_TEST

START_TEST(gets_made_elsewhere_leave_together_when_the_loop_is_entered)
{
    connected_puppets(&puppet, 1);
    unsigned before = puppet_packets(&puppet);
    get_ten(client, NULL, NULL);
    clock_sleep(2);
    ck_assert_uint_eq(puppet_packets(&puppet), before);
    if (_i == 0) {
        watcher_turn(&loop, 100);
    } else if (_i == 1) {
        assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    } else {
        assert_rc(omcache_process_fd(client, -1, 0), OMCACHE_NOT_FOUND);
    }
    clock_sleep(2);
    ck_assert_uint_eq(puppet_waiting(&puppet), 10);
    ck_assert_uint_eq(puppet_packets(&puppet), before + 1);
    answer_all(10);
    watcher_run(&loop, &told_count, 10);
    ck_assert_uint_eq(told_once(told, 10, OMCACHE_OK), 10);
}
END_TEST

static size_t drains;

static void ask_when_drained(omcache_t *mc, int server_index, void *context)
{
    (void)context;
    ck_assert_int_eq(server_index, 0);
    drains++;
    assert_rc(omcache_async_get(mc, TEXT("key"), -1, told_reply, &told[15]), OMCACHE_OK);
}

/* It would never be sent if the loop were not told to watch for writing. */
START_TEST(what_a_drain_callback_asks_for_is_sent)
{
    connected_puppets(&puppet, 1);
    drains = 0;
    assert_rc(omcache_set_drain_callback(client, ask_when_drained, NULL), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 60), OMCACHE_OK);
    get(0, -1);
    get(1, -1);
    assert_rc(omcache_async_get(client, TEXT("key"), -1, told_reply, &told[2]),
              OMCACHE_BUFFER_FULL);
    ck_assert_uint_eq(drains, 0);
    watcher_turn(&loop, 100);
    ck_assert_uint_eq(drains, 1);
    ck_assert_int_eq(watcher_events(&loop, loop.fds[0].fd), POLLIN | POLLOUT);
    watcher_turn(&loop, 100);
    answer_all(3);
    watcher_run(&loop, &told_count, 3);
    ck_assert_uint_eq(drains, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop_watches");
    TCase *watches = operations_case(suite, "watches");
    tcase_add_test(watches, nothing_is_told_while_nothing_changes);
    tcase_add_test(watches, writing_is_wanted_only_with_something_to_write);
    tcase_add_loop_test(watches, writing_is_wanted_behind_what_went_out_unheard, 0, 2);
    tcase_add_test(watches, a_descriptor_is_stopped_before_it_is_closed);
    tcase_add_test(watches, freeing_a_client_stops_all_descriptors);
    tcase_add_test(watches, a_new_watch_callback_is_told_of_what_is_open);
    tcase_add_test(watches, a_new_watch_callback_need_not_stop_what_the_old_one_knew);
    tcase_add_test(watches, unknown_descriptors_are_harmless);
    tcase_add_test(watches, a_stale_event_does_not_make_a_connection);
    tcase_add_test(watches, a_stale_event_of_a_good_connection_is_nothing);
    TCase *packets = operations_case(suite, "packets");
    tcase_add_test(packets, gets_made_in_a_callback_leave_together_at_once);
    tcase_add_loop_test(packets, gets_made_elsewhere_leave_together_when_the_loop_is_entered, 0, 3);
    tcase_add_test(packets, what_a_drain_callback_asks_for_is_sent);
    return fixture_run(suite);
}
