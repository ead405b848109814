/*
 * Scripted peers that speak TLS, by OpenSSL over what peer.h reads and sends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SECURE_H
#define TESTS_SECURE_H

#include "support/peer.h"

#include <openssl/ssl.h>

/* What a server has that has the certificate of that name (see certificates.h): sessions that it
 * has given can be resumed with it. */
struct secure *secure_new(const char *name);
void secure_free(struct secure *secure);

/*
 * For scripts only.
 */

/* From now on clients are asked for a certificate, and let in without. */
void secure_ask_for_certificate(struct secure *secure);

/* Does the server's part of the handshake; NULL if that fails.  What is sent is sent at once. */
SSL *secure_accept(struct secure *secure, struct peer *peer);
void secure_end(SSL *ssl);

/* Reads the hello of a client to whom OMCACHE_PROTOCOL_TEXT was chosen, and answers it; false if
 * that is not what came. */
bool secure_greet(SSL *ssl);

/* The next line, without its end; false when the connection or the test ends. */
bool secure_read_line(SSL *ssl, char line[PEER_LINE]);
bool secure_send(SSL *ssl, const char *text);

#endif
