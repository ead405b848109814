/*
 * A client on both sides of a fork(): the parent goes on as if nothing had happened, the
 * child starts anew with connections of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define MANY 60
#define LARGE 300000

/* Forks; a child does not live long, nor go on with the test. */
static pid_t fork_now(void)
{
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(20);
    }
    return pid;
}

/* The child's assertions have exited with another status. */
static void end_child(void)
{
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    fixture_end_fork(0);
}

static void await_child(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status %x",
                  (unsigned)status);
}

static omcache_server_stats_t stats_of(int server)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, server, &stats), OMCACHE_OK);
    return stats;
}

/* Sets and gets, each value telling whose it is. */
static void work(const char *who, int turns)
{
    for (int i = 0; i < turns; i++) {
        char key[40];
        char other[40];
        snprintf(key, sizeof(key), "%s-%d", who, i % 40);
        snprintf(other, sizeof(other), "%s-%d", who, i);
        store(key, other);
        assert_stored(key, other);
        if (i % 7 == 0) {
            assert_missing("none");
        }
        if (i % 11 == 0) {
            assert_rc(omcache_set(client, TEXT(key), TEXT(other), 0, 0, 0, 0), OMCACHE_BUFFERED);
            assert_stored(key, other);
        }
    }
}

START_TEST(both_go_on)
{
    fixture_servers(_i == 0 ? 1 : 3);
    work("before", 20);
    pid_t pid = fork_now();
    if (pid == 0) {
        work("child", 400);
        end_child();
    }
    work("parent", 400);
    await_child(pid);
    work("after", 20);
    for (int i = 0; i < (int)fleet.count; i++) {
        ck_assert_uint_le(stats_of(i).connects, 1);
        ck_assert_uint_eq(stats_of(i).failures, 0);
    }
}
END_TEST

/* In turn, one always waiting for the other. */
START_TEST(in_turn)
{
    int to_child[2];
    int to_parent[2];
    char token = 't';
    fixture_servers(1);
    work("before", 5);
    ck_assert_int_eq(pipe(to_child) | pipe(to_parent), 0);
    pid_t pid = fork_now();
    for (int turn = 0; turn < 40; turn++) {
        char key[16];
        if (pid == 0) {
            ck_assert_int_eq(read(to_child[0], &token, 1), 1);
        }
        snprintf(key, sizeof(key), "%s-%d", pid == 0 ? "child" : "parent", turn);
        store(key, key);
        assert_stored(key, key);
        if (pid > 0) {
            ck_assert_int_eq(write(to_child[1], &token, 1), 1);
            ck_assert_int_eq(read(to_parent[0], &token, 1), 1);
        } else {
            ck_assert_int_eq(write(to_parent[1], &token, 1), 1);
        }
    }
    if (pid == 0) {
        end_child();
    }
    await_child(pid);
    ck_assert_uint_eq(stats_of(0).connects, 1);
}
END_TEST

START_TEST(children_of_children)
{
    fixture_servers(1);
    work("first", 5);
    pid_t first = fork_now();
    if (first == 0) {
        work("second", 5);
        pid_t second = fork_now();
        work(second == 0 ? "third" : "second", 50);
        if (second > 0) {
            await_child(second);
        }
        end_child();
    }
    work("first", 50);
    await_child(first);
}
END_TEST

/* Some are sent, some not, one has half of its answer. */
static void start_many(void)
{
    assert_rc(omcache_set(client, TEXT("large"), bulk, LARGE, 0, 0, 0, -1), OMCACHE_OK);
    watcher_init(&loop, client);
    for (int i = 0; i < MANY; i++) {
        assert_rc(omcache_async_get(client, "large", 5, 15000, told_reply, &told[i]), OMCACHE_OK);
        if (i % 20 == 19) {
            watcher_turn(&loop, 100);
        }
    }
    const void *keys[2] = {"large", "none"};
    size_t lens[2] = {5, 4};
    assert_rc(omcache_async_get_multi(client, keys, lens, 2, -1, told_reply, &told[MANY]),
              OMCACHE_OK);
    assert_rc(omcache_async_stat(client, NULL, 0, -1, told_reply, &told[MANY + 1]), OMCACHE_OK);
}

