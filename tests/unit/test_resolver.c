/*
 * Looking up names without waiting: what a real DNS server says, what happens when it
 * does not, and that no socket is lost or used after its end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/resolver.h"
#include "support/dnsmasq.h"
#include "support/fixture.h"

enum {
    FDS_MAX = 256,
    MANY = 200,
    GIVE_UP_MS = 30000,
};

static struct dnsmasq dns;
static struct omc_resolver *resolver;

/* A DNS server that the test plays itself, for what dnsmasq does not say. */
static int played = -1; /* its socket, or none */
static struct script {
    unsigned char status; /* that its answers have */
    bool claims;          /* to have told a record more than there are */
    bool has_alias;       /* for another name */
    struct {
        unsigned char last; /* of 127.0.0.x */
        uint32_t ttl;
    } addresses[4]; /* up to one that is 0 */
} script;

/* The owner: the sockets that it watches, in place of their numbers. */
static short watched[FDS_MAX];
static size_t streams;       /* of them that were for TCP */
static size_t watch_failure; /* this call of watch fails, counted from 1 */
static size_t watch_calls;

/* Lookups that have ended, by their contexts. */
static size_t ended;
static void *last_ended;
static void (*on_found)(void *context);

static bool watch(void *context, int fd, short events)
{
    int type = 0;
    socklen_t len = sizeof(type);

    ck_assert_ptr_eq(context, &dns);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(fd, FDS_MAX);
    ck_assert_int_ne(events, 0);
    ck_assert_int_ne(watched[fd], events);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    streams += type == SOCK_STREAM && watched[fd] == 0;
    watched[fd] = events;
    return ++watch_calls != watch_failure;
}

static void close_watched(void *context, int fd)
{
    ck_assert_ptr_eq(context, &dns);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(fd, FDS_MAX);
    ck_assert_int_ne(watched[fd], 0);
    watched[fd] = 0;
    ck_assert_int_eq(close(fd), 0);
}

static void found(void *context, void *lookup_context)
{
    ck_assert_ptr_eq(context, &dns);
    ended++;
    last_ended = lookup_context;
    if (on_found != NULL)
        on_found(lookup_context);
}

static void make_resolver(const char *servers)
{
    const struct omc_resolver_owner owner = {&dns, watch, close_watched, found};

    ck_assert(omc_resolver_check_servers(servers));
    resolver = omc_resolver_new(&owner, servers);
    ck_assert_ptr_nonnull(resolver);
}

static void start(const char *hosts, const char *const *options)
{
    dnsmasq_start(&dns, hosts, options);
    make_resolver(dns.address);
}

static size_t sockets(void)
{
    size_t count = 0;

    for (int fd = 0; fd < FDS_MAX; fd++)
        count += watched[fd] != 0;
    return count;
}

static void reset(void)
{
    memset(watched, 0, sizeof(watched));
    streams = watch_failure = watch_calls = ended = 0;
    last_ended = NULL;
    on_found = NULL;
    resolver = NULL;
    dnsmasq_configure_lookups();
    played = -1;
    script = (struct script){.status = 0};
}

static void end_resolver(void)
{
    omc_resolver_free(resolver);
    ck_assert_uint_eq(sockets(), 0);
    resolver = NULL;
    if (played >= 0)
        close(played);
}

/* Begins to play a server, which is the resolver's only one. */
static void start_to_play(void)
{
    char address[LOOPBACK_HOST_SIZE + 8];
    struct sockaddr_storage name;
    socklen_t len;
    char host[LOOPBACK_HOST_SIZE];

    played = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert(loopback_sockaddr(loopback_host(host), 0, &name, &len));
    ck_assert_int_eq(bind(played, (struct sockaddr *)&name, len), 0);
    ck_assert_int_eq(getsockname(played, (struct sockaddr *)&name, &len), 0);
    snprintf(address, sizeof(address), "%s:%d", host,
             ntohs(((struct sockaddr_in *)&name)->sin_port));
    make_resolver(address);
}

enum {
    DNS_HEAD = 12,
    DNS_A = 1,
    DNS_CNAME = 5,
};

