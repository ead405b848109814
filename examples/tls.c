/*
 * tls - a value, stored and found over TLS
 *
 *     tls SERVERS [CA [CERTIFICATE KEY]]      such as tls cache.example.com:11212 ca.pem
 *
 * CA is a file with the certificates that are trusted, in place of the system's; CERTIFICATE and
 * KEY are shown to a server that asks who this is.  A user and a password are taken from the
 * environment, OMCACHE_USER and OMCACHE_PASSWORD, if they are there.  The exit code is 0 if all
 * went well; what is wrong is in the log, which here goes to the terminal.  `make examples` builds
 * it.  By hand, with OMcache installed:
 *
 *     cc tls.c $(pkg-config --cflags --libs omcache)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char key[] = "example:tls", value[] = "nobody on the way has read this";

static void on_log(void *context, int level, const char *message)
{
    (void)context, (void)level;
    fprintf(stderr, "omcache: %s\n", message);
}

/* The settings are copied by omcache_set_tls, and may be freed then. */
static int use_tls(omcache_t *mc, int argc, char **argv)
{
    omcache_tls_t *tls = omcache_tls_new();
    int rc = tls == NULL ? OMCACHE_NO_MEMORY : OMCACHE_OK;

    if (rc == OMCACHE_OK && argc > 2)
        rc = omcache_tls_set_ca_file(tls, argv[2]);
    if (rc == OMCACHE_OK && argc > 4)
        rc = omcache_tls_set_certificate(tls, argv[3], argv[4]);
    if (rc == OMCACHE_OK)
        rc = omcache_set_tls(mc, tls);
    omcache_tls_free(tls);
    return rc;
}

static int use_password(omcache_t *mc)
{
    const char *user = getenv("OMCACHE_USER"), *password = getenv("OMCACHE_PASSWORD");

    if (user == NULL || password == NULL)
        return OMCACHE_OK;
    return omcache_set_credentials(mc, user, strlen(user), password, strlen(password));
}

static bool store_and_find(omcache_t *mc)
{
    const unsigned char *found;
    size_t len;
    int rc = omcache_set(mc, key, sizeof(key) - 1, value, sizeof(value) - 1, 60, 0, 0, 5000);

    if (rc == OMCACHE_OK)
        rc = omcache_get(mc, key, sizeof(key) - 1, &found, &len, NULL, NULL, 5000);
    if (rc == OMCACHE_OK)
        printf("found: %.*s\n", (int)len, (const char *)found);
    else
        fprintf(stderr, "%s\n", omcache_strerror(rc));
    return rc == OMCACHE_OK;
}

static void tell_of_connection(omcache_t *mc)
{
    int server = omcache_server_index_for_key(mc, key, sizeof(key) - 1);
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};

    if (omcache_server_stats(mc, server, &stats) == OMCACHE_OK && stats.tls_version != 0)
        printf("over TLS 1.%d\n", (int)stats.tls_version % 10);
}

int main(int argc, char **argv)
{
    omcache_t *mc = omcache_init();
    bool is_good = mc != NULL && argc > 1 &&
                   omcache_set_log_callback(mc, 0, on_log, NULL) == OMCACHE_OK &&
                   use_tls(mc, argc, argv) == OMCACHE_OK && use_password(mc) == OMCACHE_OK &&
                   omcache_set_servers(mc, argv[1]) == OMCACHE_OK && store_and_find(mc);

    if (is_good)
        tell_of_connection(mc);
    else if (argc < 2)
        fprintf(stderr, "usage: %s SERVERS [CA [CERTIFICATE KEY]]\n", argv[0]);
    omcache_free(mc);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
