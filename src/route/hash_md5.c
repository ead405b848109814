/*
 * 32-bit words of the MD5, which libmd computes.
 */
#include "route/hash.h"

#include <md5.h>

#include "route/words.h"

uint32_t omc_hash_md5_word(const unsigned char digest[16], unsigned index)
{
    return omc_words_get32(digest + (size_t)index * 4);
}

uint32_t omc_hash_md5(const unsigned char *bytes, size_t len)
{
    unsigned char digest[MD5_DIGEST_LENGTH];
    MD5_CTX md5;

    MD5Init(&md5);
    MD5Update(&md5, bytes, len);
    MD5Final(digest, &md5);
    return omc_hash_md5_word(digest, 0);
}
