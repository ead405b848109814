/*
 * Base64 with its usual alphabet and padding: the form that keys have in the meta
 * protocol if they are not plain words.
 */
#ifndef OMC_PROTO_BASE64_H
#define OMC_PROTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* The length of len bytes when encoded. */
static inline size_t omc_base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Encodes len bytes and returns how many that makes. */
size_t omc_base64_encode(unsigned char *out, const unsigned char *bytes, size_t len);

/* Decodes, also in place; false if that is no base64 of at least one byte. */
bool omc_base64_decode(unsigned char *out, const unsigned char *text, size_t len,
                       size_t *decoded_len);

#endif
