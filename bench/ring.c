/*
 * What the ring costs: building one of 1,000 servers, against computing the hashes
 * of its points and nothing else; and finding a key's server, without the key's
 * hash, on a ring of 1,000 servers against one of 10.
 *
 * `make bench` runs it, `make bench-instructions` counts its instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "omcache.h"
#include "route/distribution.h"
#include "route/hash.h"
#include "route/point.h"
#include "route/router.h"
#include "route/server_list.h"
#include "support/parts.h"

enum {
    FEW = 10,    /* servers */
    MANY = 1000, /* likewise */
    KEYS = 10000,
    LOOK_UPS = 20 * KEYS, /* in a round */
    KEY_LEN = 24,
    ENTRY_MAX = 32, /* bytes of a server in a list's text */
    NAME_ROOM = 32, /* bytes of a point's name, which is shorter than that */
};

#define BUILD_TARGET 2.5
#define LOOKUP_TARGET 1.3

/* The names of all points of a ring, one behind the other. */
struct names {
    unsigned char *text;
    size_t *ends;
    size_t count;
};

struct distribution {
    struct omc_routing routing;
    omc_ketama_key_hash_func *point_hash; /* of a point's name, which gives so many points */
    unsigned words;
    struct names names;
};

static struct omc_server_list few, many;
static struct distribution plain, weighted;
static struct omc_router few_router, many_router;
static unsigned char keys[KEYS][KEY_LEN];

static void make_list(struct omc_server_list *list, unsigned servers)
{
    char *text = calloc(servers, ENTRY_MAX), *end = text;

    bench_need(text != NULL, "memory");
    for (unsigned i = 0; i < servers; i++)
        end += snprintf(end, ENTRY_MAX, "10.20.%u.%u,", i / 250, i % 250 + 1);
    bench_need(omc_server_list_parse(list, text) == OMCACHE_OK, "reading a server list");
    free(text);
}

static void choose(struct distribution *distribution, const char *name)
{
    *distribution = (struct distribution){.words = 1};
    omc_routing_choose(&distribution->routing, omc_distribution_by_name(name), NULL);
    distribution->point_hash = distribution->routing.hash;
}

static void make_names(struct names *names, const struct omc_server_list *list, uint32_t each)
{
    struct omc_point_name name;
    size_t end = 0;

    *names = (struct names){
        .text = calloc(list->count * each, NAME_ROOM),
        .ends = calloc(list->count * each, sizeof(*names->ends)),
    };
    bench_need(names->text != NULL && names->ends != NULL, "memory");
    for (size_t i = 0; i < list->count; i++) {
        bench_need(omc_point_name_init(&name, &list->names[i], false), "memory");
        for (uint32_t number = 0; number < each; number++) {
            size_t len = omc_point_name_number(&name, number);

            memcpy(names->text + end, name.text, len);
            end += len;
            names->ends[names->count++] = end;
        }
        omc_point_name_fini(&name);
    }
}

static void make_keys(void)
{
    uint32_t random = 1;

    for (size_t i = 0; i < KEYS; i++) {
        for (size_t j = 0; j < KEY_LEN; j++)
            keys[i][j] = (unsigned char)('!' + omc_random_next(&random) % 94);
    }
}

static void prepare(void)
{
    make_list(&few, FEW);
    make_list(&many, MANY);
    choose(&plain, "ketama");
    choose(&weighted, "ketama-weighted");
    weighted.point_hash = omc_hash_md5;
    weighted.words = OMC_POINT_MD5_WORDS;
    make_names(&plain.names, &many, OMC_POINT_COUNT);
    make_names(&weighted.names, &many, omc_point_share(1, MANY, MANY));
    bench_need(omc_router_init(&few_router, &plain.routing, &few), "memory");
    bench_need(omc_router_init(&many_router, &plain.routing, &many), "memory");
    make_keys();
}

static void clean_up(void)
{
    omc_router_fini(&few_router);
    omc_router_fini(&many_router);
    free(plain.names.text);
    free(plain.names.ends);
    free(weighted.names.text);
    free(weighted.names.ends);
    omc_server_list_fini(&few);
    omc_server_list_fini(&many);
}

static void hash_names(void *context)
{
    const struct distribution *of = context;
    const struct names *names = &of->names;
    size_t start = 0;
    uint32_t sum = 0;

    for (size_t i = 0; i < names->count; i++) {
        sum += of->point_hash(names->text + start, names->ends[i] - start);
        start = names->ends[i];
    }
    bench_sink = sum;
}

