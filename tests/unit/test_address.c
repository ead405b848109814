/*
 * Reading addresses: what is one, what may be a name, and what is neither.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "net/address.h"
#include "support/fixture.h"

static struct omc_address address;
static const char *problem;

static enum omc_address_kind parse(const char *host, const char *port)
{
    memset(&address, 0xa5, sizeof(address));
    problem = "none was set";
    return omc_address_parse(&address, host, port, &problem);
}

/* "host port", a static string. */
static const char *text_of_address(void)
{
    static char text[128];
    char host[80], port[16];

    ck_assert_int_eq(getnameinfo((const struct sockaddr *)&address.storage, address.len, host,
                                 sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV),
                     0);
    snprintf(text, sizeof(text), "%s %s", host, port);
    return text;
}

START_TEST(numeric_addresses_are_read)
{
    static const struct {
        const char *host, *port, *text;
        int family;
    } good[] = {
        {"127.0.0.1", "11211", "127.0.0.1 11211", AF_INET},
        {"255.255.255.255", "65535", "255.255.255.255 65535", AF_INET},
        {"0.0.0.0", "1", "0.0.0.0 1", AF_INET},
        {"10.0.0.1", "00080", "10.0.0.1 80", AF_INET},
        {"::1", "11211", "::1 11211", AF_INET6},
        {"::", "11211", ":: 11211", AF_INET6},
        {"2001:DB8:0:0::5", "5", "2001:db8::5 5", AF_INET6},
        {"::ffff:1.2.3.4", "5", "::ffff:1.2.3.4 5", AF_INET6},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        enum omc_address_kind kind = parse(good[i].host, good[i].port);

        ck_assert_msg(kind == OMC_ADDRESS_NUMERIC, "%s gave %d", good[i].host, (int)kind);
        ck_assert_ptr_null(problem);
        ck_assert_str_eq(text_of_address(), good[i].text);
        ck_assert_int_eq(address.storage.any.sa_family, good[i].family);
        ck_assert_uint_eq(address.len, good[i].family == AF_INET ? sizeof(struct sockaddr_in)
                                                                 : sizeof(struct sockaddr_in6));
    }
}
END_TEST

static uint32_t scope(void)
{
    ck_assert_int_eq(address.storage.any.sa_family, AF_INET6);
    return ((const struct sockaddr_in6 *)&address.storage)->sin6_scope_id;
}

START_TEST(scopes_are_names_or_numbers_of_interfaces)
{
    unsigned lo = if_nametoindex("lo");

    ck_assert_uint_ne(lo, 0);
    ck_assert_int_eq(parse("fe80::1%lo", "11211"), OMC_ADDRESS_NUMERIC);
    ck_assert_uint_eq(scope(), lo);
    ck_assert_int_eq(parse("fe80::1%7", "11211"), OMC_ADDRESS_NUMERIC);
    ck_assert_uint_eq(scope(), 7);
    ck_assert_int_eq(parse("fe80::1", "11211"), OMC_ADDRESS_NUMERIC);
    ck_assert_uint_eq(scope(), 0);
    /* Such an interface may come: it is looked for each time. */
    ck_assert_int_eq(parse("fe80::1%nosuchif0", "11211"), OMC_ADDRESS_NAME);
}
END_TEST

START_TEST(ports_are_numbers_from_1_to_65535)
{
    static const char *const bad[] = {
        "",       "0",      "00",         "65536",
        "99999",  "113333", "4294967297", "18446744073709551617",
        "-1",     "+1",     " 1",         "1 ",
        "11211x", "x",      "http",       "1\n",
        "0x10",   "1.5",    "\xd9\xa1",
    };
    static const char *const hosts[] = {"127.0.0.1", "::1", "one.test"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
            enum omc_address_kind kind = parse(hosts[j], bad[i]);

            ck_assert_msg(kind == OMC_ADDRESS_INVALID, "port '%s' gave %d", bad[i], (int)kind);
            ck_assert_str_eq(problem, "not a port number from 1 to 65535");
        }
    }
    ck_assert_int_eq(parse("one.test", "1"), OMC_ADDRESS_NAME);
    ck_assert_int_eq(parse("one.test", "65535"), OMC_ADDRESS_NAME);
}
END_TEST

/* The C library would take both for the loopback address. */
START_TEST(an_empty_host_and_a_star_are_nothing)
{
    static const char *const hosts[] = {"", "*"};

    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(parse(hosts[i], "11211"), OMC_ADDRESS_INVALID);
        ck_assert_str_eq(problem, "neither an address nor a name");
    }
}
END_TEST

