/*
 * The server's end of a connection over TLS, in memory: who has it carries the bytes, as they are
 * or otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_TLS_END_H
#define TESTS_TLS_END_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What such ends have in common: a certificate that nobody has signed, and the keys of the tickets
 * that they give.  NULL if OpenSSL fails. */
struct tls_house *tls_house_new(void);
void tls_house_free(struct tls_house *house);

/* A new end, which waits for a client; NULL if OpenSSL fails. */
struct tls_end *tls_end_new(const struct tls_house *house);
void tls_end_free(struct tls_end *end);

/* Before the handshake: it asks for a certificate, and ends if it gets none that it trusts.  It
 * trusts none.  Or it asks, and can do without. */
void tls_end_demand_certificate(struct tls_end *end);
void tls_end_offer_certificate(struct tls_end *end);

/* Before the handshake: it knows TLS 1.2, and nothing newer. */
void tls_end_speak_older(struct tls_end *end);

/* Gives it bytes that the client has sent. */
void tls_end_put(struct tls_end *end, const void *bytes, size_t len);

/* What the client has said, as far as it has come: how many bytes, or 0.  The handshake goes on by
 * this, too. */
size_t tls_end_read(struct tls_end *end, void *bytes, size_t size);

/* Says something, in records that are full where there is enough; false before the handshake is
 * over, or when the connection has come to an end. */
bool tls_end_write(struct tls_end *end, const void *bytes, size_t len);

/* Says something that is nothing to the client: gives it a ticket, or takes a new key; asks: the
 * client is to take one, too, and to say so. */
bool tls_end_give_ticket(struct tls_end *end);
bool tls_end_renew_key(struct tls_end *end, bool asks);

/* Says that nothing more will come. */
void tls_end_bid_farewell(struct tls_end *end);

/* Takes up to `size` of the bytes that are for the client: how many there were. */
size_t tls_end_take(struct tls_end *end, void *bytes, size_t size);

#endif
