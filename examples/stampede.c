/*
 * stampede - many readers of a value that is missing, and only one that makes it
 *
 * A page of a web site takes long to make, and is kept in memcached for a while.  When it is
 * missing there, everybody who wants it just then would make it.  Here READERS processes want
 * it at the same moment, twice:
 *
 *  - when the page is not there: one reader makes it, the others wait for it;
 *  - when the page is about to run out: one reader makes a new one, the others take the old
 *    one without waiting.
 *
 *     stampede [servers]         such as 127.0.0.1:11211,127.0.0.1:11212
 *
 * It exits with 0 if both times exactly one reader made the page.
 *
 * `make examples` builds it.  By hand, in the top folder:
 *
 *     make
 *     cc -std=c11 -D_GNU_SOURCE -Iinclude examples/stampede.c -Lbuild -lomcache \
 *        -o build/stampede
 *     LD_LIBRARY_PATH=build build/stampede
 *
 * What to copy: get_page().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <omcache.h>

enum {
    READERS = 50,
    MAKING = 200 * 1000, /* microseconds that it takes to make the page */
    PATIENCE = 5000,     /* ms for everything that a reader does */
    LIFE = 60,           /* s that a page is kept */
    LOG_LEVEL = 4,       /* warnings and worse */
};

/* What a reader does.  Returns how it got the page. */
static int get_page(omcache_t *mc, const char *key, const omcache_fetch_policy_t *policy)
{
    const omcache_reply_t *reply;
    int rc = omcache_fetch(mc, key, strlen(key), policy, &reply, PATIENCE);
    int fetched = rc == OMCACHE_OK ? omcache_reply_fetched(reply) : OMCACHE_FETCH_NONE;

    if (fetched == OMCACHE_FETCH_MAKE) { /* it is on us, and on nobody else */
        uint64_t token = omcache_reply_cas(reply);
        const char page[] = "the page";

        usleep(MAKING);
        rc = omcache_fetch_store(mc, key, strlen(key), page, sizeof page, 0, token, policy,
                                 PATIENCE);
    }
    if (rc != OMCACHE_OK)
        printf("%s: %s\n", key, omcache_strerror(rc));
    return rc == OMCACHE_OK ? fetched : OMCACHE_FETCH_NONE;
}

/* A reader in a process of its own. */
static void read_page(const char *servers, const char *key, const omcache_fetch_policy_t *policy)
{
    omcache_t *mc = omcache_init();
    int fetched;

    if (mc == NULL)
        _exit(OMCACHE_FETCH_NONE);
    omcache_set_log_callback(mc, LOG_LEVEL, omcache_log_stderr, "stampede: ");
    omcache_set_servers(mc, servers);
    fetched = get_page(mc, key, policy);
    omcache_free(mc);
    fflush(stdout);
    _exit(fetched);
}

/* All readers want the page now.  Whether just one of them made it. */
static int stampede(const char *when, const char *servers, const char *key,
                    const omcache_fetch_policy_t *policy)
{
    int counts[OMCACHE_FETCH_WAITED + 1] = {0}, status;

    for (int i = 0; i < READERS; i++) {
        if (fork() == 0)
            read_page(servers, key, policy);
    }
    while (wait(&status) > 0) {
        if (WIFEXITED(status) && WEXITSTATUS(status) <= OMCACHE_FETCH_WAITED)
            counts[WEXITSTATUS(status)]++;
    }
    printf("%s: %d readers, %d made the page, %d took it from the cache\n", when, READERS,
           counts[OMCACHE_FETCH_MAKE], counts[OMCACHE_FETCH_FRESH]);
    return counts[OMCACHE_FETCH_MAKE] == 1 && counts[OMCACHE_FETCH_FRESH] == READERS - 1;
}

int main(int argc, char **argv)
{
    const char *servers = argc > 1 ? argv[1] : "127.0.0.1:11211";
    omcache_fetch_policy_t policy = {
        .struct_size = sizeof policy, .ttl = LIFE, .stale = LIFE, .wait_msec = PATIENCE};
    char key[64];
    int good;

    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(key, sizeof key, "stampede-%ld", (long)getpid());
    good = stampede("not there", servers, key, &policy);
    policy.refresh = LIFE; /* what was stored a second ago is too old for that */
    sleep(1);
    good = stampede("about to run out", servers, key, &policy) && good;
    puts(good ? "each time just one reader made the page" : "that went wrong");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
