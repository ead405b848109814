/*
 * The list of distributions.
 */
#include "route/distribution.h"

#include <stddef.h>
#include <string.h>

#include "route/hash.h"

#define RING OMC_SELECT_RING

static const struct omc_distribution distributions[] = {
    {"ketama", RING, OMC_POINTS_HASH, false, omc_hash_one_at_a_time},
    {"ketama-weighted", RING, OMC_POINTS_WEIGHTED, false, omc_hash_md5},
    {"ketama-pre1010", RING, OMC_POINTS_WEIGHTED, false, omc_hash_one_at_a_time},
    {"ketama-spy", RING, OMC_POINTS_HASH, true, omc_hash_one_at_a_time},
    {"ketama-spy-weighted", RING, OMC_POINTS_WEIGHTED, true, omc_hash_md5},
    {"twemproxy", RING, OMC_POINTS_WEIGHTED, false, omc_hash_fnv1a_64},
    {"libmc", RING, OMC_POINTS_MD5, false, omc_hash_md5},
    {"modula", OMC_SELECT_MODULO, OMC_POINTS_HASH, false, omc_hash_one_at_a_time},
    {"virtual-bucket", OMC_SELECT_BUCKET, OMC_POINTS_HASH, false, omc_hash_one_at_a_time},
    {"random", OMC_SELECT_RANDOM, OMC_POINTS_HASH, false, omc_hash_one_at_a_time},
};

const struct omc_distribution *omc_distribution_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++) {
        if (strcmp(distributions[i].name, name) == 0)
            return &distributions[i];
    }
    return NULL;
}
