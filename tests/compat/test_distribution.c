/*
 * The same random servers and keys for us and for libmemcached: each of our
 * distributions chooses as its does.  SEED in the environment gives other ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "support/fixture.h"

enum {
    SERVERS_MAX = 100, /* Debian's libmemcached aborts above that */
    HOST_MAX = 1024,
    KEY_MAX = 250,
    PREFIX_MAX = 127, /* libmemcached's */
    LISTS = 10,       /* for each mode and hash */
    KEYS = 300,       /* for each list */
    COMPARISONS = 200000,
    REPORTS = 3, /* of differences, in each test */
};

#define NOTHING                        \
    {                                  \
        MEMCACHED_BEHAVIOR_NO_BLOCK, 0 \
    }

/* What makes libmemcached do the same; between these two goes the hash. */
static const struct mode {
    const char *name;
    struct setting {
        memcached_behavior_t behavior;
        uint64_t value;
    } before, after;
    bool by_weight;
} modes[] = {
    {"ketama", NOTHING, {MEMCACHED_BEHAVIOR_KETAMA, 1}, false},
    {"ketama-weighted", {MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1}, NOTHING, true},
    {"ketama-pre1010",
     {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED},
     NOTHING,
     true},
    {"ketama-spy",
     {MEMCACHED_BEHAVIOR_KETAMA, 1},
     {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY},
     false},
    {"ketama-spy-weighted",
     {MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1},
     {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY},
     true},
    {"modula", NOTHING, {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_MODULA}, false},
    {"virtual-bucket",
     NOTHING,
     {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_VIRTUAL_BUCKET},
     false},
};
#define MODES ((int)(sizeof(modes) / sizeof(modes[0])))
#define WEIGHTED (&modes[1])

static const struct hash {
    const char *name; /* NULL: the mode's own */
    memcached_hash_t number;
} hashes[] = {
    {NULL, MEMCACHED_HASH_CUSTOM},       {"one-at-a-time", MEMCACHED_HASH_DEFAULT},
    {"md5", MEMCACHED_HASH_MD5},         {"crc", MEMCACHED_HASH_CRC},
    {"fnv1_32", MEMCACHED_HASH_FNV1_32}, {"fnv1a_32", MEMCACHED_HASH_FNV1A_32},
    {"fnv1_64", MEMCACHED_HASH_FNV1_64}, {"fnv1a_64", MEMCACHED_HASH_FNV1A_64},
    {"murmur", MEMCACHED_HASH_MURMUR},   {"murmur3", MEMCACHED_HASH_MURMUR3},
    {"jenkins", MEMCACHED_HASH_JENKINS}, {"hsieh", MEMCACHED_HASH_HSIEH},
};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

/* Of all tests, which Check runs in processes of their own. */
static struct totals {
    long made;
    long different;
} * totals;

static struct server {
    char host[HOST_MAX + 1];
    unsigned port;
    uint32_t weight;
} servers[SERVERS_MAX];
static uint32_t count;
static char list[SERVERS_MAX * (HOST_MAX + 32)]; /* the servers as we take them */
static uint32_t places[SERVERS_MAX];             /* in it, of our sorted indexes */

static char prefix[PREFIX_MAX + 1];
static bool prefix_hashed;

/*
 * Chance: Vigna's splitmix64.
 */

static uint64_t seed, chance;

static uint32_t number(void)
{
    uint64_t mixed = chance += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(mixed >> 32);
}

static uint32_t below(uint32_t bound)
{
    return (uint32_t)((uint64_t)number() * bound >> 32);
}

static bool one_in(uint32_t times)
{
    return below(times) == 0;
}

/* Of any number of bits. */
static uint32_t any_weight(void)
{
    return number() >> below(32);
}

static char printable_char(void)
{
    return (char)('!' + below('~' - '!' + 1));
}

