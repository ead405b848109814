/*
 * What has been chosen for TLS, as OpenSSL wants to have it: files are read, and versions, ciphers
 * and all that is not to be chosen are set.
 */
#ifndef OMC_NET_OPENSSL_CONTEXT_H
#define OMC_NET_OPENSSL_CONTEXT_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* What OpenSSL calls for a stream of those that are made of it. */
struct omc_openssl_hooks {
    int (*verify)(int is_good, X509_STORE_CTX *store);
    int (*note_asked)(SSL *ssl, void *unused);
    int (*take_session)(SSL *ssl, SSL_SESSION *session);
};

/* NULL, and `problem` says why, in OMC_TLS_PROBLEM bytes. */
SSL_CTX *omc_openssl_context_new(const struct omc_tls_choice *choice,
                                 const struct omc_openssl_hooks *hooks, char *problem);

#endif
