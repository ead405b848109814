/*
 * Eight handles in eight threads: different handles share nothing, so that each thread gets
 * what it would get alone.  `make check-tsan` looks for memory that they share after all.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/unusable.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <syslog.h>

#define THREADS 8
#define ROUNDS 6
#define TURNS 30
#define KEYS 4

/* What a thread has.  It must not use Check: the first thing that is wrong is told to the
 * test, which does. */
struct worker {
    pthread_t thread;
    int number;
    omcache_t *mc;
    size_t lines;   /* of the log */
    size_t answers; /* to the response callback */
    size_t begun;   /* operations, */
    size_t ended;   /* those with the outcome that they must have */
    const char *problem;
    int rc;
};

static struct worker workers[THREADS];
static int protocol;
static const char *nobodys_address;

#define EXPECT(worker, got, expected)                         \
    do {                                                      \
        int rc_ = (got);                                      \
        if (rc_ != (expected) && (worker)->problem == NULL) { \
            (worker)->problem = #got;                         \
            (worker)->rc = rc_;                               \
        }                                                     \
    } while (0)

static void on_log(void *context, int level, const char *text)
{
    struct worker *worker = context;
    (void)level;
    worker->lines += text[0] != 0;
}

static void on_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    struct worker *worker = context;
    (void)value;
    worker->answers += mc == worker->mc;
}

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct worker *worker = context;
    (void)mc;
    EXPECT(worker, omcache_reply_status(reply), OMCACHE_OK);
    worker->ended++;
}

static bool open_handle(struct worker *worker, const char *servers)
{
    static const char *const distributions[] = {"ketama", "ketama-weighted", "twemproxy", "modula"};
    omcache_t *mc = worker->mc = omcache_init();
    fixture_secure(mc);
    if (mc == NULL) {
        worker->problem = "omcache_init";
        return false;
    }
    EXPECT(worker, omcache_set_log_callback(mc, LOG_DEBUG, on_log, worker), OMCACHE_OK);
    EXPECT(worker, omcache_set_response_callback(mc, on_answer, worker), OMCACHE_OK);
    EXPECT(worker, omcache_set_protocol(mc, protocol), OMCACHE_OK);
    EXPECT(worker, omcache_set_servers(mc, servers), OMCACHE_OK);
    EXPECT(worker, omcache_set_distribution(mc, distributions[worker->number % 4], NULL),
           OMCACHE_OK);
    return true;
}

/* The classic interface: what a thread has stored is what it reads. */
static void call(struct worker *worker, int turn)
{
    char texts[KEYS][32], value[32];
    const unsigned char *keys[KEYS], *got = NULL;
    size_t lens[KEYS], len = 0, req_count = KEYS, value_count = KEYS;
    omcache_req_t reqs[KEYS];
    omcache_value_t values[KEYS];
    snprintf(value, sizeof(value), "value-%d-%d", worker->number, turn);
    for (size_t i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(texts[i], sizeof(texts[i]), "thread-%d-%zu", worker->number, i);
        keys[i] = (unsigned char *)texts[i];
        EXPECT(worker, omcache_set(worker->mc, keys[i], lens[i], TEXT(value), 0, 0, 0, -1),
               OMCACHE_OK);
    }
    EXPECT(worker, omcache_get(worker->mc, keys[0], lens[0], &got, &len, NULL, NULL, -1),
           OMCACHE_OK);
    EXPECT(worker, same_bytes(got, len, value, strlen(value)), true);
    EXPECT(
        worker,
        omcache_get_multi(worker->mc, keys, lens, KEYS, reqs, &req_count, values, &value_count, -1),
        OMCACHE_OK);
    EXPECT(worker, value_count == KEYS, true);
    for (size_t i = 0; i < value_count; i++) {
        EXPECT(worker, same_bytes(values[i].data, values[i].data_len, value, strlen(value)), true);
    }
}

/* The asynchronous one, in a loop of the thread's own. */
static void turn_loop(struct worker *worker)
{
    omcache_t *mc = worker->mc;
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        int len = snprintf(key, sizeof(key), "thread-%d-%d", worker->number, i);
        worker->begun++;
        EXPECT(worker, omcache_async_get(mc, key, (size_t)len, -1, on_reply, worker), OMCACHE_OK);
    }
    worker->begun++;
    EXPECT(worker, omcache_async_increment(mc, "counter", 7, 1, 1, 0, -1, on_reply, worker),
           OMCACHE_OK);
    while (worker->ended < worker->begun && worker->problem == NULL) {
        int count = 0;
        int msec = -1;
        struct pollfd *fds = omcache_poll_fds(mc, &count, &msec);
        poll(fds, (nfds_t)count, msec < 0 || msec > 1000 ? 1000 : msec);
        int rc = omcache_io(mc, NULL, NULL, NULL, NULL, 0);
        EXPECT(worker, rc == OMCACHE_OK || rc == OMCACHE_AGAIN, true);
    }
}

/* Servers that are not there, and names that have to be looked up. */
static void ask_in_vain(struct worker *worker)
{
    omcache_t *mc = worker->mc;
    if (!open_handle(worker, worker->number % 2 ? "localhost:1" : nobodys_address)) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        int rc = omcache_get(worker->mc, TEXT("key"), NULL, NULL, NULL, NULL, 5000);
        EXPECT(worker, rc == OMCACHE_SERVER_FAILURE || rc == OMCACHE_NO_SERVERS, true);
    }
    EXPECT(worker, omcache_strerror(OMCACHE_NO_SERVERS)[0] != 0, true);
    omcache_free(worker->mc);
    worker->mc = mc;
}

static void *work(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < ROUNDS && worker->problem == NULL; round++) {
        if (!open_handle(worker, fleet.list)) {
            break;
        }
        for (int turn = 0; turn < TURNS && worker->problem == NULL; turn++) {
            call(worker, turn);
            turn_loop(worker);
        }
        ask_in_vain(worker);
        omcache_free(worker->mc);
    }
    return NULL;
}

static void run_threads(void)
{
    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
    }
}

START_TEST(each_has_its_own)
{
    protocol = fixture_protocol();
    fixture_servers(3);
    nobodys_address = nobody();
    run_threads();
    for (int i = 0; i < THREADS; i++) {
        ck_assert_msg(workers[i].problem == NULL, "in thread %d %s gave %s", i, workers[i].problem,
                      rc_name(workers[i].rc));
        ck_assert_uint_eq(workers[i].ended, (size_t)ROUNDS * TURNS * (KEYS + 1));
        ck_assert_uint_gt(workers[i].answers, 0);
        ck_assert_uint_gt(workers[i].lines, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = fixture_case(suite, "threads");
    tcase_add_test(tcase, each_has_its_own);
    return fixture_run(suite);
}