/* Ways to make the child's first call. */
static void call_first(int way)
{
    int count;
    int timeout;
    switch (way) {
    case 0:
        assert_missing("none");
        break;
    case 1:
        drain(client);
        break;
    case 2:
        ck_assert_int_eq(omcache_next_timeout(client), 0); /* there are some to be told of */
        break;
    case 3:
        assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
        break;
    case 4:
        assert_rc(omcache_process_fd(client, loop.fds[0].fd, POLLIN), OMCACHE_NOT_FOUND);
        break;
    case 5:
        omcache_poll_fds(client, &count, &timeout);
        break;
    case 6:
        assert_rc(omcache_async_get(client, "none", 4, -1, told_reply, &told[MANY + 2]),
                  OMCACHE_OK);
        break;
    case 7:
        assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
        break;
    case 8:
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
        break;
    case 9:
        assert_rc(omcache_set_keepalive(client, 0), OMCACHE_OK);
        break;
    default:
        end_child();
    }
}

#define FIRST_CALLS 11

START_TEST(with_operations_under_way)
{
    fixture_servers(1);
    start_many();
    size_t before = told_count;
    size_t open = 0;
    int fd = loop.fds[0].fd;
    int alive = 0;
    socklen_t len = sizeof(alive);
    bool were_open[MANY + 2];
    for (int i = 0; i < MANY + 2; i++) {
        were_open[i] = told[i].ends == 0 || i >= MANY;
        open += told[i].calls == 0;
    }
    ck_assert_uint_gt(open, 10);
    ck_assert_uint_eq(loop.count, 1);
    pid_t pid = fork_now();
    if (pid == 0) {
        call_first(_i);
        size_t ends = 0;
        for (int turn = 0; turn < 100 && ends < MANY + 2; turn++) {
            ends = 0;
            if (omcache_next_timeout(client) == 0) {
                assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
            }
            for (int i = 0; i < MANY + 2; i++) {
                ends += told[i].ends + (told[i].calls > 0 && i < MANY);
            }
        }
        ck_assert_uint_gt(told_count, before);
        for (int i = 0; i < MANY; i++) {
            ck_assert_uint_eq(told[i].calls, 1);
            if (were_open[i] && told[i].value_len == 0) {
                assert_rc(told[i].status, OMCACHE_CANCELLED);
            }
        }
        assert_rc(told[MANY].status, OMCACHE_CANCELLED);
        assert_rc(told[MANY + 1].status, OMCACHE_CANCELLED);
        ck_assert_uint_ge(told_with(OMCACHE_CANCELLED), open);
        ck_assert_uint_eq(stats_of(0).lost, 0);
        work("child", 20);
        size_t count = told_count;
        assert_rc(omcache_async_get(client, "large", 5, -1, told_reply, &told[MANY + 3]),
                  OMCACHE_OK);
        watcher_run(&loop, &told_count, count + 1);
        ck_assert_uint_eq(told[MANY + 3].value_len, LARGE);
        end_child();
    }
    await_child(pid);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &alive, &len), 0);
    ck_assert_int_eq(alive, 1);
    watcher_run(&loop, &told[MANY].ends, 1);
    watcher_run(&loop, &told[MANY + 1].ends, 1);
    for (int i = 0; i < MANY; i++) {
        ck_assert_uint_eq(told[i].calls, 1);
        assert_rc(told[i].status, OMCACHE_OK);
        ck_assert_uint_eq(told[i].value_len, LARGE);
    }
    assert_rc(told[MANY].status, OMCACHE_OK);
    assert_rc(told[MANY + 1].status, OMCACHE_OK);
    ck_assert_uint_eq(stats_of(0).failures, 0);
    ck_assert_uint_eq(stats_of(0).connects, 1);
    work("parent", 5);
}
END_TEST

/* The child's loop is told to stop what the parent watched, before it hears of others. */
static int stopped = -1;
static int started = -1;

static void note_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    (void)context;
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    if (events == 0) {
        stopped = fd;
    } else if (started < 0 || stopped >= 0) {
        started = fd;
    }
}

START_TEST(with_a_watch_callback)
{
    fixture_servers(1);
    assert_rc(omcache_set_watch_callback(client, note_watch, NULL), OMCACHE_OK);
    work("before", 5);
    int fd = started;
    ck_assert_int_ge(fd, 0);
    pid_t pid = fork_now();
    if (pid == 0) {
        ck_assert_int_eq(stopped, -1);
        started = -1;
        assert_rc(omcache_async_get(client, "none", 4, -1, told_reply, &told[0]), OMCACHE_OK);
        ck_assert_int_eq(stopped, fd);
        ck_assert_int_ge(started, 0);
        work("child", 5);
        end_child();
    }
    await_child(pid);
    work("parent", 5);
    ck_assert_int_eq(stopped, -1);
    ck_assert_int_eq(started, fd);
}
END_TEST

