/*
 * Hash functions for keys and ring points, bit for bit as libmemcached has them,
 * quirks included.  Where a comment says "as char", bytes over 0x7f count as the
 * platform's char has them: sign-extended on x86, not on ARM.
 */
#ifndef OMC_ROUTE_HASH_H
#define OMC_ROUTE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

/* The one list: what the function is called and what users call it. */
#define OMC_HASHES(HASH)                                                                       \
    HASH(one_at_a_time, "one-at-a-time") /* Bob Jenkins', start value 0, as char */            \
    HASH(md5, "md5")                     /* the first four bytes, little-endian */             \
    HASH(crc, "crc")                     /* bits 16 to 30 of the CRC-32 */                     \
    HASH(fnv1_32, "fnv1_32")             /* as char */                                         \
    HASH(fnv1a_32, "fnv1a_32")           /* as char */                                         \
    HASH(fnv1_64, "fnv1_64")             /* the lower half, as char */                         \
    HASH(fnv1a_64, "fnv1a_64")           /* with the lower halves of its constants, as char */ \
    HASH(murmur, "murmur")               /* MurmurHash2, seeded by the length */               \
    HASH(murmur3, "murmur3")             /* MurmurHash3_x86_32, seeded by the length */        \
    HASH(jenkins, "jenkins")             /* lookup3's hashlittle, start value 13 */            \
    HASH(hsieh, "hsieh")                 /* SuperFastHash, start value 0 */

#define OMC_HASH_DECLARE(name, text) omc_ketama_key_hash_func omc_hash_##name;
OMC_HASHES(OMC_HASH_DECLARE)

enum {
    OMC_HASH_TOGETHER = 4,
};

/* What is hashed. */
struct omc_hash_key {
    const unsigned char *bytes;
    size_t len;
};

/* omc_hash_one_at_a_time of four keys, on most CPUs in about the time that one takes. */
void omc_hash_one_at_a_time_of_four(const struct omc_hash_key keys[OMC_HASH_TOGETHER],
                                    uint32_t hashes[OMC_HASH_TOGETHER]);

/* The function that users call by that name, or NULL. */
omc_ketama_key_hash_func *omc_hash_by_name(const char *name);

/* Word `index` (0 to 3) of an MD5 digest, read as little-endian. */
uint32_t omc_hash_md5_word(const unsigned char digest[16], unsigned index);

#endif
