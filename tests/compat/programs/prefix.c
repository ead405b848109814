/*
 * Keys with a prefix.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void set_prefix(memcached_st *memc, const char *prefix)
{
    memcached_return_t rc;
    const char *now;

    printf("prefix %.20s: %d, ", prefix == NULL ? "(null)" : prefix,
           memcached_callback_set(memc, MEMCACHED_CALLBACK_PREFIX_KEY, prefix));
    now = (const char *)memcached_callback_get(memc, MEMCACHED_CALLBACK_PREFIX_KEY, &rc);
    printf("now %.20s, %d\n", now == NULL ? "(null)" : now, rc);
}

static void fetch_two(memcached_st *memc)
{
    const char *keys[] = {"one", "two"};
    const size_t lengths[] = {3, 3};
    char key[MEMCACHED_MAX_KEY];
    size_t key_length, length;
    memcached_return_t rc;
    uint32_t flags;
    char *value;

    say(memc, "mget", memcached_mget(memc, keys, lengths, 2));
    while ((value = memcached_fetch(memc, key, &key_length, &length, &flags, &rc)) != NULL) {
        printf("%.*s (%zu) = %s\n", (int)key_length, key, key_length, value);
        free(value);
    }
    say(memc, "end", rc);
}

static void run(memcached_st *memc)
{
    char longest[300];
    uint64_t n;

    set_prefix(memc, NULL);
    say(memc, "flush", memcached_flush(memc, 0));
    say(memc, "set", memcached_set(memc, "one", 3, "bare", 4, 0, 0));
    set_prefix(memc, "pre:");
    show(memc, "one");
    say(memc, "set", memcached_set(memc, "one", 3, "1", 1, 0, 0));
    say(memc, "set", memcached_set(memc, "two", 3, "2", 1, 0, 0));
    show(memc, "one");
    fetch_two(memc);
    say(memc, "increment", memcached_increment(memc, "one", 3, 4, &n));
    say(memc, "touch", memcached_touch(memc, "one", 3, 100));
    say(memc, "exist", memcached_exist(memc, "one", 3));
    say(memc, "delete", memcached_delete(memc, "two", 3, 0));
    set_prefix(memc, NULL);
    show(memc, "pre:one");
    show(memc, "pre:two");
    show(memc, "one");
    set_prefix(memc, "");
    set_prefix(memc, "with blank");
    set_prefix(memc, "with\ncontrol");
    memset(longest, 'p', sizeof(longest));
    longest[127] = '\0';
    set_prefix(memc, longest);
    longest[127] = 'p';
    longest[128] = '\0';
    set_prefix(memc, longest);
    set_prefix(memc, "pre:");
    memset(longest, 'k', sizeof(longest));
    say(memc, "set 246", memcached_set(memc, longest, 246, "v", 1, 0, 0));
    say(memc, "set 247", memcached_set(memc, longest, 247, "v", 1, 0, 0));
    say(memc, "set 251", memcached_set(memc, longest, 251, "v", 1, 0, 0));
}

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    memcached_return_t rc;

    run(memc);
    puts("=== binary");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    run(memc);
    say(memc, "no callback", memcached_callback_set(memc, MEMCACHED_CALLBACK_MAX, NULL));
    say(memc, "user data", memcached_callback_set(memc, MEMCACHED_CALLBACK_USER_DATA, memc));
    printf("is there: %d\n",
           memcached_callback_get(memc, MEMCACHED_CALLBACK_USER_DATA, &rc) == memc);
    say(memc, "callback_get", rc);
    printf("and here: %d\n", memcached_get_user_data(memc) == memc);
    memcached_free(memc);
    return 0;
}
