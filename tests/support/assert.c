/*
 * Assertions that say what they saw.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/assert.h"

#include <stdio.h>

const char *printable(const void *bytes, size_t len)
{
    static char texts[4][256];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    size_t used = 0;
    if (!bytes) {
        return "(NULL)";
    }
    text[0] = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        if (used + 8 > sizeof(texts[0])) {
            snprintf(text + used, sizeof(texts[0]) - used, "...");
            break;
        }
        bool plain = byte >= ' ' && byte < 127 && byte != '\\';
        used +=
            (size_t)snprintf(text + used, sizeof(texts[0]) - used, plain ? "%c" : "\\x%02x", byte);
    }
    return text;
}

const char *rc_name(int rc)
{
    static char texts[4][80];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof(texts[0]), "%s (%#x)", omcache_strerror(rc), (unsigned)rc);
    return text;
}

bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    if (a_len != b_len) {
        return false;
    }
    return a_len == 0 || (a && b && memcmp(a, b, a_len) == 0);
}
