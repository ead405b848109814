/*
 * Saying what is wrong, in words; see openssl_words.h.
 */
#include "net/openssl_words.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/tls.h"

enum {
    NAMES_TOLD = 3, /* of a certificate */
};

void omc_openssl_words_say(char *problem, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem, OMC_TLS_PROBLEM, format, arguments);
    va_end(arguments);
}

void omc_openssl_words_errno(char *problem, const char *what, int error)
{
    omc_openssl_words_say(problem, "%s: %s", what, strerror(error));
}

/* Of a file that cannot be read the system's error comes first, and says most. */
void omc_openssl_words_error(char *problem, const char *what)
{
    unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    const char *reason = last == 0 ? NULL : ERR_reason_error_string(last);

    if (ERR_SYSTEM_ERROR(first))
        omc_openssl_words_errno(problem, what, ERR_GET_REASON(first));
    else
        omc_openssl_words_say(problem, "%s: %s", what, reason == NULL ? "no reason given" : reason);
}

void omc_openssl_words_file(char *problem, const char *path, const char *thing)
{
    if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_PEM_LIB)
        omc_openssl_words_say(problem, "%s: no %s in PEM form", path, thing);
    else
        omc_openssl_words_error(problem, path);
}

/* Whether a server says that of a certificate of ours. */
static bool is_refusal(int reason)
{
    return reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
           reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
           reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED ||
           reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
           reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
           reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA;
}

/* Whether it says that when it has got none: TLS 1.2 has no word of its own for it. */
static bool is_demand(int reason)
{
    return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
           reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE || is_refusal(reason);
}

void omc_openssl_words_missed(char *problem)
{
    omc_openssl_words_say(problem, "the server asks for a certificate, and there is none");
}

void omc_openssl_words_failure(char *problem, bool is_bare)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (problem[0] != '\0')
        return;
    if (reason == SSL_R_WRONG_VERSION_NUMBER) /* as which it takes what is no TLS */
        omc_openssl_words_say(problem, "the server does not speak TLS");
    else if (is_bare && is_demand(reason))
        omc_openssl_words_missed(problem);
    else
        omc_openssl_words_error(problem,
                                is_refusal(reason) ? "the server refuses our certificate" : "TLS");
}

/* Adds a name to those of a certificate, if there are not too many. */
static void add_name(char *names, size_t room, size_t *count, const unsigned char *name, int len)
{
    size_t used = strlen(names);

    if (len <= 0 || ++*count > NAMES_TOLD)
        return;
    snprintf(names + used, room - used, "%s%.*s", used == 0 ? "" : ", ", len, (const char *)name);
}

/* Adds an address.  In a certificate, which may be anybody's, it can have any length. */
static void add_address(char *names, size_t room, size_t *count, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    size_t len = (size_t)ASN1_STRING_length(address);

    if (len == sizeof(struct in_addr))
        inet_ntop(AF_INET, bytes, text, sizeof(text));
    else if (len == sizeof(struct in6_addr))
        inet_ntop(AF_INET6, bytes, text, sizeof(text));
    add_name(names, room, count, (const unsigned char *)text, (int)strlen(text));
}

/* Lists whom a certificate is for. */
static void list_names(X509 *certificate, char *names, size_t room)
{
    GENERAL_NAMES *found = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t count = 0;

    names[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(found); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(found, i);

        if (name->type == GEN_DNS)
            add_name(names, room, &count, ASN1_STRING_get0_data(name->d.dNSName),
                     ASN1_STRING_length(name->d.dNSName));
        else if (name->type == GEN_IPADD)
            add_address(names, room, &count, name->d.iPAddress);
    }
    GENERAL_NAMES_free(found);
    if (count == 0 && X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                                names, (int)room) <= 0)
        snprintf(names, room, "nobody");
    if (count > NAMES_TOLD)
        snprintf(names + strlen(names), room - strlen(names), " and others");
}

void omc_openssl_words_certificate(char *problem, X509_STORE_CTX *store, const char *name)
{
    int error = X509_STORE_CTX_get_error(store);
    char names[OMC_TLS_PROBLEM / 2];

    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        list_names(X509_STORE_CTX_get_current_cert(store), names, sizeof(names));
        omc_openssl_words_say(problem, "certificate is for %s, not for %s", names, name);
    } else {
        omc_openssl_words_say(problem, "certificate is not good: %s",
                              X509_verify_cert_error_string(error));
    }
}