static void make_name(char *host)
{
    static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    uint32_t len = 1 + below(one_in(20) ? HOST_MAX : 40);
    bool strange = one_in(4);

    for (uint32_t i = 0; i < len; i++) {
        host[i] = usual[below(sizeof(usual) - 1)];
        if (strange && one_in(3))
            host[i] = (char)(0x80 + below(0x80));
    }
    host[len] = '\0';
}

/* Names come first: a library that knows none takes the rest. */
static void make_server(struct server *server)
{
    size_t room = sizeof(server->host);

    /* libmemcached makes 11211 of a port 0, except for sockets. */
    server->port = one_in(3) ? 11211 : 1 + below(65535);
    switch (fixture_knows_names() ? below(7) : 2 + below(5)) {
    case 0:
        make_name(server->host);
        break;
    case 1:
        snprintf(server->host, room, "cache-%u.example.com", below(1000));
        break;
    case 2:
        snprintf(server->host, room, "/run/%x/memcached.sock", number());
        server->port = 0;
        break;
    case 3:
        snprintf(server->host, room, one_in(4) ? "::%x" : "2001:db8:%x::1", below(0x10000));
        break;
    default:
        snprintf(server->host, room, "10.%u.%u.%u", below(256), below(256), below(256));
    }
}

/* Lists the servers as text, in one of the ways to say the same. */
static void write_list(void)
{
    FILE *text = fmemopen(list, sizeof(list), "w");

    for (uint32_t i = 0; i < count; i++) {
        const struct server *server = &servers[i];
        bool with_port = server->host[0] != '/' && (server->port != 11211 || one_in(2));
        bool brackets = strchr(server->host, ':') != NULL && (with_port || one_in(2));

        fprintf(text, brackets ? "%s[%s]" : "%s%s", i == 0 ? "" : ",", server->host);
        if (with_port)
            fprintf(text, ":%u", server->port);
        if (server->weight != 1 || one_in(4))
            fprintf(text, "/?%u", server->weight);
    }
    fclose(text);
}

static void make_servers(uint32_t how_many, bool equal)
{
    uint32_t common = one_in(2) ? 1 : any_weight();
    unsigned kind = equal ? 0 : below(4);

    count = how_many;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && one_in(50))
            servers[i] = servers[below(i)];
        else
            make_server(&servers[i]);
        if (kind == 0)
            servers[i].weight = common;
        else if (kind == 1)
            servers[i].weight = below(10);
        else if (kind == 2)
            servers[i].weight = one_in(3) ? any_weight() : common;
        else
            servers[i].weight = any_weight();
    }
    write_list();
}

static void make_prefix(void)
{
    size_t len = one_in(2) ? 0 : 1 + below(PREFIX_MAX);

    prefix_hashed = one_in(2);
    for (size_t i = 0; i < len; i++)
        prefix[i] = printable_char();
    prefix[len] = '\0';
}

static size_t make_key(unsigned char key[KEY_MAX])
{
    size_t len = 1 + below(one_in(2) ? KEY_MAX : 20);
    bool text = one_in(3);

    for (size_t i = 0; i < len; i++)
        key[i] = (unsigned char)(text ? (uint32_t)printable_char() : below(256));
    if (one_in(4))
        key[below((uint32_t)len)] = '\0';
    return len;
}

/*
 * The two libraries.
 */

static void set(memcached_st *theirs, memcached_behavior_t behavior, uint64_t value)
{
    ck_assert_int_eq(memcached_behavior_set(theirs, behavior, value), MEMCACHED_SUCCESS);
}

/* All at once: each time it makes its whole ring anew. */
static void push_servers(memcached_st *theirs)
{
    memcached_server_list_st all = NULL;
    memcached_return_t rc;

    for (uint32_t i = 0; i < count; i++) {
        all = memcached_server_list_append_with_weight(
            all, servers[i].host, (in_port_t)servers[i].port, servers[i].weight, &rc);
        ck_assert_int_eq(rc, MEMCACHED_SUCCESS);
    }
    ck_assert_int_eq(memcached_server_push(theirs, all), MEMCACHED_SUCCESS);
    memcached_server_list_free(all);
    for (uint32_t i = 0; i < count; i++) {
        const memcached_instance_st *server = memcached_server_instance_by_position(theirs, i);

        ck_assert_str_eq(memcached_server_name(server), servers[i].host);
        ck_assert_uint_eq(memcached_server_port(server), servers[i].port);
    }
}

