/*
 * What was chosen for TLS; see security.h.
 */
#include "client/security.h"

#include <string.h>

#include "base/memory.h"

static const struct omc_tls_choice defaults;

omcache_tls_t *omc_security_new(void)
{
    return omc_memory_new(1, sizeof(omcache_tls_t));
}

void omc_security_free(omcache_tls_t *tls)
{
    struct omc_tls_choice *choice = &tls->choice;

    omc_memory_free(choice->ca_file);
    omc_memory_free(choice->ca_directory);
    omc_memory_free(choice->certificate);
    omc_memory_free(choice->key);
    omc_memory_free(choice->name);
    omc_memory_free(choice->ciphers);
    omc_memory_free(choice->suites);
    omc_memory_free(tls);
}

bool omc_security_set_text(char **string, const char *text)
{
    char *copy = text == NULL ? NULL : omc_memory_copy_string(text, strlen(text));

    if (text != NULL && copy == NULL)
        return false;
    omc_memory_free(*string);
    *string = copy;
    return true;
}

/* What was resumed was made safe in another way. */
static void forget_sessions(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.all; i++)
        omc_tls_forget_session(&mc->fleet.servers[i]->link.session);
}

/* Reads what was chosen: OMCACHE_INVALID, with a log line, if something is wrong with it. */
static int make(omcache_t *mc, const struct omc_tls_choice *choice, struct omc_tls **made)
{
    char problem[OMC_TLS_PROBLEM];

    *made = omc_tls_new(choice, problem);
    if (*made == NULL && problem[0] == '\0')
        return OMCACHE_NO_MEMORY;
    if (*made == NULL) {
        omc_log(&mc->log, OMC_LOG_ERROR, "no TLS: %s", problem);
        return OMCACHE_INVALID;
    }
    if (choice->unverified)
        omc_log(&mc->log, OMC_LOG_WARNING,
                "TLS without verification: anybody can pretend to be the server");
    return OMCACHE_OK;
}

static bool is_any_needed(const omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.count; i++) {
        if (mc->fleet.servers[i]->link.transport == OMC_TRANSPORT_TLS)
            return true;
    }
    return false;
}

int omc_security_use(omcache_t *mc, const omcache_tls_t *tls)
{
    const struct omc_tls_choice *choice = tls == NULL ? &defaults : &tls->choice;
    struct omc_tls *made = NULL;
    int rc = OMCACHE_OK;

    if (tls != NULL || is_any_needed(mc))
        rc = make(mc, choice, &made);
    if (rc != OMCACHE_OK)
        return rc;
    omc_tls_free(mc->shared.tls);
    mc->shared.tls = made;
    mc->shared.tls_for_all = tls != NULL;
    forget_sessions(mc);
    return OMCACHE_OK;
}

int omc_security_need(omcache_t *mc)
{
    return mc->shared.tls != NULL ? OMCACHE_OK : make(mc, &defaults, &mc->shared.tls);
}

static void forget_login(omcache_t *mc)
{
    if (mc->shared.login != NULL)
        explicit_bzero(mc->shared.login, sizeof(*mc->shared.login));
    omc_memory_free(mc->shared.login);
    mc->shared.login = NULL;
}

int omc_security_set_login(omcache_t *mc, const void *user, size_t user_len, const void *password,
                           size_t password_len)
{
    struct omc_login *login;

    if (user == NULL) {
        forget_login(mc);
        return OMCACHE_OK;
    }
    if (user_len > OMC_LOGIN_PART_MAX || password_len > OMC_LOGIN_PART_MAX ||
        (password == NULL && password_len > 0))
        return OMCACHE_INVALID;
    login = omc_memory_new(1, sizeof(*login));
    if (login == NULL)
        return OMCACHE_NO_MEMORY;
    login->user_len = user_len;
    login->password_len = password_len;
    memcpy(login->user, user, user_len);
    if (password_len > 0)
        memcpy(login->password, password, password_len);
    if (!omc_login_check(login)) {
        explicit_bzero(login, sizeof(*login));
        omc_memory_free(login);
        return OMCACHE_INVALID;
    }
    forget_login(mc);
    mc->shared.login = login;
    return OMCACHE_OK;
}

void omc_security_describe(const struct omc_server *server, int32_t *version, int32_t *resumed)
{
    const struct omc_stream *stream = &server->link.conn.stream;

    *version = omc_tls_version(stream);
    *resumed = omc_tls_is_resumed(stream);
}

void omc_security_end(omcache_t *mc)
{
    forget_login(mc);
    omc_tls_free(mc->shared.tls);
    mc->shared.tls = NULL;
}