/* Adds a record of the name that was asked for; returns its end. */
static unsigned char *put_record(unsigned char *out, unsigned char type, uint32_t ttl,
                                 const void *bytes, unsigned char len)
{
    const unsigned char front[] = {0xc0, DNS_HEAD, 0, type, 0, 1}; /* the name is behind the head */
    uint32_t seconds = htonl(ttl);

    memcpy(out, front, 6);
    memcpy(out + 6, &seconds, 4);
    out[10] = 0;
    out[11] = len;
    memcpy(out + 12, bytes, len);
    return out + 12 + len;
}

/* Answers a query by the script: it has a head, a name, a type and a class, and more behind. */
static void answer_query(void)
{
    unsigned char message[512], *out;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(played, message, 300, 0, (struct sockaddr *)&from, &from_len);
    unsigned char records = script.has_alias;
    bool asks_for_a;

    ck_assert_int_gt(len, DNS_HEAD);
    out = message + DNS_HEAD + strlen((char *)message + DNS_HEAD) + 5;
    asks_for_a = out[-3] == DNS_A;
    if (script.has_alias)
        out = put_record(out, DNS_CNAME, 60, "\5other\4test", 12);
    for (size_t i = 0; asks_for_a && script.addresses[i].last != 0; i++, records++)
        out = put_record(out, DNS_A, script.addresses[i].ttl,
                         (unsigned char[]){127, 0, 0, script.addresses[i].last}, 4);
    message[2] |= 0x80; /* an answer */
    message[3] = 0x80 | script.status;
    memcpy(message + 6, (unsigned char[]){0, records + script.claims, 0, 0, 0, 0}, 6);
    len = out - message;
    ck_assert_int_eq(sendto(played, message, (size_t)len, 0, (struct sockaddr *)&from, from_len),
                     len);
}

/* One turn of the owner's loop. */
static void turn(void)
{
    struct pollfd fds[FDS_MAX + 1];
    nfds_t count = 0;
    int timeout = omc_resolver_timeout(resolver);

    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (watched[fd] != 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = watched[fd]};
    }
    fds[count] = (struct pollfd){.fd = played, .events = POLLIN};
    ck_assert_int_ge(timeout, 0); /* there is something under way */
    if (poll(fds, count + 1, timeout) <= 0) {
        omc_resolver_process(resolver, -1, 0);
        return;
    }
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents != 0)
            omc_resolver_process(resolver, fds[i].fd, fds[i].revents);
    }
    if (fds[count].revents != 0)
        answer_query();
}

static void loop_until_ended(size_t count)
{
    int64_t deadline = clock_ms() + clock_allow(GIVE_UP_MS);

    while (ended < count) {
        ck_assert_msg(clock_ms() < deadline, "only %zu of %zu lookups ended", ended, count);
        turn();
    }
    ck_assert_uint_eq(ended, count);
}

/* Looks up a name and waits for the end, of which we must be told unless it came at
 * once. */
static struct omc_lookup *look_up(const char *host)
{
    static int context;
    size_t before = ended;
    struct omc_lookup *lookup = omc_resolver_look_up(resolver, host, "11211", &context);

    ck_assert_ptr_nonnull(lookup);
    ck_assert_uint_eq(ended, before);
    if (!omc_lookup_is_done(lookup)) {
        loop_until_ended(before + 1);
        ck_assert_ptr_eq(last_ended, &context);
    }
    ck_assert(omc_lookup_is_done(lookup));
    return lookup;
}

/* "127.0.0.1:11211 ::1:11211", a static string. */
static const char *text_of(const struct omc_addresses *addresses)
{
    static char text[8192];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < addresses->count; i++) {
        const struct omc_address *address = &addresses->items[i];
        char host[64];
        char port[8];

        ck_assert_int_eq(getnameinfo((const struct sockaddr *)&address->storage, address->len, host,
                                     sizeof(host), port, sizeof(port),
                                     NI_NUMERICHOST | NI_NUMERICSERV),
                         0);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%s", i > 0 ? " " : "",
                                 host, port);
    }
    return text;
}

static const struct omc_addresses *addresses_of(const struct omc_lookup *lookup, uint32_t *ttl)
{
    const char *problem = "none";
    const struct omc_addresses *addresses = omc_lookup_result(lookup, ttl, &problem);

    ck_assert_msg(addresses != NULL, "%s", problem);
    ck_assert_uint_ge(addresses->count, 1);
    return addresses;
}

