/*
 * Where servers can be reached, under a made-up clock: how long what was found of a
 * name is believed, and in which order its addresses are tried.  The DNS server is real.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <netdb.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/handle.h"
#include "client/loop.h"
#include "link/dial.h"
#include "link/endpoint.h"
#include "support/dnsmasq.h"
#include "support/fixture.h"

enum {
    START = 5000,
};

static struct dnsmasq dns;
static struct omc_server *server;

static void open_client(const char *name, const char *hosts, const char *ttl)
{
    char option[32];
    const char *const options[] = {option, "--no-round-robin", NULL};

    snprintf(option, sizeof(option), "--local-ttl=%s", ttl);
    dnsmasq_start(&dns, hosts, options);
    client = fixture_client(name);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    server = client->fleet.servers[0];
}

/* The loop's part until the lookup has ended, and then once more, at `now`. */
static struct omc_news find_at(int64_t now)
{
    int64_t give_up = clock_ms() + clock_allow(20000);

    while (omc_dial_resolve(&server->link, now).event == OMC_EVENT_NONE) {
        ck_assert_msg(clock_ms() < give_up, "the lookup does not end");
        omc_loop_choose(client);
        omc_watch_wait(&client->shared.watches, 100);
        omc_names_dispatch(&client->shared.names, now);
    }
    return omc_dial_resolve(&server->link, now);
}

/* "127.0.0.1 127.0.0.2", a static string. */
static const char *list(void)
{
    static char text[256];
    const struct omc_address *addresses[OMC_ADDRESSES_MAX];
    size_t count = omc_endpoint_list(&server->link.endpoint, addresses), used = 0;

    for (size_t i = 0; i < count; i++) {
        char host[64];

        ck_assert_int_eq(getnameinfo((const struct sockaddr *)&addresses[i]->storage,
                                     addresses[i]->len, host, sizeof(host), NULL, 0,
                                     NI_NUMERICHOST),
                         0);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "", host);
    }
    return text;
}

static void assert_found_at(int64_t now, const char *expected)
{
    ck_assert_int_eq(find_at(now).event, OMC_EVENT_RESOLVED);
    ck_assert_str_eq(list(), expected);
}

START_TEST(a_name_is_believed_for_its_time_within_bounds)
{
    static const char *const ttls[] = {"0", "1", "7", "60", "61", "3600"};
    static const int64_t believed[] = {1000, 1000, 7000, 60000, 60000, 60000};

    open_client("one.test", "127.0.0.1 one.test", ttls[_i]);
    assert_found_at(START, "127.0.0.1");
    dnsmasq_set_hosts(&dns, "127.0.0.2 one.test");
    assert_found_at(START + believed[_i] - 1, "127.0.0.1");
    ck_assert_int_eq(omc_dial_resolve(&server->link, START + believed[_i]).event, OMC_EVENT_NONE);
    assert_found_at(START + believed[_i], "127.0.0.2");
    /* And that counts from then. */
    assert_found_at(START + 2 * believed[_i] - 1, "127.0.0.2");
    dnsmasq_set_hosts(&dns, "127.0.0.3 one.test");
    assert_found_at(START + 2 * believed[_i], "127.0.0.3");
}
END_TEST

/* As one is without memory that getaddrinfo needs. */
START_TEST(a_numeric_address_may_have_been_taken_for_a_name)
{
    struct omc_endpoint *endpoint;

    open_client("none.test", "127.0.0.1 one.test", "60");
    endpoint = &server->link.endpoint;
    ck_assert_int_eq(find_at(START).event, OMC_EVENT_FAILED);
    ck_assert_ptr_nonnull(endpoint->lookup);
    endpoint->host = "127.0.0.3";
    ck_assert_int_eq(omc_dial_resolve(&server->link, START).event, OMC_EVENT_RESOLVED);
    ck_assert_str_eq(list(), "127.0.0.3");
}
END_TEST

START_TEST(the_good_address_comes_first_and_the_bad_one_last)
{
    struct omc_endpoint *endpoint;
    const struct omc_address *addresses[OMC_ADDRESSES_MAX];
    struct omc_address one, two, three;

    open_client("one.test", "127.0.0.1 one.test\n127.0.0.2 one.test\n127.0.0.3 one.test", "60");
    endpoint = &server->link.endpoint;
    assert_found_at(START, "127.0.0.1 127.0.0.2 127.0.0.3");
    ck_assert_uint_eq(omc_endpoint_list(endpoint, addresses), 3);
    one = *addresses[0];
    two = *addresses[1];
    three = *addresses[2];
    omc_endpoint_disprove(endpoint, &one);
    ck_assert_str_eq(list(), "127.0.0.2 127.0.0.3 127.0.0.1");
    omc_endpoint_prove(endpoint, &three);
    ck_assert_str_eq(list(), "127.0.0.3 127.0.0.2 127.0.0.1");
    omc_endpoint_disprove(endpoint, &three);
    ck_assert_str_eq(list(), "127.0.0.1 127.0.0.2 127.0.0.3");
    omc_endpoint_prove(endpoint, &two);
    ck_assert_str_eq(list(), "127.0.0.2 127.0.0.1 127.0.0.3");
    omc_endpoint_prove(endpoint, &three);
    ck_assert_str_eq(list(), "127.0.0.3 127.0.0.1 127.0.0.2");
    /* That outlives a lookup, as far as the addresses do. */
    omc_endpoint_disprove(endpoint, &one);
    dnsmasq_set_hosts(&dns, "127.0.0.1 one.test\n127.0.0.3 one.test\n127.0.0.4 one.test");
    assert_found_at(START + 60000, "127.0.0.3 127.0.0.4 127.0.0.1");
}
END_TEST

