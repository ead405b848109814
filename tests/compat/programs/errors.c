/*
 * The texts of all codes, and what is known of the last error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

int main(int argc, char **argv)
{
    memcached_st *memc = connect_to(argv[argc - 1], 1);
    int i;

    for (i = 0; i <= 48; i++) {
        memcached_return_t rc = (memcached_return_t)i;

        printf("%d: %s; success %d, failed %d, fatal %d\n", i, memcached_strerror(NULL, rc),
               memcached_success(rc), memcached_failed(rc), memcached_fatal(rc));
    }
    printf("last error: %d, %s\n", memcached_last_error(memc), memcached_last_error_message(memc));
    show(memc, "missing");
    printf("last error: %d, %s\n", memcached_last_error(memc), memcached_last_error_message(memc));
    say(memc, "delete", memcached_delete(memc, "missing", 7, 0));
    printf("last error: %d, %s\n", memcached_last_error(memc), memcached_last_error_message(memc));
    say(memc, "set", memcached_set(memc, "", 0, "", 0, 0, 0));
    printf("last error: %d, %s\n", memcached_last_error(memc),
           strstr(memcached_last_error_message(memc), "A BAD KEY WAS PROVIDED") != NULL
               ? "and its text"
               : memcached_last_error_message(memc));
    say(memc, "set", memcached_set(memc, "k", 1, "", 0, 0, 0));
    printf("last error: %d, %s\n", memcached_last_error(memc), memcached_last_error_message(memc));
    printf("errno: %d\n", memcached_last_error_errno(memc));
    printf("of NULL: %d, %s\n", memcached_last_error(NULL), memcached_last_error_message(NULL));
    memcached_free(memc);
    puts(memcached_lib_version());
    printf("%x\n", LIBMEMCACHED_VERSION_HEX);
    return 0;
}
