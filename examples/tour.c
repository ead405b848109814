/*
 * tour - a guided tour of OMcache, against memcached servers of its own
 *
 * It starts three memcached servers on a loopback address that nobody else
 * uses, spreads some thousand keys over them, kills one server, brings it back,
 * and shows after each step what that meant for the keys.  What it says about
 * keys, values and servers it has checked: the exit code is 0 if all was as it
 * should be, 1 if not, or if memcached is not installed.  It stops whatever it
 * started, also then.
 *
 * `make demo` builds and runs it.  By hand, in the top folder:
 *
 *     make
 *     cc -std=c11 -D_GNU_SOURCE -Iinclude examples/tour.c -Lbuild -lomcache -o build/tour
 *     LD_LIBRARY_PATH=build build/tour
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tour_stage.h"

#include <omcache.h>

enum {
    VICTIM = 1,      /* the server that dies and comes back */
    KEYS = 6000,     /* a multiple of BATCH */
    BATCH = 500,     /* keys in one multi-get */
    VALUE_MAX = 256, /* bytes */
    STATS_MAX = 256, /* more statistics than memcached has */
    SOON = 500,      /* ms: connect, reconnect and dead timeout */
    OUTAGE = 1600,   /* ms: how long the victim stays away: three reconnects */
};

static omcache_t *mc;
static char keys[KEYS][16];
static bool present[KEYS]; /* whether the last fetch found it */
static int home[KEYS];     /* the server of each key while all are up */
static int at_home[SERVERS];
static int its_key; /* a key of the victim's */

/* Asks server s for one of its statistics.  Each comes as a value whose key is
 * the name; they live until the next call on mc, so the text is copied. */
static void read_stat(int s, const char *name, char *text, size_t size)
{
    static omcache_value_t values[STATS_MAX];
    size_t count = STATS_MAX;
    int rc = omcache_stat(mc, NULL, values, &count, s, PATIENCE);

    check(rc == OMCACHE_OK, "statistics of server %d: %s", s, omcache_strerror(rc));
    for (size_t i = 0; i < count; i++) {
        const omcache_value_t *v = &values[i];
        if (v->key_len == strlen(name) && memcmp(v->key, name, v->key_len) == 0) {
            snprintf(text, size, "%.*s", (int)v->data_len, (const char *)v->data);
            return;
        }
    }
    check(false, "server %d does not tell its %s", s, name);
}

static int index_of(int k)
{
    return omcache_server_index_for_key(mc, (unsigned char *)keys[k], strlen(keys[k]));
}

/* Every key has a value of its own that can be told without looking it up. */
static size_t make_value(int k, unsigned char *value)
{
    size_t len = 20 + (size_t)(k % (VALUE_MAX - 20));

    for (size_t i = 0; i < len; i++)
        value[i] = (unsigned char)('a' + ((size_t)k + i) % 26);
    return len;
}

static void check_value(int k, const unsigned char *value, size_t len)
{
    unsigned char expected[VALUE_MAX];

    check(len == make_value(k, expected) && memcmp(value, expected, len) == 0,
          "%s came back with the wrong value", keys[k]);
}

/* The value stays with the library, and is good until the next call on mc. */
static int get(int k)
{
    const unsigned char *value;
    size_t len;
    int rc = omcache_get(mc, (unsigned char *)keys[k], strlen(keys[k]), &value, &len, NULL, NULL,
                         PATIENCE);

    if (rc == OMCACHE_OK)
        check_value(k, value, len);
    return rc;
}

static void count_refusal(omcache_t *client, omcache_value_t *result, void *context)
{
    (void)client;
    if (result->status != OMCACHE_OK)
        ++*(int *)context;
}

/* Stores every key that is not present.  With a timeout of 0 omcache_set does
 * not wait for an answer: the requests pile up, omcache_io sees them through, and
 * the callback hears of those that a server refuses. */
static void store_missing(void)
{
    unsigned char value[VALUE_MAX];
    int refused = 0, rc;

    omcache_set_response_callback(mc, count_refusal, &refused);
    for (int k = 0; k < KEYS; k++) {
        if (present[k])
            continue;
        rc = omcache_set(mc, (unsigned char *)keys[k], strlen(keys[k]), value, make_value(k, value),
                         0, 0, 0, 0);
        check(rc == OMCACHE_BUFFERED, "set %s: %s", keys[k], omcache_strerror(rc));
    }
    rc = omcache_io(mc, NULL, NULL, NULL, NULL, PATIENCE);
    omcache_set_response_callback(mc, NULL, NULL);
    check(rc == OMCACHE_OK, "sending the sets: %s", omcache_strerror(rc));
    check(refused == 0, "%d sets were refused", refused);
}