/* Two addresses that a name server has made up: they have one sum. */
START_TEST(addresses_with_one_sum_are_listed_once_each)
{
    const struct omc_address *addresses[OMC_ADDRESSES_MAX + 1];

    open_client("one.test",
                "2001:db8::a3b1:fb98:c8fe:8d3c one.test\n2001:db8::2760:7f1a:ff4b:951b one.test",
                "60");
    ck_assert_int_eq(find_at(START).event, OMC_EVENT_RESOLVED);
    ck_assert_uint_eq(omc_endpoint_list(&server->link.endpoint, addresses), 2);
    ck_assert_uint_eq(omc_address_sum(addresses[0]), omc_address_sum(addresses[1]));
    omc_endpoint_prove(&server->link.endpoint, addresses[_i]);
    ck_assert_uint_eq(omc_endpoint_list(&server->link.endpoint, addresses), 2);
    ck_assert_ptr_ne(addresses[0], addresses[1]);
    omc_endpoint_disprove(&server->link.endpoint, addresses[_i]);
    ck_assert_uint_eq(omc_endpoint_list(&server->link.endpoint, addresses), 2);
    ck_assert_ptr_ne(addresses[0], addresses[1]);
}
END_TEST

START_TEST(a_failed_lookup_is_told_until_it_is_forgotten)
{
    struct omc_news news;

    open_client("one.test", "", "60");
    news = find_at(START);
    ck_assert_int_eq(news.event, OMC_EVENT_FAILED);
    ck_assert_str_eq(news.reason, "the name does not exist");
    dnsmasq_set_hosts(&dns, "127.0.0.1 one.test");
    omc_endpoint_forget(&server->link.endpoint);
    assert_found_at(START, "127.0.0.1");
}
END_TEST

/* Looks up several names, and takes none of those that were found. */
static void find_all(size_t count)
{
    struct omc_names *names = &client->shared.names;
    int64_t give_up = clock_ms() + clock_allow(20000);
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        omc_dial_resolve(&client->fleet.servers[i]->link, START);
    while (found < count) {
        ck_assert_msg(clock_ms() < give_up, "the lookups do not end");
        omc_loop_choose(client);
        omc_watch_wait(&client->shared.watches, 100);
        omc_names_dispatch(names, START);
        found = 0;
        for (size_t i = 0; i < count; i++)
            found += client->fleet.servers[i]->link.endpoint.found;
    }
}

/* Those that were found with it still go on. */
START_TEST(a_server_may_be_dropped_when_its_name_has_just_been_found)
{
    static const char *const others[] = {"two.test,three.test", "one.test,three.test",
                                         "one.test,two.test"};
    struct omc_names *names;
    struct omc_endpoint *first, *second;

    open_client("one.test,two.test,three.test",
                "127.0.0.1 one.test\n127.0.0.2 two.test\n127.0.0.3 three.test", "60");
    names = &client->shared.names;
    find_all(3);
    assert_rc(omcache_set_servers(client, others[_i]), OMCACHE_OK);
    first = omc_names_take_found(names, START);
    second = omc_names_take_found(names, START);
    ck_assert_ptr_ne(first, second);
    for (size_t i = 0; i < 2; i++) {
        struct omc_endpoint *kept = &client->fleet.servers[i]->link.endpoint;

        ck_assert(kept == first || kept == second);
        ck_assert(!kept->found);
    }
    ck_assert_ptr_null(omc_names_take_found(names, START));
}
END_TEST

START_TEST(addresses_are_not_looked_up)
{
    struct omc_news news;

    open_client("127.0.0.9:5", "", "60");
    ck_assert_int_eq(omc_dial_resolve(&server->link, START).event, OMC_EVENT_RESOLVED);
    ck_assert_str_eq(list(), "127.0.0.9");
    ck_assert_ptr_null(client->shared.names.resolver);
    assert_rc(omcache_set_servers(client, "127.0.0.1:65536"), OMCACHE_OK);
    server = client->fleet.servers[0];
    news = omc_dial_resolve(&server->link, START);
    ck_assert_int_eq(news.event, OMC_EVENT_FAILED);
    ck_assert_str_eq(news.reason, "not a port number from 1 to 65535");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tcase = fixture_case(suite, "endpoint");

    tcase_add_checked_fixture(tcase, dnsmasq_configure_lookups, NULL);
    tcase_add_loop_test(tcase, a_name_is_believed_for_its_time_within_bounds, 0, 6);
    tcase_add_test(tcase, a_numeric_address_may_have_been_taken_for_a_name);
    tcase_add_test(tcase, the_good_address_comes_first_and_the_bad_one_last);
    tcase_add_loop_test(tcase, addresses_with_one_sum_are_listed_once_each, 0, 2);
    tcase_add_test(tcase, a_failed_lookup_is_told_until_it_is_forgotten);
    tcase_add_loop_test(tcase, a_server_may_be_dropped_when_its_name_has_just_been_found, 0, 3);
    tcase_add_test(tcase, addresses_are_not_looked_up);
    return fixture_run(suite);
}
