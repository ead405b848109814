/*
 * omcache_set_servers while connections and requests are under way: what is kept
 * stays as it is, what is dropped fails visibly.  Fleets of duplicates, and of a
 * thousand.  Facts: tests/facts/servers.txt, 7.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/recorder.h"
#include "support/watcher.h"
#include "support/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FIRST_PORT 22000
#define THOUSAND 1000
#define BATCH_KEYS 5000
#define LIST_SIZE (THOUSAND * 32)

/* A connection as the kernel knows it: the same numbers, the same connection. */
struct link {
    int fd;
    int from; /* the client's port */
    int to;
};

static struct link links[THOUSAND];
static size_t link_count;

static int port_of(int fd, int (*get_name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in addr = {0};
    socklen_t len = sizeof(addr);
    ck_assert_int_eq(get_name(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

/* Fills `links` with the connections of the servers that have something to do. */
static void note_links(void)
{
    int nfds;
    int timeout;
    struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
    ck_assert_int_le(nfds, THOUSAND);
    link_count = (size_t)nfds;
    for (size_t i = 0; i < link_count; i++) {
        links[i].fd = fds[i].fd;
        links[i].from = port_of(fds[i].fd, getsockname);
        links[i].to = port_of(fds[i].fd, getpeername);
    }
}

/* Gives the first `count` servers something to do, and notes their connections. */
static void note_links_of(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, (int)i, 0), OMCACHE_BUFFERED);
    }
    note_links();
    drain(client);
    ck_assert_uint_eq(link_count, count);
}

static bool was_linked(const struct link *before, size_t count, const struct link *now)
{
    for (size_t i = 0; i < count; i++) {
        if (before[i].fd == now->fd && before[i].from == now->from && before[i].to == now->to) {
            return true;
        }
    }
    return false;
}

/* How many of the noted links were among `count` others before. */
static size_t links_kept(const struct link *before, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < link_count; i++) {
        kept += was_linked(before, count, &links[i]);
    }
    return kept;
}

static void connect_all(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
}

/*
 * Requests under way.
 */

static omcache_req_t reqs[BATCH_KEYS];
static omcache_value_t values[BATCH_KEYS];
static char names[BATCH_KEYS][16];

/* A batch of a get for each server. */
static void make_gets(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *key = key_for(i);
        store(key, key);
        wire_request(&reqs[i], -1, WIRE_GETK, key);
    }
}

static void send_gets(size_t count)
{
    size_t sent = count;
    assert_rc(omcache_command(client, reqs, &sent, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(sent, count);
}

static size_t count_status(int status, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += values[i].status == status;
    }
    return found;
}

/* The batch is finished with that many answers and failures. */
static void assert_outcome(size_t count, size_t answered)
{
    size_t room = count;
    size_t left = count;
    assert_rc(omcache_io(client, reqs, &left, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_eq(room, count);
    ck_assert_msg(count_status(OMCACHE_OK, count) == answered &&
                      count_status(OMCACHE_SERVER_FAILURE, count) == count - answered,
                  "%zu answers and %zu failures, expected %zu and %zu",
                  count_status(OMCACHE_OK, count), count_status(OMCACHE_SERVER_FAILURE, count),
                  answered, count - answered);
}

START_TEST(answers_of_kept_servers_still_come)
{
    char list[128];
    struct link before[3];
    fixture_servers(3);
    note_links_of(3);
    memcpy(before, links, sizeof(before));
    make_gets(3);
    send_gets(3);
    snprintf(list, sizeof(list), "%s,%s", fleet.servers[0].address, fleet.servers[2].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    note_links();
    ck_assert_uint_eq(link_count, 2);
    ck_assert_msg(links_kept(before, 3) == 2, "%zu of 2 connections were kept",
                  links_kept(before, 3));
    assert_outcome(3, 2);
    for (size_t i = 0; i < 3; i++) {
        if (values[i].status == OMCACHE_OK) {
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        } else {
            ck_assert_ptr_null(values[i].data);
        }
    }
}
END_TEST

START_TEST(without_servers_all_requests_fail)
{
    fixture_servers(3);
    make_gets(3);
    send_gets(3);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_outcome(3, 0);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

START_TEST(what_nobody_waits_for_is_logged_when_its_server_is_dropped)
{
    fixture_servers(3);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 4, recorder_log, NULL), OMCACHE_OK);
    for (int i = 0; i < 5; i++) {
        const char *key = key_for(1);
        assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    }
    assert_rc(omcache_set_servers(client, fleet.servers[0].address), OMCACHE_OK);
    ck_assert_msg(recorder.line_count == 1, "%zu lines, the second is '%s'", recorder.line_count,
                  recorder.lines[1].text);
    ck_assert_msg(strstr(recorder.lines[0].text, fleet.servers[1].address) &&
                      strstr(recorder.lines[0].text, "5 requests"),
                  "the line is '%s'", recorder.lines[0].text);
    drain(client);
}
END_TEST

/* Two of three answers have been collected when the third server is dropped. */
START_TEST(a_half_collected_batch_can_be_finished)
{
    fixture_servers(3);
    size_t count = 3;
    size_t room;
    make_gets(3);
    memcached_pause(&fleet.servers[2]);
    send_gets(3);
    for (size_t collected = 0; collected < 2; collected += room) {
        room = 3;
        assert_rc(omcache_io(client, reqs, &count, values, &room, 20), OMCACHE_AGAIN);
        ck_assert_uint_eq(count, 3);
    }
    assert_rc(omcache_set_servers(client, fleet.servers[0].address), OMCACHE_OK);
    room = 3;
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 1);
    assert_rc(values[0].status, OMCACHE_SERVER_FAILURE);
}
END_TEST

/*
 * State.
 */

static size_t ended;
static char kept_list[200];

/* That the server is named by its place in the list; and makes that another one. */
static void find_and_leave(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    int found = -1;
    for (int i = 0; i < 3; i++) {
        omcache_server_info_t *info = omcache_server_info(mc, i);
        if (info != NULL && info->port == *(int *)context) {
            found = i;
        }
        omcache_server_info_free(mc, info);
    }
    assert_rc(omcache_reply_status(reply), OMCACHE_CANCELLED);
    ck_assert_int_eq(omcache_reply_server_index(reply), found);
    assert_rc(omcache_set_servers(mc, kept_list), OMCACHE_OK);
    ended++;
}

/* Operations have ended, and the list is another one when that is told. */
START_TEST(who_is_to_blame_is_named_by_the_list_of_then)
{
    static struct watcher loop;
    fixture_servers(3);
    watcher_init(&loop, client);
    ended = 0;
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_async_version(client, i, -1, find_and_leave, &fleet.servers[i].port),
                  OMCACHE_OK);
    }
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    snprintf(kept_list, sizeof(kept_list), "%s", strchr(fleet.list, ',') + 1);
    assert_rc(omcache_set_servers(client, kept_list), OMCACHE_OK); /* without the first */
    if (_i == 1) {
        memmove(kept_list, strchr(kept_list, ',') + 1, strlen(strchr(kept_list, ',')));
    }
    watcher_run(&loop, &ended, 3);
}
END_TEST