static void assert_found(const char *host, const char *text, uint32_t ttl)
{
    struct omc_lookup *lookup = look_up(host);
    uint32_t got;

    ck_assert_str_eq(text_of(addresses_of(lookup, &got)), text);
    ck_assert_uint_eq(got, ttl);
    omc_lookup_free(lookup);
}

static const char *problem_of(const struct omc_lookup *lookup)
{
    uint32_t ttl;
    const char *problem = NULL;

    ck_assert_ptr_null(omc_lookup_result(lookup, &ttl, &problem));
    ck_assert_ptr_nonnull(problem);
    return problem;
}

static void assert_problem(const char *host, const char *text)
{
    struct omc_lookup *lookup = look_up(host);

    ck_assert_str_eq(problem_of(lookup), text);
    omc_lookup_free(lookup);
}

START_TEST(there_is_a_resolver_and_it_opens_nothing_before_it_must)
{
    ck_assert(omc_resolver_is_there());
    make_resolver(NULL);
    ck_assert_int_eq(omc_resolver_timeout(resolver), -1);
    omc_resolver_process(resolver, -1, 0);
    ck_assert_uint_eq(watch_calls, 0);
    end_resolver();
}
END_TEST

START_TEST(an_address_comes_with_its_port_and_its_lifetime)
{
    const char *const options[] = {"--local-ttl=77", "--cname=alias.test,one.test,33", NULL};

    start("127.0.0.9 one.test", options);
    assert_found("one.test", "127.0.0.9:11211", 77);
    assert_found("ONE.Test", "127.0.0.9:11211", 77);
    assert_found("one.test.", "127.0.0.9:11211", 77);
    assert_found("one", "127.0.0.9:11211", 77); /* in the domain to search */
    assert_found("alias.test", "127.0.0.9:11211", 33);
    assert_found("127.0.0.8", "127.0.0.8:11211", 0);
    ck_assert_uint_eq(streams, 0);
    ck_assert_uint_eq(sockets(), 0); /* none is kept without need */
    ck_assert_int_eq(omc_resolver_timeout(resolver), -1);
    end_resolver();
}
END_TEST

START_TEST(what_is_not_there_is_told_apart)
{
    const char *const options[] = {"--txt-record=text.test,words", NULL};

    start("127.0.0.9 one.test", options);
    assert_problem("nothing.test", "the name does not exist");
    assert_problem("text.test", "the name has no address");
    assert_problem("refused.example", "no DNS server gave an answer");
    assert_found("one.test", "127.0.0.9:11211", 0);
    end_resolver();
}
END_TEST

static int family_of(const struct omc_addresses *addresses, size_t i)
{
    return addresses->items[i].storage.any.sa_family;
}

START_TEST(families_take_turns_and_nothing_comes_twice)
{
    struct omc_lookup *lookup;
    const struct omc_addresses *addresses;
    uint32_t ttl;
    size_t of_each[2] = {0, 0};

    start("127.0.0.1 both.test\n127.0.0.2 both.test\n127.0.0.3 both.test\n127.0.0.4 both.test\n"
          "127.0.0.1 both.test\n::1 both.test\nfd00::2 both.test\n",
          NULL);
    lookup = look_up("both.test");
    addresses = addresses_of(lookup, &ttl);
    ck_assert_uint_eq(addresses->count, 6);
    for (size_t i = 0; i < 6; i++) {
        of_each[family_of(addresses, i) == AF_INET6]++;
        for (size_t j = 0; j < i; j++)
            ck_assert_mem_ne(&addresses->items[i].storage, &addresses->items[j].storage,
                             sizeof(addresses->items[i].storage));
    }
    ck_assert_uint_eq(of_each[0], 4);
    ck_assert_uint_eq(of_each[1], 2);
    for (size_t i = 1; i < 4; i++)
        ck_assert_int_ne(family_of(addresses, i), family_of(addresses, i - 1));
    omc_lookup_free(lookup);
    end_resolver();
}
END_TEST

START_TEST(the_lifetime_is_that_of_the_record_that_ends_first)
{
    start_to_play();
    script = (struct script){.addresses = {{1, 300}, {2, 20}, {3, 100}}};
    assert_found("one.test", "127.0.0.1:11211 127.0.0.2:11211 127.0.0.3:11211", 20);
    script = (struct script){.addresses = {{1, 60}, {2, 0x80000001}}};
    assert_found("one.test", "127.0.0.1:11211 127.0.0.2:11211",
                 0); /* RFC 2181, 8: that is no time */
    end_resolver();
}
END_TEST

