/*
 * What the protocols cost: waiting gets and sets, and gets of 100 keys at once, over
 * meta and text against the same over binary.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "omcache.h"
#include "support/parts.h"
#include "support/server.h"

enum {
    TIMES = 500, /* a waiting call is made in a round */
    KEYS = 100,  /* in a multi-get, of which there are TIMES / KEYS */
    KEY_LEN = 24,
    VALUE_LEN = 100,
    PROTOCOLS = 3,
};

#define WAITING_TARGET 1.25
#define MULTI_TARGET 1.5

static const int protocols[PROTOCOLS] = {OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_META,
                                         OMCACHE_PROTOCOL_TEXT};
static omcache_t *clients[PROTOCOLS];
static unsigned char keys[KEYS][KEY_LEN + 1];
static const unsigned char *key_pointers[KEYS];
static size_t key_lens[KEYS];
static unsigned char value[VALUE_LEN];

static void set(omcache_t *mc, const unsigned char *key)
{
    bench_need(omcache_set(mc, key, KEY_LEN, value, VALUE_LEN, 0, 0, 0, -1) == OMCACHE_OK, "a set");
}

static void prepare(const char *address)
{
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < KEYS; i++) {
        snprintf((char *)keys[i], sizeof(keys[i]), "a-key-of-some-length-%03d", i);
        key_pointers[i] = keys[i];
        key_lens[i] = KEY_LEN;
    }
    for (int i = 0; i < PROTOCOLS; i++) {
        clients[i] = omcache_init();
        bench_need(clients[i] != NULL, "a client");
        omcache_set_protocol(clients[i], protocols[i]);
        bench_need(omcache_set_servers(clients[i], address) == OMCACHE_OK, "a server");
        for (int key = 0; key < KEYS; key++)
            set(clients[i], keys[key]);
    }
}

static void get_one_by_one(omcache_t *mc)
{
    for (int i = 0; i < TIMES; i++) {
        const unsigned char *got;
        size_t len;

        bench_need(omcache_get(mc, keys[i % KEYS], KEY_LEN, &got, &len, NULL, NULL, -1) ==
                           OMCACHE_OK &&
                       len == VALUE_LEN,
                   "a get");
    }
}

static void set_one_by_one(omcache_t *mc)
{
    for (int i = 0; i < TIMES; i++)
        set(mc, keys[i % KEYS]);
}

static void get_together(omcache_t *mc)
{
    static omcache_req_t reqs[KEYS];
    static omcache_value_t values[KEYS];

    for (int i = 0; i < TIMES / KEYS; i++) {
        size_t count = KEYS, room = KEYS;

        bench_need(omcache_get_multi(mc, key_pointers, key_lens, KEYS, reqs, &count, values, &room,
                                     -1) == OMCACHE_OK &&
                       room == KEYS,
                   "a multi-get");
    }
}

/* A function for each part, as parts have no arguments. */
#define PART(work, protocol, number)    \
    static void work##_##protocol(void) \
    {                                   \
        work(clients[number]);          \
    }
#define PARTS_OF(work)    \
    PART(work, binary, 0) \
    PART(work, meta, 1)   \
    PART(work, text, 2)

PARTS_OF(get_one_by_one)
PARTS_OF(set_one_by_one)
PARTS_OF(get_together)

static const struct bench_part parts[] = {
    {"get-binary", get_one_by_one_binary}, {"get-meta", get_one_by_one_meta},
    {"get-text", get_one_by_one_text},     {"set-binary", set_one_by_one_binary},
    {"set-meta", set_one_by_one_meta},     {"set-text", set_one_by_one_text},
    {"multi-binary", get_together_binary}, {"multi-meta", get_together_meta},
    {"multi-text", get_together_text},
};

static void report_three(const char *what, const double *figures, double target, const char *unit)
{
    printf("\n%s, %s\n", what, unit);
    printf("  binary        %12.2f\n", figures[0] / TIMES);
    printf("  meta          %12.2f\n", figures[1] / TIMES);
    printf("  text          %12.2f\n", figures[2] / TIMES);
    printf("  meta / binary %12.2f   (at most %.2f: %s)\n", figures[1] / figures[0], target,
           figures[1] <= target * figures[0] ? "reached" : "MISSED");
}

static void report(const double *figures, const char *unit)
{
    report_three("Waiting gets, each", figures, WAITING_TARGET, unit);
    report_three("Waiting sets, each", figures + 3, WAITING_TARGET, unit);
    report_three("Gets of 100 keys, each key", figures + 6, MULTI_TARGET, unit);
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, sizeof(parts) / sizeof(parts[0]), report};
    int code;

    prepare(bench_server_start());
    code = bench_main(&bench, argc, argv);
    for (int i = 0; i < PROTOCOLS; i++)
        omcache_free(clients[i]);
    bench_server_stop();
    return code;
}