static void build(void *context)
{
    const struct distribution *of = context;
    struct omc_router router;

    bench_need(omc_router_init(&router, &of->routing, &many), "memory");
    bench_need(router.ring.count == of->names.count * of->words, "a point for each name's hash");
    omc_router_fini(&router);
}

static void hash_keys(void *context)
{
    const struct distribution *of = context;
    uint32_t sum = 0;

    for (size_t i = 0; i < LOOK_UPS; i++)
        sum += omc_key_hash(&of->routing.keys, of->routing.hash, keys[i % KEYS], KEY_LEN);
    bench_sink = sum;
}

static void look_up(void *context)
{
    const struct omc_router *router = context;
    uint32_t sum = 0, random = 1;

    for (size_t i = 0; i < LOOK_UPS; i++) {
        const unsigned char *key = keys[i % KEYS];

        sum += (uint32_t)omc_router_pick(router, &plain.routing.keys, key, KEY_LEN, &random, NULL);
    }
    bench_sink = sum;
}

/* The parts' places below. */
enum {
    HASH_PLAIN,
    BUILD_PLAIN,
    HASH_WEIGHTED,
    BUILD_WEIGHTED,
    HASH_KEYS,
    LOOK_UP_FEW,
    LOOK_UP_MANY,
    PARTS,
    SYSCALLS = 1u << BENCH_SYSCALLS, /* there are none */
};

static const struct bench_part parts[PARTS] = {
    [HASH_PLAIN] = {"hash-plain", hash_names, &plain, SYSCALLS},
    [BUILD_PLAIN] = {"build-plain", build, &plain, SYSCALLS},
    [HASH_WEIGHTED] = {"hash-weighted", hash_names, &weighted, SYSCALLS},
    [BUILD_WEIGHTED] = {"build-weighted", build, &weighted, SYSCALLS},
    [HASH_KEYS] = {"hash-keys", hash_keys, &plain, SYSCALLS},
    [LOOK_UP_FEW] = {"look-up-few", look_up, &few_router, SYSCALLS},
    [LOOK_UP_MANY] = {"look-up-many", look_up, &many_router, SYSCALLS},
};

static void print_ratio(double above, double below, double target)
{
    printf("%8.2f   (at most %.1f: %s)\n", above / below, target,
           bench_verdict(above / below, target));
}

static void report_building(const char *title, const struct distribution *distribution, double hash,
                            double all, const char *unit)
{
    double points = (double)(distribution->names.count * distribution->words);

    if (isnan(hash) || isnan(all))
        return;
    printf("\n%s, %d servers, %.0f points, %s per point\n", title, MANY, points, unit);
    printf("  hashes alone  %12.2f\n", hash / points);
    printf("  whole ring    %12.2f\n", all / points);
    printf("  ratio         ");
    print_ratio(all, hash, BUILD_TARGET);
}

static void report_looking_up(double hash, double few_all, double many_all, const char *unit)
{
    double at_few = few_all - hash, at_many = many_all - hash;

    if (isnan(at_few) || isnan(at_many))
        return;
    printf("\nLooking up %d keys of %d bytes with ketama, %s per key\n", KEYS, KEY_LEN, unit);
    printf("  hash alone    %12.2f\n", hash / LOOK_UPS);
    printf("  %4d servers  %12.2f beyond that\n", FEW, at_few / LOOK_UPS);
    printf("  %4d servers  %12.2f beyond that\n", MANY, at_many / LOOK_UPS);
    printf("  ratio         ");
    print_ratio(at_many, at_few, LOOKUP_TARGET);
}

static void report(const double *figures, enum bench_measure measure)
{
    const char *unit = bench_unit(measure);

    if (measure == BENCH_WALL) /* nothing waits here: it is the CPU time again */
        return;
    report_building("Building ketama", &plain, figures[HASH_PLAIN], figures[BUILD_PLAIN], unit);
    report_building("Building ketama-weighted", &weighted, figures[HASH_WEIGHTED],
                    figures[BUILD_WEIGHTED], unit);
    report_looking_up(figures[HASH_KEYS], figures[LOOK_UP_FEW], figures[LOOK_UP_MANY], unit);
}

int main(int argc, char **argv)
{
    const struct bench bench = {parts, PARTS, report};
    int code;

    prepare();
    code = bench_main(&bench, argc, argv);
    clean_up();
    return code;
}
