/*
 * Requests that are kept back, and those without an answer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void run(memcached_st *memc)
{
    char value[20];
    uint64_t n = 7;
    int i;

    say(memc, "flush", memcached_flush(memc, 0));
    say(memc, "BUFFER_REQUESTS",
        memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1));
    say(memc, "set", memcached_set(memc, "a", 1, "1", 1, 0, 0));
    say(memc, "add", memcached_add(memc, "b", 1, "2", 1, 0, 0));
    say(memc, "add", memcached_add(memc, "b", 1, "3", 1, 0, 0));
    say(memc, "replace", memcached_replace(memc, "none", 4, "3", 1, 0, 0));
    say(memc, "append", memcached_append(memc, "a", 1, "5", 1, 0, 0));
    say(memc, "flush_buffers", memcached_flush_buffers(memc));
    show(memc, "a");
    show(memc, "b");
    say(memc, "set", memcached_set(memc, "c", 1, "3", 1, 0, 0));
    show(memc, "c");
    say(memc, "delete", memcached_delete(memc, "c", 1, 0));
    say(memc, "flush_buffers", memcached_flush_buffers(memc));
    show(memc, "c");
    memset(value, 'v', sizeof(value));
    for (i = 0; i < 40; i++) {
        char key[16];
        memcached_return_t rc;

        snprintf(key, sizeof(key), "many%d", i);
        rc = memcached_set(memc, key, strlen(key), value, sizeof(value), 0, 0);
        if (!memcached_success(rc))
            say(memc, "many", rc);
    }
    say(memc, "flush_buffers", memcached_flush_buffers(memc));
    show(memc, "many0");
    show(memc, "many39");
    say(memc, "BUFFER_REQUESTS",
        memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 0));

    say(memc, "NOREPLY", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_NOREPLY, 1));
    say(memc, "set", memcached_set(memc, "a", 1, "1", 1, 0, 0));
    say(memc, "add", memcached_add(memc, "a", 1, "2", 1, 0, 0));
    say(memc, "replace", memcached_replace(memc, "none", 4, "3", 1, 0, 0));
    say(memc, "delete", memcached_delete(memc, "b", 1, 0));
    say(memc, "delete", memcached_delete(memc, "none", 4, 0));
    say(memc, "NOREPLY", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_NOREPLY, 0));
    show(memc, "a");
    show(memc, "b");
    show(memc, "none");
    say(memc, "increment", memcached_increment(memc, "a", 1, 1, &n));
    printf("%d\n", (int)n);
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1), *other;

    run(memc);
    puts("=== what is buffered leaves when the client does");
    other = connect_to(argv[argc - 1], 1);
    memcached_behavior_set(other, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
    say(other, "set", memcached_set(other, "last", 4, "words", 5, 0, 0));
    memcached_free(other);
    show(memc, "last");
    other = connect_to(argv[argc - 1], 1);
    memcached_behavior_set(other, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
    say(other, "set", memcached_set(other, "more", 4, "words", 5, 0, 0));
    memcached_quit(other);
    show(memc, "more");
    memcached_free(other);
    memcached_free(memc);
    return 0;
}