START_TEST(kept_servers_keep_their_state)
{
    char list[256];
    three_servers(500, 60000, 500);
    memcached_kill(&fleet.servers[1]);
    clock_sleep(20);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[1]);
    snprintf(list, sizeof(list), "%s,%s", fleet.servers[1].address, fleet.servers[2].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_int_eq(index_of("any key"), 1);
    /* Dropped and taken back it is a new one. */
    assert_rc(omcache_set_servers(client, fleet.servers[2].address), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

START_TEST(the_same_list_in_other_words_changes_nothing)
{
    char list[256];
    struct link before[3];
    fixture_servers(3);
    note_links_of(3);
    memcpy(before, links, sizeof(before));
    snprintf(list, sizeof(list), " %s ,, %s,%s", fleet.servers[2].address, fleet.servers[0].address,
             fleet.servers[1].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    note_links_of(3);
    ck_assert_uint_eq(links_kept(before, 3), 3);
}
END_TEST

/*
 * Duplicates.
 */

/* One server, `times` times; a static string. */
static const char *repeated(size_t times)
{
    static char list[256];
    size_t used = 0;
    list[0] = 0;
    for (size_t i = 0; i < times; i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s,", fleet.servers[0].address);
    }
    return list;
}

START_TEST(of_duplicates_as_many_are_kept_as_the_list_has)
{
    struct link before[3];
    size_t sent = 3;
    fixture_servers(1);
    store("key", "value");
    assert_rc(omcache_set_servers(client, repeated(3)), OMCACHE_OK);
    note_links_of(3);
    memcpy(before, links, sizeof(before));
    for (int i = 0; i < 3; i++) {
        wire_request(&reqs[i], i, WIRE_GETK, "key");
    }
    assert_rc(omcache_command(client, reqs, &sent, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(client, repeated(2)), OMCACHE_OK);
    assert_outcome(3, 2);
    note_links_of(2);
    ck_assert_uint_eq(links_kept(before, 3), 2);
    assert_rc(omcache_set_servers(client, repeated(5)), OMCACHE_OK);
    note_links_of(5);
    ck_assert_uint_eq(links_kept(before, 3), 2);
}
END_TEST

/*
 * A thousand.
 */

static char thousand_list[LIST_SIZE];

static int by_port(const void *a, const void *b)
{
    return ((const struct link *)a)->to - ((const struct link *)b)->to;
}

/* Room for both ends of a thousand connections, and then some. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 3000) {
        ck_assert_msg(limit.rlim_max >= 3000, "only %llu open files are allowed",
                      (unsigned long long)limit.rlim_max);
        limit.rlim_cur = 3000;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
}

static void thousand_servers(void)
{
    struct memcached many;
    allow_descriptors();
    memcached_start_ports(&many, FIRST_PORT, THOUSAND, thousand_list, sizeof(thousand_list));
    client = fixture_client(thousand_list);
}

static void name_keys(void)
{
    for (size_t i = 0; i < BATCH_KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "many-%zu", i);
    }
}

/* Gets all keys in one batch; how many servers they were on. */
static size_t get_all_keys(void)
{
    static const unsigned char *keys[BATCH_KEYS];
    static size_t lens[BATCH_KEYS];
    static bool used[THOUSAND];
    size_t count = BATCH_KEYS;
    size_t room = BATCH_KEYS;
    size_t found = 0;
    size_t servers = 0;
    for (size_t i = 0; i < BATCH_KEYS; i++) {
        keys[i] = (const unsigned char *)names[i];
        lens[i] = strlen(names[i]);
    }
    int rc = omcache_get_multi(client, keys, lens, BATCH_KEYS, reqs, &count, values, &room, -1);
    for (;;) {
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_AGAIN);
        for (size_t i = 0; i < room; i++, found++) {
            assert_rc(values[i].status, OMCACHE_OK);
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        }
        if (count == 0) {
            break;
        }
        room = BATCH_KEYS;
        rc = omcache_io(client, reqs, &count, values, &room, -1);
    }
    ck_assert_uint_eq(found, BATCH_KEYS);
    memset(used, 0, sizeof(used));
    for (size_t i = 0; i < BATCH_KEYS; i++) {
        servers += !used[reqs[i].server_index];
        used[reqs[i].server_index] = true;
    }
    return servers;
}

START_TEST(a_thousand_servers_work)
{
    thousand_servers();
    name_keys();
    connect_all(THOUSAND);
    assert_rc(omcache_noop(client, THOUSAND, -1), OMCACHE_NO_SERVERS);
    for (size_t i = 0; i < BATCH_KEYS; i++) {
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    drain(client);
    size_t servers = get_all_keys();
    ck_assert_msg(servers > 900, "%d keys were on only %zu servers", BATCH_KEYS, servers);
}
END_TEST

/* From a fresh client on: all connections are made at once. */
START_TEST(a_thousand_connections_are_made_at_once)
{
    thousand_servers();
    name_keys();
    for (size_t i = 0; i < BATCH_KEYS; i++) {
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    drain(client);
    get_all_keys();
}
END_TEST

START_TEST(one_of_a_thousand_leaves_and_the_others_stay)
{
    static struct link before[THOUSAND];
    thousand_servers();
    connect_all(THOUSAND);
    note_links_of(THOUSAND);
    memcpy(before, links, sizeof(before));
    qsort(before, THOUSAND, sizeof(before[0]), by_port);

    char *last = strrchr(thousand_list, ',');
    *last = 0;
    assert_rc(omcache_set_servers(client, thousand_list), OMCACHE_OK);
    note_links_of(THOUSAND - 1);
    qsort(links, link_count, sizeof(links[0]), by_port);
    for (size_t i = 0; i < link_count; i++) {
        ck_assert_msg(was_linked(&before[i], 1, &links[i]),
                      "the connection to port %d was fd %d from port %d, is fd %d from port %d",
                      before[i].to, before[i].fd, before[i].from, links[i].fd, links[i].from);
    }
    *last = ',';
    assert_rc(omcache_set_servers(client, thousand_list), OMCACHE_OK);
    note_links_of(THOUSAND);
    ck_assert_uint_eq(links_kept(before, THOUSAND - 1), THOUSAND - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_replaced");
    TCase *tcase = fixture_case(suite, "under way");
    tcase_add_test(tcase, answers_of_kept_servers_still_come);
    tcase_add_test(tcase, without_servers_all_requests_fail);
    tcase_add_test(tcase, what_nobody_waits_for_is_logged_when_its_server_is_dropped);
    tcase_add_test(tcase, a_half_collected_batch_can_be_finished);
    tcase_add_loop_test(tcase, who_is_to_blame_is_named_by_the_list_of_then, 0, 2);
    tcase_add_test(tcase, kept_servers_keep_their_state);
    tcase_add_test(tcase, the_same_list_in_other_words_changes_nothing);
    tcase_add_test(tcase, of_duplicates_as_many_are_kept_as_the_list_has);
    TCase *many = fixture_case(suite, "a thousand");
    tcase_add_test(many, a_thousand_servers_work);
    tcase_add_test(many, a_thousand_connections_are_made_at_once);
    tcase_add_test(many, one_of_a_thousand_leaves_and_the_others_stay);
    return fixture_run(suite);
}
