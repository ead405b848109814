/*
 * Keys and certificates for tests, made anew by each of them, in a directory of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include <stdbool.h>

/* Makes a certificate NAME.pem and its key NAME.key.  issuer: the name of one that was made before
 * and signs it; NULL: it signs itself, and may sign others.  names: whom it is for, such as
 * "DNS:localhost,IP:127.0.0.1"; NULL: nobody.  Its common name is NAME, but one that is signed by
 * another and for nobody has none.  It is good for so many days from now on; if there are none, it
 * was good until yesterday. */
void certificates_make(const char *name, const char *issuer, const char *names, int days);

/* Makes the directory of all of them, certificates_path("."), one in which a certificate is found
 * by the hash of its common name, as `openssl rehash` does. */
void certificates_hash(const char *name);

/* Whether clients and servers are to speak TLS: if the environment variable PROTOCOL says tls, and
 * the test has not begun with scripted peers, who do not. */
bool certificates_are_wanted(void);

/* Makes those that servers have where a test runs over TLS, once: "fixture", which is for
 * CERTIFICATES_NAME, and "fixture-ca". */
#define CERTIFICATES_NAME "memcached.test"
void certificates_need(void);

/* Where it is, or "NAME.key"; one of the last few results that a
 * thread was given stays. */
const char *certificates_path(const char *file);

/* Removes all of them. */
void certificates_remove(void);

#endif
