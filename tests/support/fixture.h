/*
 * What a live test stands on: a fleet of memcached servers, a client for it, and
 * a teardown that leaves nothing behind, however the test ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include "support/assert.h"
#include "support/certificates.h"
#include "support/clock.h"
#include "support/memcached.h"

#include <check.h>
#include <omcache.h>

/* The running test's servers, its client and the timeout to pass to it. */
extern struct fleet fleet;
extern omcache_t *client;
extern int32_t patience;

/* Loop tests over these variants have 1 and 3 servers, with and without limit. */
#define VARIANTS 4
void fixture_variant(int variant);

/* Loop tests over these have 1 and 3 servers, waiting without limit. */
#define SIZES 2
void fixture_size(int size);

/* Starts `count` servers and a client for them. */
void fixture_servers(size_t count);

/* The protocol of clients: that of the environment variable PROTOCOL (auto, binary,
 * meta or text; tls: auto over TLS), or OMCACHE_PROTOCOL_BINARY without one, and with scripted
 * peers, who speak that. */
int fixture_protocol(void);

/* For tests that try every byte: the one to be tried next.  Valgrind makes them slow, and there it
 * is any control character, but not any other. */
int fixture_next_byte(int byte);

/* For tests of what only the binary protocol has: they end here over the others. */
#define ONLY_BINARY                                          \
    do {                                                     \
        if (fixture_protocol() != OMCACHE_PROTOCOL_BINARY) { \
            return;                                          \
        }                                                    \
    } while (0)

/* The same for tests of what is otherwise over TLS: of unix sockets, which memcached does not take
 * it for, of what is allocated, and of servers that connect and then keep silent. */
#define NOT_OVER_TLS                     \
    do {                                 \
        if (certificates_are_wanted()) { \
            return;                      \
        }                                \
    } while (0)

/* The same for tests of what text cannot express. */
#define NOT_OVER_TEXT                                      \
    do {                                                   \
        if (fixture_protocol() == OMCACHE_PROTOCOL_TEXT) { \
            return;                                        \
        }                                                  \
    } while (0)

/* How many no-ops of the library's own are answered behind gets that are not waited for
 * from so many servers: text has none. */
size_t fixture_fences(size_t servers);

/* A client for any servers; it is freed at the end of the test. */
omcache_t *fixture_client(const char *servers);

/* Has a client that the test has made itself speak TLS, where all do. */
void fixture_secure(omcache_t *mc);

/* The same, where memory may lack: OMCACHE_OK or OMCACHE_NO_MEMORY. */
int fixture_try_secure(omcache_t *mc);

/* Has scripted peers that start from now on speak TLS, where clients do. */
void fixture_secure_peers(void);

/* Whether the library can look up names: not if it was built without c-ares. */
bool fixture_knows_names(void);

/* The test has freed this client itself. */
void fixture_forget(const omcache_t *mc);

/* Ends a process that the test has forked, at once.  What `make coverage` has counted in it
 * counts. */
_Noreturn void fixture_end_fork(int status);

/* A key that no test has used before and that belongs to this server of `client`;
 * a static string, one of the last 64. */
const char *key_for(size_t server);

/* Stores in and reads from `client`, with `patience`, and asserts the outcome. */
void store(const char *key, const char *value);
void assert_stored(const char *key, const char *value);
void assert_missing(const char *key);

/* An expiration that has passed. */
time_t long_ago(void);

/* omcache_io without requests and without limit; asserts OMCACHE_OK. */
void drain(omcache_t *mc);

/* A test that runs on every variant, once for a key of each server. */
#define KEY_TEST(name)                                            \
    static void name##_at(const char *key, int server);           \
    START_TEST(name)                                              \
    {                                                             \
        fixture_variant(_i);                                      \
        for (size_t server = 0; server < fleet.count; server++) { \
            name##_at(key_for(server), (int)server);              \
        }                                                         \
    }                                                             \
    END_TEST                                                      \
    static void name##_at(const char *key, int server)

/* A test case whose tests are cleaned up after. */
TCase *fixture_case(Suite *suite, const char *name);

/* Runs the suite and frees it; what main returns. */
int fixture_run(Suite *suite);

#endif