/* An answer names its key, as values come in the order in which servers answer. */
static void take_value(const omcache_value_t *v)
{
    char name[sizeof keys[0]];
    int k;

    snprintf(name, sizeof name, "%.*s", (int)v->key_len, (const char *)v->key);
    check(sscanf(name, "tour:%d", &k) == 1 && k >= 0 && k < KEYS && strcmp(name, keys[k]) == 0,
          "an answer for the key \"%s\", which nobody asked for", name);
    check(v->status == OMCACHE_OK, "get %s: %s", name, omcache_strerror(v->status));
    check(!present[k], "two answers for %s", name);
    check_value(k, v->data, v->data_len);
    present[k] = true;
}

/* One multi-get: the keys go to all their servers at the same time, and values
 * are taken as they come, until req_count says that the whole batch is done. */
static void fetch_batch(int first)
{
    static omcache_req_t reqs[BATCH];
    static omcache_value_t values[BATCH];
    const unsigned char *names[BATCH];
    size_t lens[BATCH], req_count = BATCH, value_count = BATCH;
    double deadline = now_ms() + PATIENCE;
    int rc;

    for (int i = 0; i < BATCH; i++) {
        names[i] = (unsigned char *)keys[first + i];
        lens[i] = strlen(keys[first + i]);
    }
    rc = omcache_get_multi(mc, names, lens, BATCH, reqs, &req_count, values, &value_count, SOON);
    for (;;) {
        check(rc == OMCACHE_OK || rc == OMCACHE_AGAIN, "multi-get: %s", omcache_strerror(rc));
        for (size_t i = 0; i < value_count; i++)
            take_value(&values[i]);
        if (req_count == 0)
            return;
        check(now_ms() < deadline, "a multi-get is not answered in %d ms", PATIENCE);
        value_count = BATCH;
        rc = omcache_io(mc, reqs, &req_count, values, &value_count, SOON);
    }
}

static void fetch_all(int expected)
{
    int hits = 0;

    memset(present, 0, sizeof present);
    for (int k = 0; k < KEYS; k += BATCH)
        fetch_batch(k);
    for (int k = 0; k < KEYS; k++)
        hits += present[k];
    check(hits == expected, "%d keys were found, and not %d", hits, expected);
}

/* ---- the steps --------------------------------------------------------- */

static void start_servers(void)
{
    begin("Start three memcached servers");
    for (int s = 0; s < SERVERS; s++)
        start_server(s);
    done();
    printf("   They listen on %s, ports %d to %d.\n", address, PORT, PORT + SERVERS - 1);
}

/* A client is a handle with a list of servers.  Nothing is connected until a
 * request needs it, and no call waits longer than its own timeout. */
static void connect_client(void)
{
    char servers[128], pid[32], version[32];

    begin("Make a client and ask each server who it is");
    snprintf(servers, sizeof servers, "%s:%d, %s:%d, %s:%d", address, PORT, address, PORT + 1,
             address, PORT + 2);
    mc = omcache_init();
    check(mc != NULL, "omcache_init: out of memory");
    check(omcache_set_servers(mc, servers) == OMCACHE_OK, "omcache_set_servers(\"%s\")", servers);
    omcache_set_connect_timeout(mc, SOON);
    omcache_set_reconnect_timeout(mc, SOON);
    omcache_set_dead_timeout(mc, SOON);
    for (int s = 0; s < SERVERS; s++) {
        read_stat(s, "pid", pid, sizeof pid);
        check(atoi(pid) == pids[s], "server %d is process %s instead of %d", s, pid, (int)pids[s]);
    }
    read_stat(0, "version", version, sizeof version);
    done();
    printf("   They are ours, memcached %s.\n", version);
}

/* Draws where the keys belong now, and compares it with what the servers say.
 * stale[s] values at server s are left over from keys that belong elsewhere. */
static void draw(const int stale[SERVERS])
{
    int count[SERVERS] = {0};
    char items[32];

    for (int k = 0; k < KEYS; k++) {
        int s = index_of(k);
        check(s >= 0 && s < SERVERS && pids[s] != 0, "%s belongs to server %d?", keys[k], s);
        count[s]++;
    }
    for (int s = 0; s < SERVERS; s++) {
        if (pids[s] == 0) {
            printf("     server %d  (dead)\n", s);
            continue;
        }
        read_stat(s, "curr_items", items, sizeof items);
        check(atoi(items) == count[s] + stale[s], "server %d holds %s keys instead of %d", s, items,
              count[s] + stale[s]);
        draw_bar(s, count[s], KEYS);
    }
}

static void store_all(void)
{
    double elapsed;

    begin("Store %d keys", KEYS);
    store_missing();
    elapsed = done();
    printf("   All sent without waiting for answers: %.0f keys a second.  The client\n"
           "   picks the server by the key alone, so every client picks the same one:\n",
           KEYS / elapsed * 1e3);
    draw((int[SERVERS]){0});
    for (int k = 0; k < KEYS; k++) {
        home[k] = index_of(k);
        at_home[home[k]]++;
        if (home[k] == VICTIM)
            its_key = k;
    }
    check(at_home[VICTIM] > 0, "no key belongs to server %d", VICTIM);
}

