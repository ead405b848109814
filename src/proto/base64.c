/*
 * Base64, three bytes to four characters and back.
 */
#include "proto/base64.h"

#include <stdint.h>

static const unsigned char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t omc_base64_encode(unsigned char *out, const unsigned char *bytes, size_t len)
{
    unsigned char *start = out;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)bytes[i] << 16;

        if (left > 1)
            bits |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            bits |= bytes[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    return (size_t)(out - start);
}

/* The six bits of a character, or 64. */
static uint32_t value_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - (uint32_t)'A';
    if (c >= 'a' && c <= 'z')
        return c - (uint32_t)'a' + 26;
    if (c >= '0' && c <= '9')
        return c - (uint32_t)'0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool omc_base64_decode(unsigned char *out, const unsigned char *text, size_t len,
                       size_t *decoded_len)
{
    unsigned char *start = out;
    size_t padding = 0;

    if (len == 0 || len % 4 != 0)
        return false;
    while (padding < 2 && text[len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < len; i += 4) {
        size_t count = i + 4 == len ? 4 - padding : 4;
        uint32_t bits = 0, all = 0;

        for (size_t k = 0; k < 4; k++) {
            uint32_t value = k < count ? value_of(text[i + k]) : 0;

            all |= value;
            bits = bits << 6 | (value & 63);
        }
        if (all > 63)
            return false;
        *out++ = (unsigned char)(bits >> 16);
        if (count > 2)
            *out++ = (unsigned char)(bits >> 8);
        if (count > 3)
            *out++ = (unsigned char)bits;
    }
    *decoded_len = (size_t)(out - start);
    return true;
}