/* What the parent has buffered it sends, and the child does not. */
START_TEST(with_buffered_requests)
{
    fixture_servers(1);
    work("before", 5);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    store("counter", "0");
    for (int i = 0; i < 10; i++) {
        assert_rc(omcache_increment(client, TEXT("counter"), 1, 0, 0, NULL, 0), OMCACHE_BUFFERED);
    }
    pid_t pid = fork_now();
    if (pid == 0) {
        assert_rc(omcache_increment(client, TEXT("counter"), 100, 0, 0, NULL, 0), OMCACHE_BUFFERED);
        drain(client);
        assert_stored("counter", "100");
        ck_assert_uint_eq(stats_of(0).lost, 0);
        end_child();
    }
    await_child(pid);
    drain(client);
    assert_stored("counter", "110");
}
END_TEST

/* A batch is the parent's. */
START_TEST(with_a_batch)
{
    const unsigned char *keys[2] = {(const unsigned char *)"key", (const unsigned char *)"none"};
    size_t lens[2] = {3, 4};
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    fixture_servers(1);
    store("key", "value");
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, NULL, NULL, 0),
              OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 2);
    pid_t pid = fork_now();
    if (pid == 0) {
        assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_INVALID);
        work("child", 20);
        end_child();
    }
    await_child(pid);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_ge(room, 1);
    assert_text(values[0].data, values[0].data_len, "value");
}
END_TEST

/* A server that is down for the parent has not failed for the child. */
START_TEST(with_a_server_that_was_down)
{
    fixture_servers(1);
    assert_rc(omcache_set_reconnect_timeout(client, 100000), OMCACHE_OK);
    memcached_kill(&fleet.servers[0]);
    omcache_noop(client, 0, -1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[0]);
    pid_t pid = fork_now();
    if (pid == 0) {
        work("child", 5);
        end_child();
    }
    await_child(pid);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
}
END_TEST

/* Nor does it look after that one, and choose another, when it is only asked for a key's server. */
START_TEST(where_keys_belong_when_a_server_is_down)
{
    enum { KEYS = 30 };
    int before[KEYS];
    char key[16];
    fixture_servers(3);
    assert_rc(omcache_set_reconnect_timeout(client, 100000), OMCACHE_OK);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "belongs:%d", i);
        before[i] = omcache_server_index_for_key(client, TEXT(key));
    }
    memcached_kill(&fleet.servers[1]);
    omcache_noop(client, 1, -1);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    pid_t pid = fork_now();
    if (pid == 0) {
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof(key), "belongs:%d", i);
            ck_assert_int_eq(omcache_server_index_for_key(client, TEXT(key)), before[i]);
        }
        end_child();
    }
    await_child(pid);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "belongs:%d", i);
        ck_assert_int_ne(omcache_server_index_for_key(client, TEXT(key)), 1);
    }
}
END_TEST

/* A child may do without: nothing of the parent's hears of its end. */
START_TEST(a_child_that_does_nothing)
{
    fixture_servers(1);
    start_many();
    pid_t pid = fork_now();
    if (pid == 0) {
        fixture_end_fork(0);
    }
    await_child(pid);
    watcher_run(&loop, &told[MANY + 1].ends, 1);
    ck_assert_uint_eq(stats_of(0).failures, 0);
}
END_TEST

/* The first line of a child says that it has connections of its own. */
static void free_at_line(void *context, int level, const char *message)
{
    bool *is_freed = context;
    (void)level;
    omcache_t *mc = client;
    ck_assert_ptr_nonnull(strstr(message, "forked"));
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    *is_freed = true;
}

/* Then there is no timeout to wait for. */
START_TEST(a_child_may_free_it_before_anything_else)
{
    bool is_freed = false;
    fixture_servers(1);
    start_many();
    assert_rc(omcache_set_log_callback(client, LOG_INFO, free_at_line, &is_freed), OMCACHE_OK);
    pid_t pid = fork_now();
    if (pid == 0) {
        int timeout = omcache_next_timeout(client);
        ck_assert(is_freed);
        ck_assert_int_eq(timeout, -1);
        fixture_end_fork(0);
    }
    await_child(pid);
    assert_rc(omcache_set_log_callback(client, 0, NULL, NULL), OMCACHE_OK);
    watcher_run(&loop, &told[MANY + 1].ends, 1);
    ck_assert_uint_eq(stats_of(0).failures, 0);
}
END_TEST

