/*
 * Peers that speak TLS; see secure.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/secure.h"

#include "support/certificates.h"

#include <check.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is read is read byte by byte: the peer's reads are for a length that is known. */
static int read_some(BIO *bio, char *bytes, int size)
{
    struct peer *peer = BIO_get_data(bio);
    return size > 0 && peer_read(peer, bytes, 1) ? 1 : 0;
}

static int write_some(BIO *bio, const char *bytes, int size)
{
    struct peer *peer = BIO_get_data(bio);
    return size > 0 && peer_send(peer, bytes, (size_t)size) ? size : -1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static SSL_CTX *make_context(const char *name)
{
    char certificate[64];
    char key[64];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    snprintf(certificate, sizeof(certificate), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    if (context &&
        SSL_CTX_use_certificate_chain_file(context, certificates_path(certificate)) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, certificates_path(key), SSL_FILETYPE_PEM) == 1) {
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

struct secure {
    SSL_CTX *context;
    BIO_METHOD *method;
};

struct secure *secure_new(const char *name)
{
    struct secure *secure = calloc(1, sizeof(*secure));
    ck_assert_ptr_nonnull(secure);
    secure->context = make_context(name);
    secure->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "peer");
    ck_assert(secure->context && secure->method);
    BIO_meth_set_read(secure->method, read_some);
    BIO_meth_set_write(secure->method, write_some);
    BIO_meth_set_ctrl(secure->method, control);
    return secure;
}

void secure_free(struct secure *secure)
{
    SSL_CTX_free(secure->context);
    BIO_meth_free(secure->method);
    free(secure);
}

void secure_ask_for_certificate(struct secure *secure)
{
    static const unsigned char name[] = "peer"; /* sessions need one then */
    SSL_CTX_set_session_id_context(secure->context, name, sizeof(name));
    SSL_CTX_set_verify(secure->context, SSL_VERIFY_PEER, NULL);
}

SSL *secure_accept(struct secure *secure, struct peer *peer)
{
    SSL *ssl = SSL_new(secure->context);
    BIO *bio = BIO_new(secure->method);
    BIO_set_data(bio, peer);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    if (SSL_accept(ssl) == 1) {
        return ssl;
    }
    secure_end(ssl);
    return NULL;
}

void secure_end(SSL *ssl)
{
    SSL_free(ssl);
    ERR_clear_error();
}

bool secure_read_line(SSL *ssl, char line[PEER_LINE])
{
    size_t len = 0;
    char byte;
    while (SSL_read(ssl, &byte, 1) == 1 && byte != '\n') {
        if (len + 1 < PEER_LINE && byte != '\r') {
            line[len++] = byte;
        }
    }
    line[len] = '\0';
    return len > 0;
}

bool secure_send(SSL *ssl, const char *text)
{
    return SSL_write(ssl, text, (int)strlen(text)) > 0;
}

bool secure_greet(SSL *ssl)
{
    char line[PEER_LINE];
    for (int i = 0; i < 3; i++) {
        if (!secure_read_line(ssl, line) || strcmp(line, "version") != 0) {
            return false;
        }
    }
    return secure_send(ssl, "VERSION 1.6.18\r\nVERSION 1.6.18\r\nVERSION 1.6.18\r\n");
}