/* Whether they are good ones is the resolver's business. */
START_TEST(what_is_no_address_may_be_a_name)
{
    static const char *const names[] = {
        "localhost", "one.test",  "one.test.", "256.1.1.1",   "1.2.3.4.5",   "1.2.3.4x", "::1::",
        "[::1]",     " 10.0.0.1", "10.0.0.1 ", "two\nlines",  "fe80::1%",    "**",       "::g",
        "-",         ".",         "12345::",   "10.0.0.1:80", "caf\303\251",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum omc_address_kind kind = parse(names[i], "11211");

        ck_assert_msg(kind == OMC_ADDRESS_NAME, "'%s' gave %d", names[i], (int)kind);
        ck_assert_ptr_null(problem);
    }
}
END_TEST

START_TEST(paths_are_sockets_and_need_no_port)
{
    static const char *const ports[] = {"", "0", "nonsense", "11211"};
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address.storage;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        ck_assert_int_eq(parse("/run/memcached.sock", ports[i]), OMC_ADDRESS_NUMERIC);
        ck_assert_ptr_null(problem);
        ck_assert_int_eq(name->sun_family, AF_UNIX);
        ck_assert_str_eq(name->sun_path, "/run/memcached.sock");
        ck_assert_uint_eq(address.len, sizeof(*name));
    }
}
END_TEST

START_TEST(paths_end_within_what_a_socket_can_have)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address.storage;
    char path[2 * sizeof(name->sun_path)] = "/";

    memset(path + 1, 'x', sizeof(path) - 2);
    path[sizeof(name->sun_path) - 1] = '\0'; /* the longest that fits with its end */
    ck_assert_int_eq(parse(path, ""), OMC_ADDRESS_NUMERIC);
    ck_assert_str_eq(name->sun_path, path);
    path[sizeof(name->sun_path) - 1] = 'x';
    path[sizeof(name->sun_path)] = '\0';
    ck_assert_int_eq(parse(path, ""), OMC_ADDRESS_INVALID);
    ck_assert_str_eq(problem, "path too long for a socket");
    path[sizeof(name->sun_path)] = 'x';
    ck_assert_int_eq(parse(path, ""), OMC_ADDRESS_INVALID);
}
END_TEST

START_TEST(equal_addresses_are_known)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2",  "::1",
                                        "::2",       "fe80::1%lo", "fe80::1%7",
                                        "/a/path",   "/a/path2",   "::ffff:127.0.0.1"};
    const size_t count = sizeof(hosts) / sizeof(hosts[0]);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct omc_address one;

            parse(hosts[i], "1");
            one = address;
            parse(hosts[j], "1");
            ck_assert_msg(omc_address_is_equal(&one, &address) == (i == j), "%s and %s", hosts[i],
                          hosts[j]);
        }
    }
    parse(hosts[0], "1");
    struct omc_address one = address;
    parse(hosts[0], "2");
    ck_assert(!omc_address_is_equal(&one, &address));
    ck_assert(!omc_address_is_equal(&one, &(struct omc_address){.len = 0}));
}
END_TEST

START_TEST(what_stays_on_this_machine_is_known)
{
    static const char *const local[] = {"127.0.0.1", "127.200.0.1", "::1", "::ffff:127.0.0.1",
                                        "/tmp/socket"};
    static const char *const distant[] = {"128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1",
                                          "2001:db8::1"};

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        parse(local[i], "11211");
        ck_assert_msg(omc_address_is_local(&address), "%s is not local", local[i]);
        parse(distant[i], "11211");
        ck_assert_msg(!omc_address_is_local(&address), "%s is local", distant[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = fixture_case(suite, "address");

    tcase_add_test(tcase, numeric_addresses_are_read);
    tcase_add_test(tcase, scopes_are_names_or_numbers_of_interfaces);
    tcase_add_test(tcase, ports_are_numbers_from_1_to_65535);
    tcase_add_test(tcase, an_empty_host_and_a_star_are_nothing);
    tcase_add_test(tcase, what_is_no_address_may_be_a_name);
    tcase_add_test(tcase, paths_are_sockets_and_need_no_port);
    tcase_add_test(tcase, paths_end_within_what_a_socket_can_have);
    tcase_add_test(tcase, what_stays_on_this_machine_is_known);
    tcase_add_test(tcase, equal_addresses_are_known);
    return fixture_run(suite);
}
