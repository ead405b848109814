/*
 * Hash tags and hashed prefixes.
 */
#include "route/key.h"

#include <string.h>

/* Reduces the key to what is between the tag's characters, as twemproxy does: the
 * first of the one and the next of the other, and not if there is nothing between.
 * Whether it did. */
static bool find_tag(const struct omc_key_rules *rules, const unsigned char **key, size_t *key_len)
{
    const unsigned char *begin = memchr(*key, rules->tag[0], *key_len), *end;

    if (begin == NULL)
        return false;
    begin++;
    end = memchr(begin, rules->tag[1], *key_len - (size_t)(begin - *key));
    if (end == NULL || end == begin)
        return false;
    *key = begin;
    *key_len = (size_t)(end - begin);
    return true;
}

/* libmemcached puts the two together as C strings, so that all of a key behind its
 * first NUL counts as NULs, without a prefix, too; and hashes nothing if that is too
 * long for a key. */
static uint32_t hash_with_prefix(const struct omc_key_rules *rules, omc_ketama_key_hash_func *hash,
                                 const unsigned char *key, size_t key_len)
{
    unsigned char whole[OMC_KEY_MAX] = {0};
    const unsigned char *nul = key_len == 0 ? NULL : memchr(key, '\0', key_len);

    if (key_len > OMC_KEY_MAX - rules->prefix_len)
        return 0;
    memcpy(whole, rules->prefix, rules->prefix_len);
    if (key_len > 0)
        memcpy(whole + rules->prefix_len, key, nul == NULL ? key_len : (size_t)(nul - key));
    return hash(whole, rules->prefix_len + key_len);
}

uint32_t omc_key_hash(const struct omc_key_rules *rules, omc_ketama_key_hash_func *hash,
                      const unsigned char *key, size_t key_len)
{
    if (rules->has_tag && key_len > 0 && find_tag(rules, &key, &key_len))
        return hash(key, key_len);
    if (rules->hash_prefix) /* even if there is none: see there */
        return hash_with_prefix(rules, hash, key, key_len);
    return hash(key, key_len);
}
