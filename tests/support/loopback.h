/*
 * Addresses of a test's own: all of 127.0.0.0/8 is loopback, so each process
 * gets one address from its pid and may use fixed ports on it.  Tests that run in
 * parallel then never meet, and a server can come back where it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define LOOPBACK_HOST_SIZE 16

/* Writes the calling process's address, such as 127.64.3.7, and returns it. */
char *loopback_host(char host[LOOPBACK_HOST_SIZE]);

/* The same for others of the calling process's: number is 1 or 2. */
char *loopback_other_host(int number, char host[LOOPBACK_HOST_SIZE]);

/* Fills addr from a numeric IPv4 or IPv6 address; false if it is none. */
bool loopback_sockaddr(const char *host, int port, struct sockaddr_storage *addr, socklen_t *len);

/* A listening, close-on-exec socket; -1 and errno if it cannot be. */
int loopback_listen(const char *host, int port, int backlog);

/* A non-blocking, close-on-exec socket that connects; -1 and errno. */
int loopback_connect(const char *host, int port);

/* A port of an address that others may use, too; -1 and errno if there is none. */
int loopback_free_port(const char *host);

#endif