/* A pushed weight over 1 has it go by weight, until KETAMA is set. */
static memcached_st *make_theirs(const struct mode *mode, const struct hash *hash)
{
    memcached_st *theirs = memcached_create(NULL);
    bool servers_first = !mode->by_weight || one_in(2);

    if (servers_first)
        push_servers(theirs);
    set(theirs, mode->before.behavior, mode->before.value);
    if (hash->name != NULL)
        set(theirs, MEMCACHED_BEHAVIOR_HASH, hash->number);
    set(theirs, mode->after.behavior, mode->after.value);
    if (!servers_first)
        push_servers(theirs);
    if (prefix[0] != '\0')
        ck_assert_int_eq(memcached_callback_set(theirs, MEMCACHED_CALLBACK_PREFIX_KEY, prefix),
                         MEMCACHED_SUCCESS);
    set(theirs, MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY, prefix_hashed);
    return theirs;
}

/* Finds the servers that our indexes mean; of equal ones the first comes first. */
static void find_places(omcache_t *ours)
{
    bool found[SERVERS_MAX] = {false};

    for (uint32_t i = 0; i < count; i++) {
        omcache_server_info_t *info = omcache_server_info(ours, (int)i);
        uint32_t place = 0;

        ck_assert_ptr_nonnull(info);
        while (place < count && (found[place] || (unsigned)info->port != servers[place].port ||
                                 strcmp(info->hostname, servers[place].host) != 0))
            place++;
        ck_assert_msg(place < count, "%s, port %d, is none of %s", info->hostname, info->port,
                      list);
        found[place] = true;
        places[i] = place;
        omcache_server_info_free(ours, info);
    }
    ck_assert_ptr_null(omcache_server_info(ours, (int)count));
}

static omcache_t *make_ours(const char *mode, const char *hash)
{
    omcache_t *ours = omcache_init();
    bool servers_first = one_in(2);

    if (servers_first)
        assert_rc(omcache_set_servers(ours, list), OMCACHE_OK);
    assert_rc(omcache_set_distribution(ours, mode, hash), OMCACHE_OK);
    assert_rc(omcache_set_key_prefix(ours, prefix, strlen(prefix), prefix_hashed), OMCACHE_OK);
    if (!servers_first)
        assert_rc(omcache_set_servers(ours, list), OMCACHE_OK);
    find_places(ours);
    return ours;
}

/* All that is needed to see it again. */
static void report(const struct mode *mode, const struct hash *hash, const unsigned char *key,
                   size_t key_len)
{
    fprintf(stderr, "%s, hash %s, prefix '%s'%s, SEED=%llu\nservers ", mode->name,
            hash->name == NULL ? "NULL" : hash->name, prefix, prefix_hashed ? " hashed" : "",
            (unsigned long long)seed);
    for (const char *c = list; *c != '\0'; c++)
        fprintf(stderr, *c < ' ' || *c > '~' ? "\\x%02x" : "%c", (unsigned char)*c);
    fprintf(stderr, "\nkey ");
    for (size_t i = 0; i < key_len; i++)
        fprintf(stderr, "%02x", key[i]);
}

/* libmemcached's choice: both functions that tell it are asked. */
static uint32_t ask_theirs(memcached_st *theirs, const char *key, size_t key_len)
{
    uint32_t place = memcached_generate_hash(theirs, key, key_len);
    memcached_return_t rc;

    ck_assert_ptr_eq(memcached_server_by_key(theirs, key, key_len, &rc),
                     memcached_server_instance_by_position(theirs, place));
    return place;
}

