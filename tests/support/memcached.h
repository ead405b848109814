/*
 * Real memcached servers for tests: started, paused, killed and restarted by pid
 * on the process's own loopback address.  What goes wrong fails the test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_MEMCACHED_H
#define TESTS_MEMCACHED_H

#include <stddef.h>
#include <sys/types.h>

#define FLEET_MAX 8
/* Ports of one width, so that sorting them as strings keeps their order. */
#define FLEET_PORT 21211

struct memcached {
    pid_t pid; /* 0 while it does not run */
    char host[16];
    int port;
    char address[32];           /* host:port or [host]:port, as a server list has it */
    const char *const *options; /* that it has besides, or NULL */
};

/* The order of `servers` is the order of the library's indexes. */
struct fleet {
    size_t count;
    struct memcached servers[FLEET_MAX];
    char list[FLEET_MAX * 32];
};

/* Starts a server on the own address and waits until it accepts connections. */
void memcached_start(struct memcached *m, int port);

/* The same with more options, such as "-B", "binary"; a list that ends with NULL and
 * that every restart reads again. */
void memcached_start_with(struct memcached *m, int port, const char *const *options);

/* The same on any numeric address. */
void memcached_start_at(struct memcached *m, const char *host, int port);

/* Starts one server that listens on `count` ports of the own address, and so is as
 * many servers; `list` of `size` bytes becomes their list.  It cannot be restarted. */
void memcached_start_ports(struct memcached *m, int first, int count, char *list, size_t size);

/* Starts a server on a unix socket; its address is the path, which must be short. */
void memcached_start_socket(struct memcached *m, const char *path);

/* Ends a server, suspended or not; its connections break. */
void memcached_kill(struct memcached *m);

/* Starts a killed server again, empty, where it was. */
void memcached_restart(struct memcached *m);

/* Suspends a server: the kernel goes on taking connections, nobody answers. */
void memcached_pause(struct memcached *m);
void memcached_resume(struct memcached *m);

/* Starts `count` servers at once and lists their addresses. */
void fleet_start(struct fleet *fleet, size_t count);

#endif
