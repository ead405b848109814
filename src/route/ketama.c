/*
 * Ketama point names and counts; see ketama.h.
 */
#include "route/ketama.h"

#include <md5.h>
#include <stdio.h>
#include <string.h>

#include "route/hash.h"

#define DEFAULT_PORT "11211"

/* Calls feed for each piece of the point's name, so that names of any length
 * need no memory. */
static void feed_name(const char *host, const char *port, uint32_t point,
                      void (*feed)(void *state, const char *piece, size_t len), void *state)
{
    char number[16];
    int len = snprintf(number, sizeof(number), "-%u", (unsigned)point);

    feed(state, host, strlen(host));
    if (strcmp(port, DEFAULT_PORT) != 0) {
        feed(state, ":", 1);
        feed(state, port, strlen(port));
    }
    feed(state, number, (size_t)len);
}

static void feed_one_at_a_time(void *state, const char *piece, size_t len)
{
    uint32_t *hash = state;

    *hash = omc_hash_one_at_a_time_feed(*hash, piece, len);
}

uint32_t omc_ketama_points_one_at_a_time(const char *host, const char *port, uint32_t point,
                                         uint32_t *hashes)
{
    uint32_t hash = 0;

    feed_name(host, port, point, feed_one_at_a_time, &hash);
    hashes[0] = omc_hash_one_at_a_time_finish(hash);
    return 1;
}

static void feed_md5(void *state, const char *piece, size_t len)
{
    MD5Update(state, (const unsigned char *)piece, len);
}

uint32_t omc_ketama_points_md5(const char *host, const char *port, uint32_t point, uint32_t *hashes)
{
    unsigned char digest[MD5_DIGEST_LENGTH];
    MD5_CTX md5;

    MD5Init(&md5);
    feed_name(host, port, point, feed_md5, &md5);
    MD5Final(digest, &md5);
    for (unsigned i = 0; i < OMC_KETAMA_MD5_ENTRIES; i++)
        hashes[i] = omc_hash_md5_word(digest, i);
    return OMC_KETAMA_MD5_ENTRIES;
}

/* Each step is rounded to single precision: that is where the points go. */
static uint32_t share_of_points(size_t servers)
{
    const float entries = OMC_KETAMA_MD5_POINTS * OMC_KETAMA_MD5_ENTRIES;
    float share = 1.0F / (float)servers;

    share = share * entries;
    share = share / (float)OMC_KETAMA_MD5_ENTRIES;
    share = share * (float)servers;
    share = share + 1e-10F;
    return (uint32_t)share;
}

uint32_t omc_ketama_point_count(const omcache_dist_t *dist, size_t servers)
{
    if (dist->point_hash_func != omc_ketama_points_md5 ||
        dist->points_per_server != OMC_KETAMA_MD5_POINTS || servers == 0)
        return dist->points_per_server;
    return share_of_points(servers);
}