/* Asks both for random keys' servers; returns how often they differ. */
static int compare(const struct mode *mode, const struct hash *hash)
{
    memcached_st *theirs = make_theirs(mode, hash);
    omcache_t *ours = make_ours(mode->name, hash->name);
    unsigned char key[KEY_MAX];
    static int reports;
    int different = 0;

    for (int i = 0; i < KEYS; i++) {
        size_t len = make_key(key);
        uint32_t expected = ask_theirs(theirs, (const char *)key, len);
        int index = omcache_server_index_for_key(ours, key, len);
        int place = index >= 0 && (uint32_t)index < count ? (int)places[index] : -1;

        if (place == (int)expected)
            continue;
        different++;
        if (reports++ < REPORTS) {
            report(mode, hash, key, len);
            fprintf(stderr, "\nof these, from 0, we take %d, libmemcached %u\n", place, expected);
        }
    }
    totals->made += KEYS;
    totals->different += different;
    omcache_free(ours);
    memcached_free(theirs);
    return different;
}

/* A library may be built without some of the hashes, as Debian's is without hsieh. */
static bool is_offered(const struct hash *hash)
{
    memcached_st *theirs = memcached_create(NULL);
    bool offered = hash->name == NULL || memcached_behavior_set(theirs, MEMCACHED_BEHAVIOR_HASH,
                                                                hash->number) == MEMCACHED_SUCCESS;

    memcached_free(theirs);
    return offered;
}

START_TEST(all_modes_and_hashes_choose_alike)
{
    const struct mode *mode = &modes[_i];
    int different = 0, keys = 0;

    chance = seed + (uint64_t)_i;
    for (size_t i = 0; i < HASHES; i++) {
        if (!is_offered(&hashes[i]))
            continue;
        for (int repeat = 0; repeat < LISTS; repeat++) {
            make_servers(1 + below(one_in(2) ? SERVERS_MAX : 8), false);
            make_prefix();
            different += compare(mode, &hashes[i]);
            keys += KEYS;
        }
    }
    ck_assert_int_ge(keys, COMPARISONS / MODES);
    ck_assert_msg(different == 0, "%s: %d of %d keys go elsewhere", mode->name, different, keys);
}
END_TEST

/* Rounding costs servers of equal weight a few points for some counts only. */
START_TEST(equal_weights_choose_alike_for_each_count)
{
    int different = 0;

    chance = seed;
    prefix[0] = '\0';
    for (uint32_t n = 1; n <= SERVERS_MAX; n++) {
        make_servers(n, true);
        different += compare(WEIGHTED, &hashes[0]);
    }
    ck_assert_int_eq(different, 0);
}
END_TEST

/* Nothing to compare here: libmemcached's is another each time, too. */
START_TEST(random_uses_all_servers)
{
    int uses[20] = {0};
    omcache_t *ours;

    chance = seed;
    prefix[0] = '\0';
    make_servers(20, false);
    ours = make_ours("random", NULL);
    for (int i = 0; i < 2000; i++) {
        int index = omcache_server_index_for_key(ours, TEXT("key"));

        ck_assert(index >= 0 && index < 20);
        uses[index]++;
    }
    omcache_free(ours);
    for (int i = 0; i < 20; i++)
        ck_assert_msg(uses[i] > 0, "server %d is never used", i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compat distribution");
    TCase *tcase = fixture_case(suite, "distribution");
    const char *given = getenv("SEED");
    int rc;

    seed = given == NULL ? 1 : strtoull(given, NULL, 0);
    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED)
        return EXIT_FAILURE;
    tcase_add_loop_test(tcase, all_modes_and_hashes_choose_alike, 0, MODES);
    tcase_add_test(tcase, equal_weights_choose_alike_for_each_count);
    tcase_add_test(tcase, random_uses_all_servers);
    rc = fixture_run(suite);
    printf("libmemcached: %ld comparisons, %ld different\n", totals->made, totals->different);
    return rc;
}
