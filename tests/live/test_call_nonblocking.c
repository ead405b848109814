/*
 * Nothing waits with a timeout of 0: the longest time inside any call while names are
 * not answered, addresses drop packets, queues are full, peers never read or answer and
 * there is no more room to send.  The last line of the output tells it.
 *
 * Around each call are two system calls that do nothing, access("begin: CALL") and
 * access("end: CALL"); tests/live/syscalls.sh, which runs this program under strace,
 * sees by them what the library does.  TRACED=1 in the environment says that it does:
 * then calls may take any time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"
#include "support/child.h"
#include "support/dnsmasq.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/outage.h"
#include "support/unusable.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_NS (20 * 1000000LL)
#define ROUNDS_MS 300 /* of each trouble */
#define BIG ((size_t)500 * 1000)

/* Of unsent bytes for each server.  What a server that fails was to get moves to others
 * within one call, at about a millisecond for each megabyte. */
#define SEND_LIMIT (2 * BIG)

/* Of all tests, which Check runs in processes of their own. */
static struct totals {
    long long longest_ns;
    char where[128];
    long calls;
} * totals;

/* Of this one. */
static const char *trouble;
static long long longest_ns;
static char where[64];

/*
 * One call.
 */

static struct {
    const char *name;
    long long ns;
    long long queued_ns;
} now;

static long long clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* How long this thread could have run and others did.  That is not waiting: a busy
 * machine has nothing to do with what the library does. */
static long long queued_ns(void)
{
    static int fd = -1;
    char text[96] = "";
    long long ran = 0;
    long long queued = 0;
    if (fd < 0) {
        fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) <= 0 ||
        sscanf(text, "%lld %lld", &ran, &queued) != 2) {
        return 0; /* a kernel that does not tell */
    }
    return queued;
}

static void mark(const char *what)
{
    char text[64];
    snprintf(text, sizeof(text), "%s: %s", what, now.name);
    if (access(text, F_OK) == 0) {
        puts("somebody has made a file of that name");
    }
}

static void begin(const char *name)
{
    now.name = name;
    now.queued_ns = queued_ns();
    mark("begin");
    now.ns = clock_ns();
}

static void end(void)
{
    long long took = clock_ns() - now.ns;
    mark("end");
    took -= queued_ns() - now.queued_ns;
    totals->calls++;
    if (took > longest_ns) {
        longest_ns = took;
        snprintf(where, sizeof(where), "%s", now.name);
    }
    if (took > totals->longest_ns) {
        totals->longest_ns = took;
        snprintf(totals->where, sizeof(totals->where), "%s, %s", now.name, trouble);
    }
}

#define TIMED(name, call) (begin(name), (call), end())

/*
 * The log, in which a sign shows that the trouble is there.
 */

static const char *sign;
static bool sign_seen;

static void look_for_sign(void *context, int level, const char *text)
{
    (void)context;
    (void)level;
    sign_seen |= strstr(text, sign) != NULL;
}

/*
 * Troubles.  Each makes a list of servers that has it.
 */

static char list[512];
static char path[32];
static struct memcached works;
static struct memcached stopped;
static struct dnsmasq dns;
static const char *dns_servers; /* NULL: no name is looked up */

/* Sockets that are open for as long as the trouble lasts. */
static int held[16];
static size_t held_count;

static int hold(int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(held_count, sizeof(held) / sizeof(held[0]));
    return held[held_count++] = fd;
}

static void clear(void)
{
    while (held_count > 0) {
        close(held[--held_count]);
    }
    if (path[0]) {
        unlink(path);
    }
    list[0] = 0;
    path[0] = 0;
    dns_servers = NULL;
    stopped.pid = 0;
    sign_seen = false;
    longest_ns = 0;
}

static void add(const char *server)
{
    size_t used = strlen(list);
    snprintf(list + used, sizeof(list) - used, "%s%s", used ? "," : "", server);
}

static void add_hanging_name(void)
{
    struct sockaddr_storage addr;
    socklen_t len;
    char host[LOOPBACK_HOST_SIZE];
    int fd = hold(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); /* which nobody reads */
    ck_assert(loopback_sockaddr(loopback_host(host), DNSMASQ_PORT, &addr, &len));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    dns_servers = dnsmasq_address();
    add("hangs.test");
}

/* So many that they are fetched over TCP, and the last of them drops packets. */
static void add_long_name(void)
{
    char hosts[4096];
    char host[LOOPBACK_HOST_SIZE];
    char name[32];
    size_t used = 0;
    for (int i = 1; i <= 40; i++) {
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.1.%d long.test\n", i);
    }
    snprintf(hosts + used, sizeof(hosts) - used, "%s long.test", loopback_host(host));
    dnsmasq_start(&dns, hosts, NULL);
    dns_servers = dns.address;
    peer_start_unreachable(2);
    snprintf(name, sizeof(name), "long.test:%d", PEER_PORT + 2);
    add(name);
}

static void add_unreachable(void)
{
    add(peer_address(peer_start_unreachable(0)));
}

static void add_deaf(void)
{
    add(peer_address(peer_start(1, peer_deaf, NULL)));
}

static void add_refusing(void)
{
    add(nobody());
}

/* It is suspended when it has a connection. */
static void add_stopped(void)
{
    memcached_start(&stopped, FLEET_PORT + 1);
    add(stopped.address);
}

static void add_working(void)
{
    memcached_start(&works, FLEET_PORT);
    add(works.address);
}

