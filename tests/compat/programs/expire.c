/*
 * How long values live.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

#include <time.h>
#include <unistd.h>

static void run(memcached_st *memc)
{
    say(memc, "flush", memcached_flush(memc, 0));
    say(memc, "touch missing", memcached_touch(memc, "k", 1, 10));
    say(memc, "exist missing", memcached_exist(memc, "k", 1));
    say(memc, "exist missing", memcached_exist(memc, "k", 1));
    show(memc, "k");
    say(memc, "set", memcached_set(memc, "k", 1, "v", 1, 100, 5));
    say(memc, "exist", memcached_exist(memc, "k", 1));
    show(memc, "k");
    say(memc, "touch", memcached_touch(memc, "k", 1, -1));
    show(memc, "k");
    say(memc, "exist", memcached_exist(memc, "k", 1));
    say(memc, "set for ever", memcached_set(memc, "ever", 4, "v", 1, 0, 5));
    say(memc, "set long ago", memcached_set(memc, "past", 4, "v", 1, 2592001, 5));
    say(memc, "set by date", memcached_set(memc, "date", 4, "v", 1, time(NULL) + 100, 5));
    say(memc, "set for a second", memcached_set(memc, "short", 5, "v", 1, 1, 5));
    say(memc, "set to be touched", memcached_set(memc, "touched", 7, "v", 1, 1, 5));
    say(memc, "touch", memcached_touch(memc, "touched", 7, 100));
    say(memc, "flush later", memcached_flush(memc, 50));
    show(memc, "ever");
    show(memc, "past");
    show(memc, "date");
    sleep(2);
    show(memc, "short");
    show(memc, "touched");
    say(memc, "flush", memcached_flush(memc, 0));
    show(memc, "ever");
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);

    run(memc);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc);
    memcached_free(memc);
    return 0;
}
