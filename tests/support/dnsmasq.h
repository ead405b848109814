/*
 * Real DNS servers for tests, on the process's own loopback address.  They know what
 * the test tells them, say of all other names below "test." that they do not exist,
 * and refuse to look up any that are elsewhere.  What goes wrong fails the test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_DNSMASQ_H
#define TESTS_DNSMASQ_H

#include "support/loopback.h"

#include <sys/types.h>

#define DNSMASQ_PORT 21411

struct dnsmasq {
    pid_t pid; /* 0 while it does not run */
    char host[LOOPBACK_HOST_SIZE];
    int port;
    char address[32]; /* host:port, as a list of DNS servers has it */
    int hosts;        /* the file with its records */
    unsigned version; /* and how often that was written */
};

/* Where the process's server is, as a list of DNS servers has it, running or not; a
 * static string. */
const char *dnsmasq_address(void);

/* Has lookups search "test." instead of what the machine searches, which is nothing
 * that the server knows of, and ask again soon. */
void dnsmasq_configure_lookups(void);

/* Starts a server and waits until it answers.  Its records are `hosts`, lines as in
 * /etc/hosts, and what `options` add, a list that ends with NULL (or NULL: none), such
 * as "--local-ttl=60", "--cname=...", "--txt-record=...". */
void dnsmasq_start(struct dnsmasq *d, const char *hosts, const char *const *options);

/* Gives it other records and waits until it uses them. */
void dnsmasq_set_hosts(struct dnsmasq *d, const char *hosts);

/* Ends it; the end of the test does, too. */
void dnsmasq_kill(struct dnsmasq *d);

/* Suspends it: queries reach it, nobody answers. */
void dnsmasq_pause(struct dnsmasq *d);
void dnsmasq_resume(struct dnsmasq *d);

#endif
