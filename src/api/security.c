/*
 * Settings of TLS, and credentials.
 */
#include "client/security.h"

#include <stdbool.h>

#include "api/call.h"
#include "omcache.h"

omcache_tls_t *omcache_tls_new(void)
{
    return omc_security_new();
}

void omcache_tls_free(omcache_tls_t *tls)
{
    if (tls != NULL)
        omc_security_free(tls);
}

/* NULL: the default. */
static bool is_text(const char *text)
{
    return text == NULL || *text != '\0';
}

static int set_text(char **string, const char *text)
{
    if (!is_text(text))
        return OMCACHE_INVALID;
    return omc_security_set_text(string, text) ? OMCACHE_OK : OMCACHE_NO_MEMORY;
}

static void swap(char **one, char **other)
{
    char *kept = *one;

    *one = *other;
    *other = kept;
}

/* Sets two texts that belong together, or neither. */
static int set_both(char **first, const char *first_text, char **second, const char *second_text)
{
    char *copy = NULL;
    int rc;

    if (!is_text(first_text) || !is_text(second_text))
        return OMCACHE_INVALID;
    rc = set_text(&copy, first_text);
    if (rc == OMCACHE_OK)
        rc = set_text(second, second_text);
    if (rc == OMCACHE_OK)
        swap(first, &copy);
    set_text(&copy, NULL);
    return rc;
}

int omcache_tls_set_ca_file(omcache_tls_t *tls, const char *path)
{
    return tls == NULL ? OMCACHE_INVALID : set_text(&tls->choice.ca_file, path);
}

int omcache_tls_set_ca_directory(omcache_tls_t *tls, const char *path)
{
    return tls == NULL ? OMCACHE_INVALID : set_text(&tls->choice.ca_directory, path);
}

int omcache_tls_set_certificate(omcache_tls_t *tls, const char *certificate_path,
                                const char *key_path)
{
    if (tls == NULL || (certificate_path == NULL) != (key_path == NULL))
        return OMCACHE_INVALID;
    return set_both(&tls->choice.certificate, certificate_path, &tls->choice.key, key_path);
}

int omcache_tls_set_server_name(omcache_tls_t *tls, const char *name)
{
    return tls == NULL ? OMCACHE_INVALID : set_text(&tls->choice.name, name);
}

int omcache_tls_set_ciphers(omcache_tls_t *tls, const char *ciphers, const char *suites)
{
    if (tls == NULL)
        return OMCACHE_INVALID;
    return set_both(&tls->choice.ciphers, ciphers, &tls->choice.suites, suites);
}

int omcache_tls_set_min_version(omcache_tls_t *tls, int version)
{
    if (tls == NULL || (version != OMCACHE_TLS_1_2 && version != OMCACHE_TLS_1_3))
        return OMCACHE_INVALID;
    tls->choice.newest = version == OMCACHE_TLS_1_3;
    return OMCACHE_OK;
}

int omcache_tls_set_verification(omcache_tls_t *tls, int enabled)
{
    if (tls == NULL)
        return OMCACHE_INVALID;
    tls->choice.unverified = enabled == 0;
    return OMCACHE_OK;
}

int omcache_set_tls(omcache_t *mc, const omcache_tls_t *tls)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc); /* the log callback may free the handle */
    return omc_call_result(mc, omc_security_use(mc, tls), NULL);
}

int omcache_set_credentials(omcache_t *mc, const void *user, size_t user_len, const void *password,
                            size_t password_len)
{
    if (!omc_call_may_set(mc))
        return OMCACHE_INVALID;
    return omc_security_set_login(mc, user, user_len, password, password_len);
}
