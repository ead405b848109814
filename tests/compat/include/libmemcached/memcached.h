/*
 * Takes libmemcached's place for programs that are built with OMcache.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omcache_libmemcached.h>
