/*
 * A program that uses the installed library without a server, and that is C and
 * C++ at the same time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <stdio.h>
#include <string.h>

static const unsigned char key[] = {'k', 'e', 'y'};

static int use(omcache_t *mc)
{
    if (omcache_set_servers(mc, "127.0.0.2:11212, 127.0.0.1") != OMCACHE_OK)
        return 1;
    if (omcache_set_distribution_method(mc, &omcache_dist_libmemcached_ketama_weighted) !=
        OMCACHE_OK)
        return 2;

    omcache_server_info_t *info = omcache_server_info(mc, 1);
    if (info == NULL)
        return 3;
    int right = strcmp(info->hostname, "127.0.0.2") == 0 && info->port == 11212 &&
                info->omcache_version == OMCACHE_VERSION;
    omcache_server_info_free(mc, info);
    if (!right)
        return 4;

    int index = omcache_server_index_for_key(mc, key, sizeof(key));
    return index == 0 || index == 1 ? 0 : 5;
}

int main(void)
{
    omcache_t *mc = omcache_init();
    int failed = mc == NULL ? 6 : use(mc);
    if (mc != NULL && omcache_free(mc) != OMCACHE_OK)
        failed = 7;
    if (failed)
        fprintf(stderr, "client.c: step %d failed\n", failed);
    return failed;
}