START_TEST(an_address_that_is_told_twice_comes_once)
{
    start_to_play();
    script = (struct script){.addresses = {{1, 60}, {2, 60}, {1, 60}}};
    assert_found("one.test", "127.0.0.1:11211 127.0.0.2:11211", 60);
    end_resolver();
}
END_TEST

START_TEST(unusual_answers_of_servers_are_failures)
{
    static const struct {
        struct script script;
        const char *problem;
    } cases[] = {
        {{.status = 0}, "the name has no address"},
        {{.has_alias = true}, "the name has no address"},   /* and the other name none either */
        {{.status = 1}, "the name could not be looked up"}, /* it does not understand the query */
        {{.status = 2}, "no DNS server gave an answer"},    /* it is in trouble */
        {{.status = 4}, "no DNS server gave an answer"},    /* it cannot do that */
        {{.claims = true}, "the name could not be looked up"},
    };

    start_to_play();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        script = cases[i].script;
        assert_problem("one.test", cases[i].problem);
    }
    script = (struct script){.addresses = {{1, 60}}};
    assert_found("one.test", "127.0.0.1:11211", 60);
    end_resolver();
}
END_TEST

START_TEST(localhost_needs_no_server)
{
    struct omc_lookup *lookup;
    uint32_t ttl;

    make_resolver("127.0.0.1:1"); /* nobody */
    lookup = look_up("localhost");
    ck_assert_ptr_nonnull(strstr(text_of(addresses_of(lookup, &ttl)), "127.0.0.1:11211"));
    ck_assert_uint_eq(ttl, 0);
    ck_assert_uint_eq(ended, 0); /* it came at once */
    ck_assert_uint_eq(watch_calls, 0);
    omc_lookup_free(lookup);
    end_resolver();
}
END_TEST

START_TEST(a_changed_record_is_seen)
{
    start("127.0.0.1 moving.test", NULL);
    assert_found("moving.test", "127.0.0.1:11211", 0);
    dnsmasq_set_hosts(&dns, "127.0.0.2 moving.test");
    assert_found("moving.test", "127.0.0.2:11211", 0);
    dnsmasq_set_hosts(&dns, "");
    assert_problem("moving.test", "the name does not exist");
    dnsmasq_set_hosts(&dns, "127.0.0.3 moving.test");
    assert_found("moving.test", "127.0.0.3:11211", 0);
    end_resolver();
}
END_TEST

START_TEST(an_answer_too_long_for_udp_comes_over_tcp)
{
    char hosts[4096];
    size_t used = 0;
    struct omc_lookup *lookup;
    uint32_t ttl;

    for (int i = 1; i <= 100; i++)
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.1.%d many.test\n", i);
    start(hosts, NULL);
    lookup = look_up("many.test");
    ck_assert_uint_eq(addresses_of(lookup, &ttl)->count, OMC_ADDRESSES_MAX);
    ck_assert_uint_eq(streams, 1);
    omc_lookup_free(lookup);
    end_resolver();
}
END_TEST

START_TEST(many_lookups_go_on_at_once)
{
    static struct omc_lookup *lookups[MANY];
    char hosts[MANY * 32];
    char text[64];
    size_t used = 0, waiting = 0;
    uint32_t ttl;

    for (int i = 0; i < MANY; i++)
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.2.%d n%d.test\n", i, i);
    start(hosts, NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "n%d.test", i);
        lookups[i] = omc_resolver_look_up(resolver, text, "1", NULL);
        ck_assert_ptr_nonnull(lookups[i]);
        waiting += !omc_lookup_is_done(lookups[i]);
    }
    ck_assert_uint_eq(waiting, MANY);
    loop_until_ended(MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "127.0.2.%d:1", i);
        ck_assert_str_eq(text_of(addresses_of(lookups[i], &ttl)), text);
        omc_lookup_free(lookups[i]);
    }
    end_resolver();
}
END_TEST

/* A lookup that is under way, at a server that is suspended. */
static struct omc_lookup *begin(const char *host, void *context)
{
    struct omc_lookup *lookup = omc_resolver_look_up(resolver, host, "11211", context);

    ck_assert_ptr_nonnull(lookup);
    ck_assert(!omc_lookup_is_done(lookup));
    return lookup;
}

