/*
 * A client of memcached, whoever made it: what the work of bench/clients.c needs of it.
 * What does not go well ends the program.
 */
#ifndef BENCH_SUPPORT_CLIENT_H
#define BENCH_SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_KEY_LEN = 24, BENCH_KEYS_MAX = 100 };

/* What a client is to work with; all clients store the same under the same keys. */
struct bench_work {
    const char *servers; /* their list, with commas */
    unsigned server_count;
    size_t keys; /* at most BENCH_KEYS_MAX */
    size_t value_len;
    const unsigned char *value;
    bool buffering; /* gathers what can wait */
    bool looping;   /* is driven by an event loop */
    const char *ca; /* speaks TLS, and believes what this file has; NULL: it does not */
};

/* What it can do.  Each of these waits until all is done; NULL: it has no such thing. */
struct bench_calls {
    void *(*open)(const struct bench_work *work, int protocol);
    void (*close)(void *client);
    void (*get)(void *client, size_t key);
    void (*set)(void *client, size_t key);
    void (*get_all)(void *client);  /* all keys at once */
    void (*set_all)(void *client);  /* returns when all are answered */
    void (*send_all)(void *client); /* sets likewise, and returns when all were handed over */
    void (*get_async)(void *client, size_t count, size_t outstanding);
    unsigned (*look_up)(void *client, size_t key); /* a key's server; sends nothing */
};

struct bench_client {
    const char *name;  /* short, as parts have it */
    const char *title; /* for people */
    const struct bench_calls *calls;
    int protocol; /* as the implementation counts them */
};

/* A key of BENCH_KEY_LEN bytes, whose value has so many. */
const unsigned char *bench_key(size_t number, size_t value_len);

/* Bytes of any length up to a MiB. */
const unsigned char *bench_value(void);

extern const struct bench_client bench_floor;
extern const struct bench_client bench_libmemcached_binary, bench_libmemcached_text;
extern const struct bench_client bench_ours_binary, bench_ours_meta, bench_ours_text,
    bench_ours_auto;

#endif
