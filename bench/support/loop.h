/*
 * The event loop that the programs drive OMcache with.
 */
#ifndef BENCH_SUPPORT_LOOP_H
#define BENCH_SUPPORT_LOOP_H

#include "omcache.h"

/* A watch callback; its context is an int, the epoll that watches. */
void bench_loop_watch(omcache_t *mc, int fd, short events, void *epoll);

#endif
