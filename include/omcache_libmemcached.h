/*
 * libmemcached's interface on top of OMcache.
 *
 * Programs that use libmemcached are built with
 *
 *     #include <omcache_libmemcached.h>   in place of <libmemcached/memcached.h>
 *     -lomcache                           in place of -lmemcached
 *
 * and need no other change.  The whole interface is in headers, as functions that are
 * compiled into the program; C99 and C++98 and newer will do.  doc/libmemcached.md says
 * what is different and what is refused.
 *
 * A program that defines MEMCACHED_READ_TIMEOUT, MEMCACHED_WRITE_TIMEOUT or
 * MEMCACHED_COMMAND_TIMEOUT before it includes this file was written for the header of
 * OMcache 0.3; programs for libmemcached do not define these.  It gets the interface of
 * that header (omcache/libmemcached/classic.h), in which a memcached_st is an
 * omcache_t.  So does a program that defines OMCACHE_LIBMEMCACHED_CLASSIC.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_H
#define OMCACHE_LIBMEMCACHED_H

#if defined(MEMCACHED_READ_TIMEOUT) || defined(MEMCACHED_WRITE_TIMEOUT) || \
    defined(MEMCACHED_COMMAND_TIMEOUT) || defined(OMCACHE_LIBMEMCACHED_CLASSIC)
#include <omcache/libmemcached/classic.h>
#else
#include <omcache/libmemcached/config.h>
#include <omcache/libmemcached/fetch.h>
#include <omcache/libmemcached/stats.h>
#include <omcache/libmemcached/storage.h>
#endif

#endif
