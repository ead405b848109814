/*
 * OMcache - a memcached client library
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole public interface.  The classic API (version nodes OMCACHE_0.1 and
 * OMCACHE_0.2) is declared in omcache_cdef.h, which this file includes; use
 * this file and never that one directly.  What came with 1.0 (OMCACHE_1.0) is
 * below.
 *
 * What holds for every function:
 *
 *  - A handle is for one thread at a time; different handles share nothing.
 *  - Keys are 1 to 250 bytes of any value, values any bytes of any length that
 *    the server takes; neither is a C string and neither needs a NUL.
 *  - Times to live (expiration) are seconds as memcached counts them: 0 means
 *    never, up to 30 days is relative to now, above that it is a Unix time.
 *    They are cut to 32 bits.
 *  - timeout_msec is in milliseconds: 0 never waits, -1 (or any other negative
 *    number) waits until the servers answer or their dead timeout ends it.
 *  - A function that returns int returns one of omcache_ret_e.  NULL where a
 *    pointer is needed gives OMCACHE_INVALID, and so does a key of a wrong
 *    length; nothing is sent then.
 *  - Out of memory gives OMCACHE_FAIL (NULL where a pointer is returned).
 *  - From inside a callback only omcache_strerror, omcache_log_stderr,
 *    omcache_server_info, omcache_server_info_free, omcache_free and those
 *    omcache_set_* functions that say so may be called on the handle that is
 *    calling back; everything else is refused with OMCACHE_INVALID (NULL, or
 *    -1 for omcache_server_index_for_key).  Other handles may be used freely.
 *  - No function touches signals, and none waits for a name lookup.
 */
#ifndef OMCACHE_H
#define OMCACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* This header's version: major << 16 | minor << 8 | patch.  What
 * the library itself is says omcache_server_info_t.omcache_version. */
#define OMCACHE_VERSION 0x00010000

/* As the expiration of omcache_increment and omcache_decrement: do not create
 * a counter that is not there, answer OMCACHE_NOT_FOUND. */
#define OMCACHE_DELTA_NO_ADD 0xffffffffu

#include "omcache_cdef.h"

/* The 1.0 interface. */

enum omcache_failover_e {
    OMCACHE_FAILOVER_NEXT = 0, /* to the next server of the ring */
    OMCACHE_FAILOVER_NONE = 1  /* nowhere, as libmemcached does by default */
};

/* Sets where the keys of a server go that is down: OMCACHE_FAILOVER_NEXT, as at
 * first, or OMCACHE_FAILOVER_NONE: they fail with OMCACHE_NO_SERVERS until it is
 * back (OMCACHE_SERVER_FAILURE if they were under way when it failed).
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or mode is neither.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_failover(omcache_t *mc, int mode);

/* Sets the DNS servers that names are looked up with: "ip" or "ip:port", several
 * separated by commas, an IPv6 address with a port in brackets ("[::1]:53"); or NULL,
 * as at first, for the system's.  All names are then looked up anew when the next
 * connections are made; those that there are stay.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (mc is NULL, servers
 * cannot be read, called from a callback, or the library was built without name
 * lookup and servers is not NULL) or OMCACHE_FAIL (out of memory).
 * Never waits.  Since 1.0. */
int omcache_set_dns_servers(omcache_t *mc, const char *servers);

/* Chooses by name how keys are distributed, and rebuilds the ring:
 *   "ketama" (as at first), "ketama-weighted", "ketama-pre1010", "ketama-spy",
 *   "ketama-spy-weighted", "modula", "virtual-bucket", "random": libmemcached's;
 *   "twemproxy", "libmc": those clients' rings.
 * hash is the function for keys, and for the points of "ketama" and "ketama-spy":
 *   "one-at-a-time", "md5", "crc", "fnv1_32", "fnv1a_32", "fnv1_64", "fnv1a_64",
 *   "murmur", "murmur3", "jenkins", "hsieh";
 * or NULL for the distribution's own (md5 for "ketama-weighted",
 * "ketama-spy-weighted" and "libmc", fnv1a_64 for "twemproxy", else one-at-a-time).
 * doc/key-distribution.md says what equals which setting of which client.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (mc or distribution
 * is NULL, a name that is none, called from a callback) or OMCACHE_FAIL (out of
 * memory).  Never waits.  Since 1.0. */
int omcache_set_distribution(omcache_t *mc, const char *distribution, const char *hash);

/* Puts prefix, of prefix_len bytes (at most 249; 0, as at first, for none), in front
 * of every key that is sent.  Keys come back without it, and may be so much
 * shorter than 250 bytes.  If hashed is not 0, it takes part in the choice of the
 * server, as with libmemcached's MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY.  prefix is
 * copied; requests under way keep theirs.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (mc is NULL, prefix is
 * NULL and prefix_len is not 0, longer than 249, called from a callback).
 * Never waits.  Since 1.0. */
int omcache_set_key_prefix(omcache_t *mc, const void *prefix, size_t prefix_len, int hashed);

/* Lets only a part of a key choose its server, so that keys can be kept together:
 * tag is a string of two characters, such as "{}", and what is hashed is what
 * stands between the first of the one in the key and the next of the other; the
 * whole key, if there is no such part or it is empty.  A hashed prefix counts only
 * with a whole key.  That is twemproxy's hash_tag.
 * NULL, as at first, for none.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (mc is NULL, tag is of
 * another length, called from a callback).  Never waits.  Since 1.0. */
int omcache_set_hash_tag(omcache_t *mc, const char *tag);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* OMCACHE_H */
