/*
 * Which server a key goes to, by each distribution and hash; and keys of a group.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static void print_choices(memcached_st *memc)
{
    char key[32];
    int i;

    for (i = 0; i < 200; i++) {
        int length = snprintf(key, sizeof(key), "key:%d:%d", i, i * 7919);
        const memcached_instance_st *server;
        memcached_return_t rc = MEMCACHED_SUCCESS; /* which is not set if all is well */

        key[0] = (char)(i % 4 == 0 ? '\xe4' : 'k'); /* signed bytes, too */
        server = memcached_server_by_key(memc, key, (size_t)length, &rc);
        if (rc != MEMCACHED_SUCCESS ||
            memcached_server_name(server) !=
                memcached_server_name(memcached_server_instance_by_position(
                    memc, memcached_generate_hash(memc, key, (size_t)length))))
            printf("?");
        printf("%u", memcached_generate_hash(memc, key, (size_t)length));
    }
    putchar('\n');
}

static const memcached_server_distribution_t distributions[] = {
    MEMCACHED_DISTRIBUTION_MODULA,
    MEMCACHED_DISTRIBUTION_CONSISTENT,
    MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA,
    MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY,
    MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED,
    MEMCACHED_DISTRIBUTION_VIRTUAL_BUCKET,
};

static const memcached_hash_t hashes[] = {
    MEMCACHED_HASH_DEFAULT,  MEMCACHED_HASH_MD5,      MEMCACHED_HASH_CRC,
    MEMCACHED_HASH_FNV1_64,  MEMCACHED_HASH_FNV1A_64, MEMCACHED_HASH_FNV1_32,
    MEMCACHED_HASH_FNV1A_32, MEMCACHED_HASH_MURMUR,   MEMCACHED_HASH_JENKINS,
    MEMCACHED_HASH_MURMUR3,
};

/* The servers' weights, or none. */
static memcached_server_st *make_list(int weighty)
{
    memcached_server_st *list = NULL;
    memcached_return_t rc;
    uint32_t i;

    list = memcached_server_list_append_with_weight(list, "10.0.0.9", 11211, weighty ? 7 : 0, &rc);
    for (i = 0; i < 6; i++)
        list = memcached_server_list_append_with_weight(
            list, i % 2 ? "10.0.0.10" : "server.example", (in_port_t)(11211 + i),
            weighty ? i * i : 0, &rc);
    list = memcached_server_list_append(list, "/run/a.sock", 0, &rc);
    return list;
}

static void all_kinds(void)
{
    size_t d, h, w;

    for (w = 0; w < 2; w++) {
        memcached_server_st *list = make_list((int)w);

        for (d = 0; d < sizeof(distributions) / sizeof(distributions[0]); d++) {
            for (h = 0; h < sizeof(hashes) / sizeof(hashes[0]); h++) {
                memcached_st *memc = memcached_create(NULL);

                memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, hashes[h]);
                memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION, distributions[d]);
                memcached_server_push(memc, list);
                printf("distribution %d, hash %d, weights %d: ", (int)d, (int)h, (int)w);
                print_choices(memc);
                memcached_free(memc);
            }
        }
        memcached_server_list_free(list);
    }
}

/* Settings in orders that matter. */
static void in_order(void)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_server_st *list = make_list(1), *plain = make_list(0);

    puts("pushed, then ketama");
    memcached_server_push(memc, list);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 1);
    print_choices(memc);
    puts("then md5 for keys alone");
    say(memc, "HASH", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, MEMCACHED_HASH_MD5));
    print_choices(memc);
    puts("then another server");
    memcached_server_add(memc, "late.example", 7);
    print_choices(memc);
    puts("then weighted");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    print_choices(memc);
    puts("then crc for keys");
    say(memc, "HASH", memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, MEMCACHED_HASH_CRC));
    print_choices(memc);
    puts("then sorted");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SORT_HOSTS, 1);
    print_choices(memc);
    puts("then a prefix, hashed");
    memcached_callback_set(memc, MEMCACHED_CALLBACK_PREFIX_KEY, "prefix");
    print_choices(memc);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY, 1);
    print_choices(memc);
    puts("then no ketama");
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 0);
    print_choices(memc);
    memcached_free(memc);

    puts("ketama, then pushed with weights");
    memc = memcached_create(NULL);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA, 1);
    memcached_server_push(memc, list);
    print_choices(memc);
    memcached_free(memc);
    puts("weighted, no weights, spy");
    memc = memcached_create(NULL);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    memcached_server_push(memc, plain);
    print_choices(memc);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION,
                           MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY);
    print_choices(memc);
    memcached_free(memc);
    puts("addresses in brackets");
    memc = memcached_create(NULL);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    memcached_server_list_free(plain);
    plain = memcached_servers_parse("[::1]:11212,[::1],[::2]:11211,10.0.0.1");
    memcached_server_push(memc, plain);
    print_choices(memc);
    memcached_server_add(memc, "::1", 11213);
    print_choices(memc);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION,
                           MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY);
    print_choices(memc);
    memcached_free(memc);
    memcached_server_list_free(list);
    memcached_server_list_free(plain);
}

