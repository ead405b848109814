/*
 * libmemcached's choices (tests/data/key-vectors.csv), as far as the classic API
 * can express how they came about.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/ring.h"
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

/* Makes a list of "host|port|weight;..."; false if the weights are not equal. */
static bool make_list(struct omc_server_list *list, char *servers)
{
    char *entries[250], *fields[3], *weight = NULL;
    int count = cut(servers, ';', entries, 250);
    bool equal = true;

    list->names = calloc((size_t)count, sizeof(*list->names));
    list->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(cut(entries[i], '|', fields, 3), 3);
        if (strcmp(fields[2], "0") == 0)
            fields[2][0] = '1';
        list->names[i] =
            (struct omc_server_name){strdup(fields[0]), strdup(fields[1]), (uint32_t)i};
        equal = equal && (weight == NULL || strcmp(weight, fields[2]) == 0);
        weight = fields[2];
    }
    qsort(list->names, list->count, sizeof(*list->names), by_name);
    return equal;
}

/* The method that a C row asks for, or NULL if there is none in the classic API. */
static omcache_dist_t *method(char **field)
{
    const char *setup = field[2], *hash = field[3];
    bool weighted = strcmp(field[10], "1") == 0;
    bool sorted = strcmp(field[6], "0") != 0, hash_prefix = strcmp(field[7], "0") != 0;
    bool ring = strcmp(setup, "consistent") == 0 || strcmp(setup, "ketama") == 0 ||
                strcmp(setup, "ketama_weighted") == 0 || strcmp(setup, "dist_weighted") == 0;

    if (!ring || sorted || hash_prefix)
        return NULL;
    if (!weighted)
        return strcmp(hash, "default") == 0 ? &omcache_dist_libmemcached_ketama : NULL;
    if (strcmp(hash, "md5") == 0)
        return &omcache_dist_libmemcached_ketama_weighted;
    return strcmp(hash, "default") == 0 ? &omcache_dist_libmemcached_ketama_pre1010 : NULL;
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

static bool any(void *context, uint32_t server)
{
    (void)context;
    (void)server;
    return true;
}

static struct omc_server_list list;
static struct omc_ring ring;
static bool expressible;
static int matched, skipped;

static void forget_configuration(void)
{
    omc_ring_fini(&ring);
    omc_server_list_fini(&list);
    expressible = false;
}

static void configure(char *line)
{
    char *field[FIELDS_MAX];
    omcache_dist_t *dist;

    forget_configuration();
    ck_assert_int_eq(cut(line, ',', field, FIELDS_MAX), FIELDS_MAX);
    dist = method(field);
    if (!make_list(&list, field[11]) || dist == NULL)
        return;
    ck_assert(omc_ring_init(&ring, dist, &list));
    expressible = true;
}

static void compare(char *line)
{
    unsigned char key[300];
    char *field[7];
    size_t key_len;
    int index;

    ck_assert_int_eq(cut(line, ',', field, 7), 7);
    if (!expressible) {
        skipped++;
        return;
    }
    key_len = unhex(field[2], key);
    index = list.count == 1 ? 0 : omc_ring_pick(&ring, key, key_len, any, NULL);
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
    printf("vectors: %d matched, %d not expressible in the classic API\n", matched, skipped);
    ck_assert_int_gt(matched, 500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *tcase = fixture_case(suite, "vectors");

    tcase_add_test(tcase, choices_are_libmemcached_s);
    return fixture_run(suite);
}
