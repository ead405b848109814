/*
 * A real memcached to measure against, that is as many servers as are wanted: it listens
 * on a port for each, on a loopback address of its own.
 */
#ifndef BENCH_SUPPORT_SERVER_H
#define BENCH_SUPPORT_SERVER_H

#include <time.h>

enum {
    BENCH_ADDRESS_ROOM = 24,
    BENCH_PORT = 21211, /* the first server's; the others' are those behind it */
    BENCH_SERVERS_MAX = 100,
    BENCH_LIST_ROOM = BENCH_SERVERS_MAX * 24, /* bytes of a list */
};

/* Starts it, on the first core; it ends with this program.  Ends the program if that
 * fails.  Returns its address. */
const char *bench_server_start(unsigned servers);

/* Writes the addresses of the first `servers`, with commas between them. */
void bench_server_list(unsigned servers, char list[BENCH_LIST_ROOM]);

/* A socket that is connected to the first of those addresses; ends the program if that fails. */
int bench_server_connect(const char *address);

void bench_server_stop(void);

/* One memcached with two ports, of which the second speaks TLS, and a stunnel to that. */
struct bench_secure {
    char plain[BENCH_ADDRESS_ROOM]; /* addresses */
    char tls[BENCH_ADDRESS_ROOM];
    char tunnel[BENCH_ADDRESS_ROOM];
    char folder[32]; /* of files, and these two of them */
    char certificate[64];
    char key[64];
    clockid_t tunnel_clock; /* the time that stunnel is on a processor */
};

/* Starts them, the stunnel on the last core: it is on the client's side. */
void bench_server_start_secure(struct bench_secure *secure);
void bench_server_stop_secure(const struct bench_secure *secure);

#endif