/* Keys that are stored with their group's server are found there only. */
static void groups(const char *servers)
{
    memcached_st *memc = connect_to(servers, 0);
    const char *keys[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
    const size_t lengths[] = {2, 2, 2, 2, 2, 2, 2, 2};
    memcached_return_t rc;
    uint64_t n = 0;
    char *value;
    int i, found = 0;

    for (i = 0; i < 8; i++)
        say(memc, "set by key", memcached_set_by_key(memc, "group", 5, keys[i], 2, "1", 1, 0, 0));
    for (i = 0; i < 8; i++)
        show(memc, keys[i]);
    for (i = 0; i < 8; i++) {
        value = memcached_get_by_key(memc, "group", 5, keys[i], 2, NULL, NULL, &rc);
        printf("by key: %d %s\n", rc, value == NULL ? "(null)" : value);
        free(value);
    }
    say(memc, "mget", memcached_mget_by_key(memc, "group", 5, keys, lengths, 8));
    while ((value = memcached_fetch(memc, NULL, NULL, NULL, NULL, &rc)) != NULL) {
        found++;
        free(value);
    }
    printf("found %d\n", found);
    say(memc, "add", memcached_add_by_key(memc, "group", 5, "k0", 2, "2", 1, 0, 0));
    say(memc, "replace", memcached_replace_by_key(memc, "group", 5, "k0", 2, "2", 1, 0, 0));
    say(memc, "append", memcached_append_by_key(memc, "group", 5, "k0", 2, "3", 1, 0, 0));
    say(memc, "prepend", memcached_prepend_by_key(memc, "group", 5, "k0", 2, "1", 1, 0, 0));
    say(memc, "cas", memcached_cas_by_key(memc, "group", 5, "k0", 2, "1", 1, 0, 0, 9));
    say(memc, "increment", memcached_increment_by_key(memc, "group", 5, "k0", 2, 2, &n));
    printf("%d\n", (int)n);
    say(memc, "exist", memcached_exist_by_key(memc, "group", 5, "k0", 2));
    say(memc, "touch", memcached_touch_by_key(memc, "group", 5, "k0", 2, 100));
    say(memc, "delete", memcached_delete_by_key(memc, "group", 5, "k0", 2, 0));
    say(memc, "delete", memcached_delete_by_key(memc, "group", 5, "k0", 2, 0));
    memcached_free(memc);
}

/* A multi-get over all servers, whose answers may come in any order. */
static void over_all(const char *servers)
{
    memcached_st *memc = connect_to(servers, 0);
    char names[100][16], key[MEMCACHED_MAX_KEY];
    const char *keys[100];
    size_t lengths[100], key_length, value_length;
    int found[100] = {0};
    memcached_return_t rc;
    uint32_t flags;
    char *value;
    int i, number;

    for (i = 0; i < 100; i++) {
        lengths[i] = (size_t)snprintf(names[i], sizeof(names[i]), "n%d", i);
        keys[i] = names[i];
        if (i % 3 != 0)
            memcached_set(memc, keys[i], lengths[i], keys[i], lengths[i], 0, (uint32_t)i);
    }
    say(memc, "mget", memcached_mget(memc, keys, lengths, 100));
    while ((value = memcached_fetch(memc, key, &key_length, &value_length, &flags, &rc)) != NULL) {
        key[key_length] = '\0';
        number = atoi(key + 1);
        if (number >= 0 && number < 100 && flags == (uint32_t)number && strcmp(key, value) == 0)
            found[number]++;
        free(value);
    }
    say(memc, "end", rc);
    for (i = 0; i < 100; i++)
        printf("%d", found[i]);
    putchar('\n');
    memcached_free(memc);
}

int main(int argc, char **argv)
{
    all_kinds();
    in_order();
    groups(argv[argc - 1]);
    over_all(argv[argc - 1]);
    return 0;
}