static void read_all(void)
{
    double elapsed;

    begin("Read them back, one by one");
    for (int k = 0; k < KEYS; k++) {
        int rc = get(k);
        check(rc == OMCACHE_OK, "get %s: %s", keys[k], omcache_strerror(rc));
    }
    elapsed = done();
    printf("   %.0f keys a second: each waits for its answer.\n", KEYS / elapsed * 1e3);

    begin("Read them back with multi-gets");
    fetch_all(KEYS);
    elapsed = done();
    printf("   %.0f keys a second: %d keys at a time, from all servers at once.\n"
           "   Every value was the right one.\n",
           KEYS / elapsed * 1e3, BATCH);
}

/* The first requests after the crash find out; then the next server of the ring
 * is in charge of the victim's keys, and of nobody else's. */
static void kill_victim(void)
{
    int failures = 0, rc;

    begin("Kill server %d and ask for one of its keys", VICTIM);
    stop_server(VICTIM);
    while ((rc = get(its_key)) == OMCACHE_SERVER_FAILURE && failures < 5)
        failures++;
    check(rc == OMCACHE_NOT_FOUND, "get %s from the next server: %s", keys[its_key],
          omcache_strerror(rc));
    done();
    printf("   %d request%s failed, then server %d was asked instead: not found.\n", failures,
           failures == 1 ? "" : "s", index_of(its_key));
    for (int k = 0; k < KEYS; k++)
        check(index_of(k) == home[k] || home[k] == VICTIM, "%s moved from server %d to %d", keys[k],
              home[k], index_of(k));
}

/* What a program does with a cache: what is not found is made and stored anew. */
static void refill(void)
{
    begin("Read all keys again, and store what is not found");
    fetch_all(KEYS - at_home[VICTIM]);
    for (int k = 0; k < KEYS; k++)
        check(present[k] == (home[k] != VICTIM), "%s was%s found", keys[k],
              present[k] ? "" : " not");
    store_missing();
    fetch_all(KEYS);
    done();
}

static void go_on_without(int moved[SERVERS])
{
    refill();
    printf("   %d keys were still there, %d had to be stored anew.  Only these moved:\n",
           KEYS - at_home[VICTIM], at_home[VICTIM]);
    draw((int[SERVERS]){0});
    for (int k = 0; k < KEYS; k++)
        moved[index_of(k)] += home[k] == VICTIM;
}

/* Now and then the library tries the dead server, and nobody waits for that. */
static void live_without(void)
{
    double slowest = 0;
    int gets = 0;

    begin("Keep reading while the server is away");
    for (int k = 0; now_ms() - step_start < OUTAGE; k = (k + 7) % KEYS) {
        double start = now_ms();
        int rc = get(k);
        if (now_ms() - start > slowest)
            slowest = now_ms() - start;
        check(rc == OMCACHE_OK, "get %s: %s", keys[k], omcache_strerror(rc));
        gets++;
        nap(1);
    }
    done();
    printf("   %d requests, no failure, the slowest took %.1f ms, although the library\n"
           "   looks every %d ms whether server %d is back.\n",
           gets, slowest, SOON, VICTIM);
}

static void bring_back(const int moved[SERVERS])
{
    int other = index_of(its_key), gets = 0, rc;

    begin("Start server %d again, and keep reading", VICTIM);
    start_server(VICTIM);
    while ((rc = get(its_key)) == OMCACHE_OK && now_ms() - step_start < PATIENCE) {
        gets++;
        nap(5);
    }
    check(rc == OMCACHE_NOT_FOUND && index_of(its_key) == VICTIM, "server %d is not used again: %s",
          VICTIM, omcache_strerror(rc));
    done();
    printf("   Server %d answered %d more requests, until the library looked again.\n", other,
           gets);

    refill();
    printf("   It came back empty; its %d keys are at home again:\n", at_home[VICTIM]);
    draw(moved);
}

int main(void)
{
    double start = now_ms();
    int moved[SERVERS] = {0};

    set_stage();
    for (int k = 0; k < KEYS; k++)
        snprintf(keys[k], sizeof keys[k], "tour:%d", k);
    printf("A tour of OMcache: one client, three memcached servers, %d keys.\n", KEYS);
    start_servers();
    connect_client();
    store_all();
    read_all();
    kill_victim();
    go_on_without(moved);
    live_without();
    bring_back(moved);
    begin("Stop the servers");
    omcache_free(mc);
    stop_servers();
    done();
    printf("\nEverything was as it should be, in %.1f seconds.\n", (now_ms() - start) / 1e3);
    return EXIT_SUCCESS;
}
