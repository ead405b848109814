/*
 * From what is chosen to what OpenSSL makes streams of; see openssl_context.h.
 */
#include "net/openssl_context.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/openssl_words.h"

/* Its files are read later: OpenSSL does not say so if there are none. */
static bool load_directory(SSL_CTX *context, const char *path, char *problem)
{
    struct stat found;
    int error = 0;

    if (stat(path, &found) != 0 || (S_ISDIR(found.st_mode) && access(path, R_OK | X_OK) != 0))
        error = errno;
    else if (!S_ISDIR(found.st_mode))
        error = ENOTDIR;
    if (error != 0) {
        omc_openssl_words_errno(problem, path, error);
        return false;
    }
    if (SSL_CTX_load_verify_dir(context, path) == 1)
        return true;
    omc_openssl_words_error(problem, path);
    return false;
}

static bool load_trusted(SSL_CTX *context, const struct omc_tls_choice *choice, char *problem)
{
    if (choice->unverified)
        return true;
    if (choice->ca_file == NULL && choice->ca_directory == NULL) {
        if (SSL_CTX_set_default_verify_paths(context) == 1)
            return true;
        omc_openssl_words_error(problem, "the system's certificates");
        return false;
    }
    if (choice->ca_file != NULL && SSL_CTX_load_verify_file(context, choice->ca_file) != 1) {
        omc_openssl_words_error(problem, choice->ca_file);
        return false;
    }
    return choice->ca_directory == NULL || load_directory(context, choice->ca_directory, problem);
}

static bool load_own(SSL_CTX *context, const struct omc_tls_choice *choice, char *problem)
{
    if (choice->certificate == NULL)
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, choice->certificate) != 1) {
        omc_openssl_words_file(problem, choice->certificate, "certificate");
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, choice->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        omc_openssl_words_file(problem, choice->key, "private key without a password");
        return false;
    }
    return true;
}

static bool choose_ciphers(SSL_CTX *context, const struct omc_tls_choice *choice, char *problem)
{
    if (choice->ciphers != NULL && SSL_CTX_set_cipher_list(context, choice->ciphers) != 1) {
        omc_openssl_words_error(problem, choice->ciphers);
        return false;
    }
    if (choice->suites != NULL && SSL_CTX_set_ciphersuites(context, choice->suites) != 1) {
        omc_openssl_words_error(problem, choice->suites);
        return false;
    }
    return true;
}

/* Without this OpenSSL asks the terminal for the password of a key. */
static int know_no_password(char *password, int size, int is_new, void *unused)
{
    (void)is_new;
    (void)unused;
    if (size > 0)
        password[0] = '\0';
    return -1;
}

/* The context, with all that does not depend on files. */
static SSL_CTX *make_context(const struct omc_tls_choice *choice,
                             const struct omc_openssl_hooks *hooks)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(context, choice->newest ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* a peer could send such records for ever */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_set_default_passwd_cb(context, know_no_password);
    SSL_CTX_set_cert_cb(context, hooks->note_asked, NULL);
    SSL_CTX_sess_set_new_cb(context, hooks->take_session);
    SSL_CTX_set_verify(context, choice->unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       choice->unverified ? NULL : hooks->verify);
    return context;
}

SSL_CTX *omc_openssl_context_new(const struct omc_tls_choice *choice,
                                 const struct omc_openssl_hooks *hooks, char *problem)
{
    SSL_CTX *context = make_context(choice, hooks);

    if (context == NULL) {
        omc_openssl_words_error(problem, "OpenSSL");
        return NULL;
    }
    if (load_trusted(context, choice, problem) && load_own(context, choice, problem) &&
        choose_ciphers(context, choice, problem))
        return context;
    SSL_CTX_free(context);
    return NULL;
}
