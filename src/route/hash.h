/*
 * Hash functions for keys and ring points, bit for bit as libmemcached has them.
 */
#ifndef OMC_ROUTE_HASH_H
#define OMC_ROUTE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Bob Jenkins' one-at-a-time, start value 0, over bytes as the platform's char:
 * where that is signed, bytes above 0x7f are sign-extended, as in libmemcached. */
uint32_t omc_hash_one_at_a_time(const unsigned char *bytes, size_t len);

/* The same in pieces: start with 0, feed, finish. */
uint32_t omc_hash_one_at_a_time_feed(uint32_t hash, const void *bytes, size_t len);
uint32_t omc_hash_one_at_a_time_finish(uint32_t hash);

/* The first four bytes of the MD5 as a little-endian number. */
uint32_t omc_hash_md5(const unsigned char *bytes, size_t len);

/* Word `index` (0 to 3) of an MD5 digest, read as little-endian. */
uint32_t omc_hash_md5_word(const unsigned char digest[16], unsigned index);

#endif