START_TEST(a_silent_server_is_waited_for_in_the_loop_only)
{
    struct omc_lookup *lookup;
    int timeout;

    unsetenv("RES_OPTIONS");
    start("127.0.0.1 one.test", NULL);
    dnsmasq_pause(&dns);
    lookup = begin("one.test", NULL);
    timeout = omc_resolver_timeout(resolver);
    ck_assert_int_gt(timeout, 1000);
    ck_assert_int_le(timeout, 30001);
    ck_assert_uint_eq(sockets(), 1);
    omc_resolver_process(resolver, -1, 0);
    ck_assert(!omc_lookup_is_done(lookup));
    omc_lookup_free(lookup);
    end_resolver();
    ck_assert_uint_eq(ended, 0);
}
END_TEST

START_TEST(a_lookup_may_outlive_its_resolver)
{
    struct omc_lookup *lookup;

    start("127.0.0.1 one.test", NULL);
    dnsmasq_pause(&dns);
    lookup = begin("one.test", NULL);
    end_resolver();
    ck_assert_uint_eq(ended, 0);
    ck_assert(omc_lookup_is_done(lookup));
    problem_of(lookup);
    omc_lookup_free(lookup);
}
END_TEST

START_TEST(nobody_is_told_of_a_lookup_that_was_freed)
{
    struct omc_lookup *freed, *kept;
    int context;

    start("127.0.0.1 one.test", NULL);
    dnsmasq_pause(&dns);
    freed = begin("one.test", NULL);
    kept = begin("one.test", &context);
    omc_lookup_free(freed);
    dnsmasq_resume(&dns);
    loop_until_ended(1);
    ck_assert_ptr_eq(last_ended, &context);
    omc_lookup_free(kept);
    end_resolver();
    ck_assert_uint_eq(ended, 1);
}
END_TEST

/* What the lookups of these tests have as their context is where they are kept. */
static struct omc_lookup *pair[2];

static void free_both(void *context)
{
    struct omc_lookup **own = context;

    ck_assert(omc_lookup_is_done(*own));
    omc_lookup_free(pair[0]);
    omc_lookup_free(pair[1]);
}

START_TEST(a_lookup_may_be_freed_and_others_with_it_when_it_has_ended)
{
    on_found = free_both;
    start("127.0.0.1 one.test", NULL);
    dnsmasq_pause(&dns);
    pair[0] = begin("one.test", &pair[0]);
    pair[1] = begin("one.test", &pair[1]);
    dnsmasq_resume(&dns);
    loop_until_ended(1);
    for (int i = 0; i < 10 && omc_resolver_timeout(resolver) >= 0; i++)
        turn();
    ck_assert_uint_eq(ended, 1);
    end_resolver();
}
END_TEST

static void look_up_again(void *context)
{
    struct omc_lookup **own = context;

    if (own == &pair[0])
        pair[1] = omc_resolver_look_up(resolver, "two.test", "11211", &pair[1]);
}

START_TEST(another_lookup_may_begin_when_one_has_ended)
{
    uint32_t ttl;

    on_found = look_up_again;
    start("127.0.0.2 two.test", NULL);
    pair[0] = begin("one.test", &pair[0]); /* in vain: the next one takes a new channel */
    loop_until_ended(2);
    problem_of(pair[0]);
    ck_assert_str_eq(text_of(addresses_of(pair[1], &ttl)), "127.0.0.2:11211");
    omc_lookup_free(pair[0]);
    omc_lookup_free(pair[1]);
    end_resolver();
}
END_TEST

/* Every call of watch that there is may fail: that of the first query, that of the one
 * over TCP, and that which has something to write there. */
START_TEST(a_socket_that_cannot_be_watched_is_not_waited_for)
{
    char hosts[2048];
    size_t used = 0;
    struct omc_lookup *first, *second;

    for (int i = 1; i <= 60; i++)
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.1.%d many.test\n", i);
    start(hosts, NULL);
    for (watch_failure = 1; watch_failure <= 3; watch_failure++) {
        watch_calls = ended = 0;
        first = omc_resolver_look_up(resolver, "many.test", "11211", NULL);
        ck_assert_int_eq(omc_lookup_is_done(first), watch_failure == 1);
        if (watch_failure > 1) {
            second = begin("one.test", NULL);
            loop_until_ended(2);
            omc_lookup_free(second);
        }
        ck_assert_uint_ge(watch_calls, watch_failure);
        ck_assert_str_eq(problem_of(first), "no memory to look up the name");
        ck_assert_uint_eq(sockets(), 0);
        omc_lookup_free(first);
    }
    watch_failure = 0;
    first = look_up("many.test");
    omc_lookup_free(first);
    end_resolver();
}
END_TEST

