/*
 * libmemcached's choices (tests/data/key-vectors.csv), as far as the API can express
 * how they came about.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/hash.h"
#include "route/router.h"
#include "route/server_list.h"
#include "support/fixture.h"

#define VECTORS "tests/data/key-vectors.csv"

enum {
    LINE_MAX_LEN = 100000,
    FIELDS_MAX = 12,
};

/* Cuts text at each separator, keeping empty fields; how many there are. */
static int cut(char *text, char separator, char **fields, int max)
{
    int count = 0;

    while (count < max) {
        char *end = strchr(text, separator);

        fields[count++] = text;
        if (end == NULL)
            break;
        *end = '\0';
        text = end + 1;
    }
    return count;
}

static int by_name(const void *left, const void *right)
{
    int order = omc_server_list_compare(left, right);
    const struct omc_server_name *a = left, *b = right;

    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* SORT_HOSTS: by host, then by port as a number. */
static int as_libmemcached_sorts(const void *left, const void *right)
{
    const struct omc_server_name *a = left, *b = right;
    int by_host = strcmp(a->host, b->host), a_port = atoi(a->port), b_port = atoi(b->port);

    return by_host != 0 ? by_host : (a_port > b_port) - (a_port < b_port);
}

/* Makes a list of "host|port|weight;...", sorted first if the caller would have had
 * to sort it. */
static void make_list(struct omc_server_list *list, char *servers, bool sort)
{
    char *entries[250], *fields[3];
    int count = cut(servers, ';', entries, 250);

    list->names = calloc((size_t)count, sizeof(*list->names));
    list->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        unsigned long weight;

        ck_assert_int_eq(cut(entries[i], '|', fields, 3), 3);
        weight = strtoul(fields[2], NULL, 10);
        list->names[i] = (struct omc_server_name){
            .host = strdup(fields[0]),
            .port = strdup(fields[1]),
            .weight = weight == 0 ? 1 : (uint32_t)weight,
        };
    }
    if (sort)
        qsort(list->names, list->count, sizeof(*list->names), as_libmemcached_sorts);
    for (uint32_t i = 0; i < list->count; i++)
        list->names[i].order = i;
    qsort(list->names, list->count, sizeof(*list->names), by_name);
}

/* Our name of what a C row sets up, or NULL if there is none.  The "weighted" flag
 * as it was in the end says which kind of ring it was. */
static const char *distribution_of(char **field)
{
    const char *setup = field[2];
    bool weighted = strcmp(field[10], "1") == 0;

    if (strcmp(field[4], "hash_last") == 0 && !weighted && strcmp(field[3], "default") != 0 &&
        (strstr(setup, "ketama") != NULL || strcmp(setup, "consistent") == 0 ||
         strcmp(setup, "spy") == 0))
        return NULL; /* points of one hash, keys of another */
    if (strcmp(setup, "modula") == 0)
        return "modula";
    if (strcmp(setup, "virtual_bucket") == 0)
        return "virtual-bucket";
    if (strncmp(setup, "spy", 3) == 0)
        return weighted ? "ketama-spy-weighted" : "ketama-spy";
    return weighted ? "ketama-weighted" : "ketama";
}

static const char *hash_of(char **field)
{
    return strcmp(field[3], "default") == 0 ? "one-at-a-time" : field[3];
}

static size_t unhex(const char *hex, unsigned char *bytes)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (unsigned char)byte;
    }
    return len;
}

static struct omc_server_list list;
static struct omc_routing routing;
static struct omc_router router;
static bool expressible;
static int matched, skipped;

static void forget_configuration(void)
{
    omc_router_fini(&router);
    omc_server_list_fini(&list);
    memset(&routing, 0, sizeof(routing));
    expressible = false;
}

static void configure(char *line)
{
    char *field[FIELDS_MAX];
    const char *distribution;

    forget_configuration();
    ck_assert_int_eq(cut(line, ',', field, FIELDS_MAX), FIELDS_MAX);
    distribution = distribution_of(field);
    make_list(&list, field[11], strcmp(field[6], "0") != 0);
    if (distribution == NULL)
        return;
    omc_routing_choose(&routing, omc_distribution_by_name(distribution),
                       omc_hash_by_name(hash_of(field)));
    routing.keys.prefix_len = unhex(field[8], routing.keys.prefix);
    routing.keys.hash_prefix = strcmp(field[7], "0") != 0;
    ck_assert(omc_router_init(&router, &routing, &list));
    expressible = true;
}

static void compare(char *line)
{
    unsigned char key[300];
    uint32_t random = 1;
    char *field[7];
    size_t key_len;
    int index;

    ck_assert_int_eq(cut(line, ',', field, 7), 7);
    if (!expressible) {
        skipped++;
        return;
    }
    key_len = unhex(field[2], key);
    index = omc_router_pick(&router, &routing.keys, key, key_len, &random, NULL);
    ck_assert_int_ge(index, 0);
    ck_assert_msg(list.names[index].order == (uint32_t)atoi(field[4]),
                  "configuration %s, key %s: server %u, libmemcached takes %s", field[1], field[2],
                  (unsigned)list.names[index].order, field[4]);
    matched++;
}

START_TEST(choices_are_libmemcached_s)
{
    char *line = malloc(LINE_MAX_LEN);
    FILE *file = fopen(VECTORS, "r");

    ck_assert_msg(file != NULL, "cannot open %s: run me from the top of the tree", VECTORS);
    while (fgets(line, LINE_MAX_LEN, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'C')
            configure(line);
        else if (line[0] == 'K')
            compare(line);
    }
    forget_configuration();
    fclose(file);
    free(line);
    printf("vectors: %d matched, %d not expressible, 0 wrong\n", matched, skipped);
    ck_assert_int_gt(matched, 2500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *tcase = fixture_case(suite, "vectors");

    tcase_add_test(tcase, choices_are_libmemcached_s);
    return fixture_run(suite);
}
