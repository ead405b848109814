/*
 * What is said of something wrong that OpenSSL has found, in OMC_TLS_PROBLEM bytes.
 */
#ifndef OMC_NET_OPENSSL_WORDS_H
#define OMC_NET_OPENSSL_WORDS_H

#include <openssl/x509.h>
#include <stdbool.h>

void omc_openssl_words_say(char *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Why OpenSSL has failed with something, by the errors in its queue; or why the system has. */
void omc_openssl_words_error(char *problem, const char *what);
void omc_openssl_words_errno(char *problem, const char *what, int error);

/* The same of a file that is to have such a thing, in PEM form. */
void omc_openssl_words_file(char *problem, const char *path, const char *thing);

/* Why it has failed with a stream, unless something was said of that before.  Bare: the server has
 * asked for a certificate, and got none. */
void omc_openssl_words_failure(char *problem, bool is_bare);
void omc_openssl_words_missed(char *problem);

/* What is wrong with a certificate that is to be for somebody of that name. */
void omc_openssl_words_certificate(char *problem, X509_STORE_CTX *store, const char *name);

#endif
