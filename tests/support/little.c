/*
 * The commands of a memcached.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/little.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct little_item *find(struct little *memory, const char *key)
{
    for (size_t i = 0; i < LITTLE_ITEMS; i++) {
        if (strcmp(memory->items[i].key, key) == 0) {
            return &memory->items[i];
        }
    }
    return NULL;
}

static void forget(struct little_item *item)
{
    free(item->value);
    *item = (struct little_item){.value = NULL};
}

void little_clear(struct little *memory)
{
    for (size_t i = 0; i < LITTLE_ITEMS; i++) {
        forget(&memory->items[i]);
    }
}

const struct little_item *little_other(const struct little *memory, const char *key,
                                       uint32_t number)
{
    for (size_t i = 0; i < LITTLE_ITEMS; i++) {
        const struct little_item *item = &memory->items[(number + i) % LITTLE_ITEMS];
        if (item->key[0] && strcmp(item->key, key) != 0) {
            return item;
        }
    }
    return NULL;
}

static struct little_result failed(enum little_status status)
{
    return (struct little_result){.status = status};
}

/* Puts a value in place that begins with `front` and ends with `back`. */
static struct little_result put(struct little *memory, struct little_item *item,
                                const struct little_ask *ask, const void *front, size_t front_len,
                                const void *back, size_t back_len)
{
    unsigned char *value = malloc(front_len + back_len + 1);
    item = item ? item : find(memory, "");
    if (!item || !value) {
        free(value);
        return failed(LITTLE_FULL);
    }
    if (front_len > 0) {
        memcpy(value, front, front_len);
    }
    if (back_len > 0) {
        memcpy(value + front_len, back, back_len);
    }
    value[front_len + back_len] = 0;
    free(item->value);
    memcpy(item->key, ask->key, sizeof(item->key));
    item->value = value;
    item->len = front_len + back_len;
    item->cas = ++memory->cas;
    return (struct little_result){.status = LITTLE_OK, .item = item};
}

static struct little_result store(struct little *memory, struct little_item *item,
                                  const struct little_ask *ask)
{
    struct little_result result;
    bool joins = ask->verb == LITTLE_APPEND || ask->verb == LITTLE_PREPEND;
    if (ask->cas && !item) {
        return failed(LITTLE_NOT_FOUND);
    }
    if ((ask->cas && item->cas != ask->cas) || (ask->verb == LITTLE_ADD && item)) {
        return failed(LITTLE_EXISTS);
    }
    if (joins && !item) {
        return failed(LITTLE_NOT_STORED);
    }
    if (ask->verb == LITTLE_REPLACE && !item) {
        return failed(LITTLE_NOT_FOUND);
    }
    if (ask->verb == LITTLE_APPEND) {
        return put(memory, item, ask, item->value, item->len, ask->data, ask->data_len);
    }
    if (joins) {
        return put(memory, item, ask, ask->data, ask->data_len, item->value, item->len);
    }
    result = put(memory, item, ask, ask->data, ask->data_len, NULL, 0);
    if (result.status == LITTLE_OK) {
        ((struct little_item *)(uintptr_t)result.item)->flags = ask->flags;
    }
    return result;
}

static struct little_result count(struct little *memory, struct little_item *item,
                                  const struct little_ask *ask)
{
    struct little_result result;
    uint64_t number = ask->initial;
    char text[24];
    char *end = text;
    if (!item && !ask->creates) {
        return failed(LITTLE_NOT_FOUND);
    }
    if (item) {
        number = strtoull((const char *)item->value, &end, 10);
        if (item->len == 0 || *end) {
            return failed(LITTLE_NOT_A_NUMBER);
        }
        number = ask->verb == LITTLE_INCREMENT ? number + ask->delta
                 : number < ask->delta         ? 0
                                               : number - ask->delta;
    }
    snprintf(text, sizeof(text), "%" PRIu64, number);
    result = put(memory, item, ask, text, strlen(text), NULL, 0);
    result.number = number;
    return result;
}

struct little_result little_run(struct little *memory, const struct little_ask *ask)
{
    struct little_item *item = ask->key[0] ? find(memory, ask->key) : NULL;
    switch (ask->verb) {
    case LITTLE_GET:
    case LITTLE_TOUCH:
        return (struct little_result){.status = item ? LITTLE_OK : LITTLE_NOT_FOUND, .item = item};
    case LITTLE_DELETE:
        if (!item) {
            return failed(LITTLE_NOT_FOUND);
        }
        forget(item);
        return failed(LITTLE_OK);
    case LITTLE_INCREMENT:
    case LITTLE_DECREMENT:
        return count(memory, item, ask);
    case LITTLE_NOOP:
    case LITTLE_VERSION:
        return failed(LITTLE_OK);
    case LITTLE_UNKNOWN:
        return failed(LITTLE_UNKNOWN_COMMAND);
    default:
        return store(memory, item, ask);
    }
}
