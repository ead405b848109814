/*
 * The server's end of TLS, in memory; see tls_end.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/tls_end.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct tls_house {
    SSL_CTX *context;
};

struct tls_end {
    SSL *ssl;
    BIO *in;
    BIO *out;
};

/* It is good for a day. */
static X509 *sign_oneself(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (!certificate) {
        return NULL;
    }
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 60 * 60);
    X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) > 0) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

struct tls_house *tls_house_new(void)
{
    struct tls_house *house = calloc(1, sizeof(*house));
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? sign_oneself(key) : NULL;
    if (house) {
        house->context = SSL_CTX_new(TLS_server_method());
    }
    bool is_made = house && house->context && certificate &&
                   SSL_CTX_use_certificate(house->context, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(house->context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (is_made) {
        return house;
    }
    tls_house_free(house);
    return NULL;
}

void tls_house_free(struct tls_house *house)
{
    if (house) {
        SSL_CTX_free(house->context);
    }
    free(house);
}

/* What is not there yet is to be waited for. */
static BIO *new_buffer(void)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) {
        BIO_set_mem_eof_return(bio, -1);
    }
    return bio;
}

struct tls_end *tls_end_new(const struct tls_house *house)
{
    struct tls_end *end = calloc(1, sizeof(*end));
    if (!end) {
        return NULL;
    }
    end->ssl = SSL_new(house->context);
    end->in = new_buffer();
    end->out = new_buffer();
    if (!end->ssl || !end->in || !end->out) {
        SSL_free(end->ssl);
        BIO_free(end->in);
        BIO_free(end->out);
        free(end);
        return NULL;
    }
    SSL_set_bio(end->ssl, end->in, end->out);
    SSL_set_accept_state(end->ssl);
    return end;
}

void tls_end_free(struct tls_end *end)
{
    if (end) {
        SSL_free(end->ssl);
    }
    free(end);
}

void tls_end_demand_certificate(struct tls_end *end)
{
    SSL_set_verify(end->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

void tls_end_offer_certificate(struct tls_end *end)
{
    SSL_set_verify(end->ssl, SSL_VERIFY_PEER, NULL);
}

void tls_end_speak_older(struct tls_end *end)
{
    SSL_set_max_proto_version(end->ssl, TLS1_2_VERSION);
}

void tls_end_put(struct tls_end *end, const void *bytes, size_t len)
{
    if (len > 0 && len <= INT_MAX) {
        BIO_write(end->in, bytes, (int)len);
    }
}

size_t tls_end_read(struct tls_end *end, void *bytes, size_t size)
{
    size_t taken = 0, some;
    while (taken < size && SSL_read_ex(end->ssl, (char *)bytes + taken, size - taken, &some) == 1) {
        taken += some;
    }
    ERR_clear_error();
    return taken;
}

bool tls_end_write(struct tls_end *end, const void *bytes, size_t len)
{
    size_t written;
    bool is_ready = SSL_is_init_finished(end->ssl) == 1;
    bool is_written = is_ready && SSL_write_ex(end->ssl, bytes, len, &written) == 1;
    ERR_clear_error();
    return is_written;
}

/* Sends what belongs to the handshake although that is over. */
static bool handshake_again(struct tls_end *end, bool is_agreed)
{
    bool is_sent = is_agreed && SSL_do_handshake(end->ssl) == 1;
    ERR_clear_error();
    return is_sent;
}

bool tls_end_give_ticket(struct tls_end *end)
{
    bool is_ready = SSL_is_init_finished(end->ssl) == 1;
    return handshake_again(end, is_ready && SSL_new_session_ticket(end->ssl) == 1);
}

bool tls_end_renew_key(struct tls_end *end, bool asks)
{
    int type = asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    bool is_ready = SSL_is_init_finished(end->ssl) == 1;
    return handshake_again(end, is_ready && SSL_key_update(end->ssl, type) == 1);
}

void tls_end_bid_farewell(struct tls_end *end)
{
    if (SSL_is_init_finished(end->ssl)) {
        SSL_shutdown(end->ssl);
    }
    ERR_clear_error();
}

size_t tls_end_take(struct tls_end *end, void *bytes, size_t size)
{
    int len = size > 0 ? BIO_read(end->out, bytes, size > INT_MAX ? INT_MAX : (int)size) : 0;
    return len > 0 ? (size_t)len : 0;
}
