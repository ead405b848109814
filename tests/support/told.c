/*
 * Completions of operations, remembered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/told.h"

#include "support/assert.h"

#include <check.h>
#include <string.h>

#define STATUSES 0x20

size_t told_count;

static size_t statuses[STATUSES];

/* The codes are small, or a little above 0x1000, or 0xfff. */
static size_t *place_of(int status)
{
    int at = status == OMCACHE_FAIL ? STATUSES - 1
             : status >= 0x1000     ? status - 0x1000 + 8
                                    : status;
    ck_assert_msg(at >= 0 && at < STATUSES, "status %d", status);
    return &statuses[at];
}

void told_clear(void)
{
    told_count = 0;
    memset(statuses, 0, sizeof(statuses));
}

size_t told_with(int status)
{
    return *place_of(status);
}

static void keep(char *copy, const unsigned char *bytes, size_t len)
{
    size_t kept = len < TOLD_KEPT - 1 ? len : TOLD_KEPT - 1;
    if (bytes != NULL) {
        memcpy(copy, bytes, kept);
    }
    copy[kept] = 0;
}

void told_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct told *told = context;
    ck_assert_ptr_nonnull(mc);
    const unsigned char *key = omcache_reply_key(reply, &told->key_len);
    const unsigned char *value = omcache_reply_value(reply, &told->value_len);
    told->calls++;
    told->ends += key == NULL;
    told->status = omcache_reply_status(reply);
    told->server_index = omcache_reply_server_index(reply);
    told->at = clock_ms();
    keep(told->key, key, told->key_len);
    keep(told->value, value, told->value_len);
    told_count++;
    ++*place_of(told->status);
}

size_t told_once(const struct told *slots, size_t count, int status)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(slots[i].calls == 1, "operation %zu of %zu completed %zu times", i, count,
                      slots[i].calls);
        found += slots[i].status == status;
    }
    return found;
}