/* The sockets of the second lookup cannot be watched, which ends the first, too: as nothing is left
 * to wait for, that is to be told at once. */
START_TEST(a_lookup_that_another_one_ends_is_told_at_once)
{
    char servers[4 * LOOPBACK_HOST_SIZE + 32];
    char host[LOOPBACK_HOST_SIZE];
    struct omc_lookup *first, *second;

    loopback_host(host);
    snprintf(servers, sizeof(servers), "%s:1,%s:2,%s:3,%s:4", host, host, host, host);
    setenv("RES_OPTIONS", "rotate", 1); /* each query has a socket of its own */
    make_resolver(servers);
    first = begin("one.test", NULL);
    watch_failure = watch_calls + 1;
    second = omc_resolver_look_up(resolver, "two.test", "11211", NULL);
    ck_assert(omc_lookup_is_done(second));
    ck_assert_str_eq(problem_of(second), "no memory to look up the name");
    ck_assert(!omc_lookup_is_done(first));
    ck_assert_int_eq(omc_resolver_timeout(resolver), 0);
    omc_resolver_process(resolver, -1, 0);
    ck_assert_uint_eq(ended, 1);
    ck_assert_str_eq(problem_of(first), "no memory to look up the name");
    ck_assert_int_eq(omc_resolver_timeout(resolver), -1);
    omc_lookup_free(first);
    omc_lookup_free(second);
    end_resolver();
}
END_TEST

START_TEST(nobody_there_is_found_out)
{
    char address[32];

    snprintf(address, sizeof(address), "%s:%d", loopback_host((char[LOOPBACK_HOST_SIZE]){0}), 1);
    make_resolver(address);
    assert_problem("one.test", "no DNS server gave an answer");
    assert_problem("one.test", "no DNS server gave an answer");
    end_resolver();
}
END_TEST

START_TEST(the_next_server_is_asked)
{
    char servers[80];

    dnsmasq_start(&dns, "127.0.0.1 one.test", NULL);
    snprintf(servers, sizeof(servers), "%s:1,%s", dns.host, dns.address);
    make_resolver(servers);
    assert_found("one.test", "127.0.0.1:11211", 0);
    end_resolver();
}
END_TEST

/* What an environment variable says stands for what resolv.conf says: both are read
 * when the channel is made. */
START_TEST(a_new_configuration_is_read_after_a_failure)
{
    start("127.0.0.1 one.test", NULL);
    setenv("LOCALDOMAIN", "wrong.test", 1);
    assert_problem("one", "no DNS server gave an answer");
    setenv("LOCALDOMAIN", "test", 1);
    assert_found("one", "127.0.0.1:11211", 0);
    setenv("LOCALDOMAIN", "wrong.test", 1);
    assert_found("one", "127.0.0.1:11211", 0);
    end_resolver();
}
END_TEST

START_TEST(a_lookup_that_was_given_up_is_a_failure_too)
{
    start("127.0.0.1 one.test", NULL);
    setenv("LOCALDOMAIN", "wrong.test", 1);
    dnsmasq_pause(&dns);
    omc_lookup_free(begin("one", NULL));
    setenv("LOCALDOMAIN", "test", 1);
    dnsmasq_resume(&dns);
    assert_found("one", "127.0.0.1:11211", 0);
    end_resolver();
}
END_TEST

START_TEST(what_is_no_host_name_fails_at_once)
{
    static const char *const names[] = {
        "",
        ".",
        "..",
        " ",
        "one test",
        "one.test ",
        ".one.test",
        "one..test",
        "one\ttest",
        "one\\.test",
        "one/test",
        "one:1",
        "caf\303\251.test",
        "one\1.test",
        "::1",
        "a123456789b123456789c123456789d123456789e123456789f123456789g123.test",
    };
    char longest[301];

    start("", NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_problem(names[i], "not a host name");
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 50; i < sizeof(longest); i += 51)
        longest[i] = '.';
    longest[300] = '\0';
    assert_problem(longest, "not a host name");
    longest[254] = '\0';
    assert_problem(longest, "not a host name");
    ck_assert_uint_eq(ended, 0);
    ck_assert_uint_eq(watch_calls, 0);
    end_resolver();
}
END_TEST