static void add_full_socket(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int rc = 0;
    snprintf(path, sizeof(path), "/tmp/omc-full-%d.sock", (int)getpid());
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    int listener = hold(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
    ck_assert_int_eq(listen(listener, 0), 0);
    for (int i = 0; i < 8 && rc == 0; i++) {
        int fd = hold(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        rc = connect(fd, (struct sockaddr *)&name, sizeof(name));
    }
    ck_assert_msg(rc != 0 && errno == EAGAIN, "the queue is not full");
    add(path);
}

static void add_all(void)
{
    add_working();
    add_unreachable();
    add_deaf();
    add_refusing();
    add_stopped();
    add_full_socket();
}

static void add_all_and_a_name(void)
{
    add_all();
    add_hanging_name();
}

static const struct {
    const char *name;
    void (*add)(void);
    const char *sign;
    bool named;
} troubles[] = {
    {"nothing is wrong", add_working, "connected", false},
    {"packets are dropped", add_unreachable, "connect timeout", false},
    {"nobody answers", add_deaf, "no answer within the dead timeout", false},
    {"nobody reads", add_stopped, "no answer within the dead timeout", false},
    {"nobody is there", add_refusing, "Connection refused", false},
    {"a queue is full", add_full_socket, "connect timeout", false},
    {"everything is wrong", add_all, "no answer within the dead timeout", false},
    {"a name hangs", add_hanging_name, "name not found within the connect timeout", true},
    {"a name is long", add_long_name, "connect timeout", true},
    {"everything and a name is wrong", add_all_and_a_name,
     "name not found within the connect timeout", true},
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

/*
 * All calls.
 */

static unsigned char big[BIG];

static void make_client(void)
{
    TIMED("init", client = omcache_init());
    fixture_secure(client);
    ck_assert_ptr_nonnull(client);
    omcache_set_log_callback(client, 7, look_for_sign, NULL);
    omcache_set_connect_timeout(client, 60);
    omcache_set_reconnect_timeout(client, 40);
    omcache_set_dead_timeout(client, 80);
    omcache_set_send_buffer_max_size(client, SEND_LIMIT);
    TIMED("set_servers", omcache_set_servers(client, list));
    if (dns_servers) {
        TIMED("set_dns_servers", omcache_set_dns_servers(client, dns_servers));
    }
}

/* Connects to the server that is to be suspended, and does that. */
static void stop_server(void)
{
    for (int i = 0; stopped.pid && i < 7; i++) {
        omcache_server_info_t *info = omcache_server_info(client, i);
        if (info && info->port == stopped.port) {
            assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
        }
        omcache_server_info_free(client, info);
    }
    if (stopped.pid) {
        memcached_pause(&stopped);
    }
}

/* Sends until there is no more room; whether that came. */
static bool fill(void)
{
    int rc = OMCACHE_BUFFERED;
    for (int i = 0; i < 60 && rc == OMCACHE_BUFFERED; i++) {
        char key[8];
        snprintf(key, sizeof(key), "big-%d", i);
        TIMED("set of a big value", rc = omcache_set(client, TEXT(key), big, BIG, 0, 0, 0, 0));
    }
    return rc == OMCACHE_BUFFER_FULL;
}

static void call_all(void)
{
    int nfds;
    int timeout;
    for (size_t i = 0; i < CALLS - 2; i++) { /* the last two make several calls */
        TIMED(calls[i].name, calls[i].make(0));
    }
    TIMED("io", omcache_io(client, NULL, NULL, NULL, NULL, 0));
    TIMED("poll_fds", omcache_poll_fds(client, &nfds, &timeout));
    for (int i = 0; i < 7; i++) {
        TIMED("noop by number", omcache_noop(client, i, 0));
    }
    for (int i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof(key), "%d", i);
        TIMED("server_index_for_key", omcache_server_index_for_key(client, TEXT(key)));
        TIMED("set", omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, 0));
        TIMED("get", omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, 0));
    }
    TIMED("io", omcache_io(client, NULL, NULL, NULL, NULL, 0));
}

static void change_servers(int round)
{
    char other[sizeof(list) + 16];
    snprintf(other, sizeof(other), "%s,127.0.0.1:1", list);
    TIMED("set_servers", omcache_set_servers(client, round % 2 ? list : other));
    TIMED("reset_buffers", omcache_reset_buffers(client));
    if (dns_servers && round % 4 == 0) {
        TIMED("set_dns_servers", omcache_set_dns_servers(client, dns_servers));
    }
}

START_TEST(no_call_waits)
{
    int64_t begun;
    bool full = false;
    trouble = troubles[_i].name;
    sign = troubles[_i].sign;
    dnsmasq_configure_lookups();
    troubles[_i].add();
    make_client();
    stop_server();
    begun = clock_ms();
    for (int round = 0; clock_ms() - begun < ROUNDS_MS || round < 4; round++) {
        /* (A peer that takes more shows a sign of life: not where nobody answers.) */
        full |= stopped.pid && round % 8 == 0 && fill();
        call_all();
        if (round % 64 == 63) {
            change_servers(round);
        }
        clock_sleep(2);
    }
    call_all();
    TIMED("free", omcache_free(client));
    client = NULL;
    ck_assert_msg(sign_seen, "no line of the log says '%s'", sign);
    ck_assert_msg(full || !stopped.pid, "there was always room to send");
    ck_assert_msg(longest_ns < clock_allow(LIMIT_NS) || getenv("TRACED"),
                  "%s took %.3f ms while %s", where, (double)longest_ns / 1e6, trouble);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call_nonblocking");
    TCase *tcase = fixture_case(suite, "promptness");
    tcase_add_checked_fixture(tcase, NULL, clear);
    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < TROUBLES; i++) {
        if (!troubles[i].named || fixture_knows_names()) {
            tcase_add_loop_test(tcase, no_call_waits, (int)i, (int)i + 1);
        }
    }
    int status = fixture_run(suite);
    printf("the longest of %ld calls took %.3f ms: %s\n", totals->calls,
           (double)totals->longest_ns / 1e6, totals->where);
    return status;
}
