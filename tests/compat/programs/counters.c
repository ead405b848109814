/*
 * Counting, in both of libmemcached's protocols.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void tell(const memcached_st *memc, const char *what, memcached_return_t rc, uint64_t *value)
{
    printf("%s: %d %s, %llu\n", what, rc, memcached_strerror(memc, rc), (unsigned long long)*value);
    *value = 4711;
}

static void count(memcached_st *memc)
{
    uint64_t n = 4711;
    memcached_return_t rc;

    say(memc, "flush", memcached_flush(memc, 0));
    rc = memcached_increment(memc, "n", 1, 1, &n);
    tell(memc, "increment missing", rc, &n);
    rc = memcached_decrement(memc, "n", 1, 1, &n);
    tell(memc, "decrement missing", rc, &n);
    say(memc, "set", memcached_set(memc, "n", 1, "10", 2, 0, 3));
    rc = memcached_increment(memc, "n", 1, 5, &n);
    tell(memc, "increment", rc, &n);
    rc = memcached_decrement(memc, "n", 1, 7, &n);
    tell(memc, "decrement", rc, &n);
    show(memc, "n");
    rc = memcached_decrement(memc, "n", 1, 4000000000U, &n);
    tell(memc, "decrement to 0", rc, &n);
    rc = memcached_increment_by_key(memc, "group", 5, "n", 1, 123456789012345ULL, &n);
    tell(memc, "increment by key", rc, &n);
    rc = memcached_decrement_by_key(memc, "group", 5, "n", 1, 12345, &n);
    tell(memc, "decrement by key", rc, &n);
    say(memc, "set", memcached_set(memc, "n", 1, "18446744073709551615", 20, 0, 0));
    rc = memcached_increment(memc, "n", 1, 2, &n);
    tell(memc, "increment past the end", rc, &n);
    say(memc, "set", memcached_set(memc, "n", 1, "words", 5, 0, 0));
    rc = memcached_increment(memc, "n", 1, 5, &n);
    tell(memc, "increment words", rc, &n);
    rc = memcached_increment(memc, "n", 0, 5, &n);
    tell(memc, "increment nothing", rc, &n);
    say(memc, "delete", memcached_delete(memc, "n", 1, 0));

    rc = memcached_increment_with_initial(memc, "i", 1, 5, 100, 0, &n);
    tell(memc, "with initial", rc, &n);
    rc = memcached_increment_with_initial(memc, "i", 1, 5, 100, 0, &n);
    tell(memc, "and again", rc, &n);
    rc = memcached_decrement_with_initial(memc, "i", 1, 1, 100, 0, &n);
    tell(memc, "down", rc, &n);
    rc = memcached_decrement_with_initial(memc, "d", 1, 1, 100, 0, &n);
    tell(memc, "down from nothing", rc, &n);
    rc = memcached_increment_with_initial(memc, "x", 1, 1, 1, MEMCACHED_EXPIRATION_NOT_ADD, &n);
    tell(memc, "not to be added", rc, &n);
    rc = memcached_increment_with_initial_by_key(memc, "group", 5, "y", 1, 1, 1, 0, &n);
    tell(memc, "with initial by key", rc, &n);
    show(memc, "i");
    show(memc, "x");
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);

    puts("--- text");
    count(memc);
    puts("--- binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    count(memc);
    memcached_free(memc);
    return 0;
}