START_TEST(lists_of_dns_servers_are_read_strictly)
{
    static const char *const good[] = {
        "127.0.0.1",
        "127.0.0.1:53",
        "1.2.3.4,5.6.7.8:5353",
        "::1",
        "[::1]:53",
        "fe80::1",
        "[::1]:1,::2,9.9.9.9",
        "1.2.3.4:65535",
        "[::ffff:1.2.3.4]:53",
        "::ffff:1.2.3.4",
    };
    static const char *const bad[] = {
        "",
        ",",
        "1.2.3.4,",
        ",1.2.3.4",
        "1.2.3.4,,5.6.7.8",
        "localhost",
        "dns.example:53",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:65536",
        "1.2.3.4:99999999999999999999",
        "1.2.3.4:dns",
        "1.2.3.4:-1",
        "1.2.3.4:+5",
        "1.2.3.4: 53",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.256",
        "[::1]",
        "[::1]:",
        "[::1]:0",
        "[::1",
        "::1]",
        "::1]:53",
        "[]:53",
        ":53",
        ":",
        "[1.2.3.4]:53",
        "[::1]53",
        "[[::1]]:53",
        "::1%lo",
        "1.2.3.4;5.6.7.8",
        "1.2.3.4 5.6.7.8",
        "[::ffff:255.255.255.255.255.255.255.255.255.255.255.255.255.255.255.255.255]:53",
    };

    ck_assert(omc_resolver_check_servers(NULL));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct omc_lookup *lookup;

        ck_assert_msg(omc_resolver_check_servers(good[i]), "'%s' is good", good[i]);
        make_resolver(good[i]);
        lookup = omc_resolver_look_up(resolver, "127.0.0.1", "1", NULL); /* c-ares takes it */
        ck_assert_ptr_nonnull(omc_lookup_result(lookup, &(uint32_t){0}, &(const char *){NULL}));
        omc_lookup_free(lookup);
        end_resolver();
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!omc_resolver_check_servers(bad[i]), "'%s' is bad", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolver");
    TCase *tcase = fixture_case(suite, "resolver");

    tcase_add_checked_fixture(tcase, reset, NULL);
    tcase_add_test(tcase, there_is_a_resolver_and_it_opens_nothing_before_it_must);
    tcase_add_test(tcase, an_address_comes_with_its_port_and_its_lifetime);
    tcase_add_test(tcase, what_is_not_there_is_told_apart);
    tcase_add_test(tcase, families_take_turns_and_nothing_comes_twice);
    tcase_add_test(tcase, the_lifetime_is_that_of_the_record_that_ends_first);
    tcase_add_test(tcase, an_address_that_is_told_twice_comes_once);
    tcase_add_test(tcase, unusual_answers_of_servers_are_failures);
    tcase_add_test(tcase, localhost_needs_no_server);
    tcase_add_test(tcase, a_changed_record_is_seen);
    tcase_add_test(tcase, an_answer_too_long_for_udp_comes_over_tcp);
    tcase_add_test(tcase, many_lookups_go_on_at_once);
    tcase_add_test(tcase, a_silent_server_is_waited_for_in_the_loop_only);
    tcase_add_test(tcase, a_lookup_may_outlive_its_resolver);
    tcase_add_test(tcase, nobody_is_told_of_a_lookup_that_was_freed);
    tcase_add_test(tcase, a_lookup_may_be_freed_and_others_with_it_when_it_has_ended);
    tcase_add_test(tcase, another_lookup_may_begin_when_one_has_ended);
    tcase_add_test(tcase, a_socket_that_cannot_be_watched_is_not_waited_for);
    tcase_add_test(tcase, a_lookup_that_another_one_ends_is_told_at_once);
    tcase_add_test(tcase, nobody_there_is_found_out);
    tcase_add_test(tcase, the_next_server_is_asked);
    tcase_add_test(tcase, a_new_configuration_is_read_after_a_failure);
    tcase_add_test(tcase, a_lookup_that_was_given_up_is_a_failure_too);
    tcase_add_test(tcase, what_is_no_host_name_fails_at_once);
    tcase_add_test(tcase, lists_of_dns_servers_are_read_strictly);
    return fixture_run(suite);
}