static pid_t forked = -1;

static void fork_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    assert_rc(omcache_reply_status(reply), OMCACHE_NOT_FOUND);
    (void)context;
    forked = fork_now();
    if (forked == 0) {
        omcache_req_t req = {.server_index = 0};
        assert_rc(omcache_get(mc, TEXT("k"), NULL, NULL, NULL, NULL, -1), OMCACHE_INVALID);
        assert_rc(omcache_command_status(mc, &req, -1), OMCACHE_INVALID);
        assert_rc(omcache_async_get(mc, "k", 1, -1, told_reply, &told[0]), OMCACHE_INVALID);
        assert_rc(omcache_process_timeouts(mc), OMCACHE_INVALID);
        assert_rc(omcache_set_keepalive(mc, 7), OMCACHE_INVALID);
        assert_rc(omcache_set_watch_callback(mc, NULL, NULL), OMCACHE_INVALID);
        assert_rc(omcache_set_log_callback(mc, 0, NULL, NULL), OMCACHE_INVALID);
        assert_rc(omcache_set_dead_timeout(mc, 1), OMCACHE_INVALID);
        assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_INVALID);
        assert_rc(omcache_free(mc), OMCACHE_INVALID);
        /* Others may be used. */
        omcache_t *other = omcache_init();
        fixture_secure(other);
        assert_rc(omcache_set_protocol(other, fixture_protocol()), OMCACHE_OK);
        assert_rc(omcache_set_servers(other, fleet.list), OMCACHE_OK);
        assert_rc(omcache_noop(other, 0, -1), OMCACHE_OK);
        assert_rc(omcache_free(other), OMCACHE_OK);
        fixture_end_fork(0);
    }
}

START_TEST(inside_a_callback)
{
    fixture_servers(1);
    assert_rc(omcache_async_get(client, "none", 4, -1, fork_inside, NULL), OMCACHE_OK);
    drain(client);
    ck_assert_int_gt(forked, 0);
    await_child(forked);
    work("parent", 5);
}
END_TEST

/* A name that is being looked up, with a DNS server that keeps silent. */
START_TEST(with_a_lookup_under_way)
{
    char dns[32];
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof(name);
    if (!fixture_knows_names()) {
        return;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    snprintf(dns, sizeof(dns), "127.0.0.1:%d", (int)ntohs(name.sin_port));
    fixture_servers(1);
    assert_rc(omcache_set_dns_servers(client, dns), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, "forked.example:1"), OMCACHE_OK);
    watcher_init(&loop, client);
    assert_rc(omcache_async_noop(client, 0, -1, told_reply, &told[0]), OMCACHE_OK);
    watcher_turn(&loop, 0);
    ck_assert_uint_ge(loop.count, 1);
    int watched = loop.fds[0].fd;
    pid_t pid = fork_now();
    if (pid == 0) {
        assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
        ck_assert_int_eq(watcher_events(&loop, watched), 0);
        ck_assert_int_lt(fcntl(watched, F_GETFD), 0);
        work("child", 10);
        assert_rc(told[0].status, OMCACHE_CANCELLED);
        end_child();
    }
    await_child(pid);
    ck_assert_int_ge(fcntl(watched, F_GETFD), 0);
    ck_assert_uint_eq(told_count, 0);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    work("parent", 10);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *tcase = operations_case(suite, "fork");
    tcase_add_loop_test(tcase, both_go_on, 0, 2);
    tcase_add_test(tcase, in_turn);
    tcase_add_test(tcase, children_of_children);
    tcase_add_loop_test(tcase, with_operations_under_way, 0, FIRST_CALLS);
    tcase_add_test(tcase, with_a_watch_callback);
    tcase_add_test(tcase, with_buffered_requests);
    tcase_add_test(tcase, with_a_batch);
    tcase_add_test(tcase, with_a_server_that_was_down);
    tcase_add_test(tcase, where_keys_belong_when_a_server_is_down);
    tcase_add_test(tcase, a_child_that_does_nothing);
    tcase_add_test(tcase, a_child_may_free_it_before_anything_else);
    tcase_add_test(tcase, inside_a_callback);
    tcase_add_test(tcase, with_a_lookup_under_way);
    return fixture_run(suite);
}
