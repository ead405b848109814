/*
 * Hash functions by name.
 */
#include "route/hash.h"

#include <string.h>

omc_ketama_key_hash_func *omc_hash_by_name(const char *name)
{
    static const struct {
        const char *name;
        omc_ketama_key_hash_func *hash;
    } hashes[] = {
#define ENTRY(function, text) {text, omc_hash_##function},
        OMC_HASHES(ENTRY)};

    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        if (strcmp(hashes[i].name, name) == 0)
            return hashes[i].hash;
    }
    return NULL;
}
