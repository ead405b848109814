/*
 * A real memcached to measure against, on a unix socket of its own.
 */
#ifndef BENCH_SUPPORT_SERVER_H
#define BENCH_SUPPORT_SERVER_H

/* Starts it and returns its address; it ends with this program.  Ends the program
 * if that fails. */
const char *bench_server_start(void);

void bench_server_stop(void);

#endif
