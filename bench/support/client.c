/*
 * The keys and values that all clients work with.
 */
#include "support/client.h"

#include <stdio.h>
#include <string.h>

const unsigned char *bench_key(size_t number, size_t value_len)
{
    static unsigned char keys[3 * BENCH_KEYS_MAX][BENCH_KEY_LEN];
    unsigned char *key = keys[number];

    /* There are values of some bytes, some KiB and some MiB. */
    for (size_t large = 1024; value_len >= large; large *= 1024)
        key += sizeof(keys[0]) * BENCH_KEYS_MAX;
    if (key[0] == '\0') {
        char text[64];

        snprintf(text, sizeof(text), "key-of-%08zu-bytes-%02zu", value_len, number);
        memcpy(key, text, BENCH_KEY_LEN);
    }
    return key;
}

const unsigned char *bench_value(void)
{
    static unsigned char value[1 << 20];

    if (value[0] == '\0')
        memset(value, 'v', sizeof(value));
    return value;
}
