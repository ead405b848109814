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
 *  - An expiration is seconds as memcached counts them: 0 means never, up to 30
 *    days (2592000) is relative to now, above that it is a Unix time.  Negative
 *    ones, of whatever size, are over at once.  Unix times of 2^32 (2106) and more
 *    are taken for 2^32 - 2; over the meta and text protocols those of 2^31 (2038)
 *    and more mean never.
 *  - timeout_msec is in milliseconds: 0 never waits, -1 (or any other negative
 *    number) waits until the servers answer or their dead timeout ends it.
 *  - A function that returns int returns one of omcache_ret_e.  NULL where a
 *    pointer is needed gives OMCACHE_INVALID, and so does a key of a wrong
 *    length; nothing is sent then.
 *  - Out of memory gives OMCACHE_NO_MEMORY (NULL where a pointer is returned) with
 *    nothing done, or for requests with nothing sent.  If there is no memory to go
 *    on with a connection, that fails, with OMCACHE_SERVER_FAILURE for what was sent.
 *  - Without a file descriptor, or local port, or memory of the kernel's to connect with,
 *    requests fail with OMCACHE_NO_DESCRIPTORS or OMCACHE_NO_MEMORY, and nothing of
 *    them is sent.  The server is not down for that: its keys stay with it.  The log tells
 *    once, as an error, what is missing.
 *  - From inside a response or log callback only omcache_strerror,
 *    omcache_log_stderr, omcache_server_info, omcache_server_info_free,
 *    omcache_server_stats, omcache_server_protocol, omcache_free and those
 *    omcache_set_* functions that say so may be called on the handle that is calling
 *    back; everything else is refused with OMCACHE_INVALID (NULL, or -1 for
 *    omcache_server_index_for_key and omcache_next_timeout).  These two callbacks are
 *    meant where a comment says "from a callback"; from inside the others everything
 *    may be called.  Other handles may be used freely.
 *  - No function touches signals, and none waits for a name lookup.
 *  - After a fork() a handle can be used on both sides.  The parent's goes on as if nothing
 *    had happened.  The child's starts anew with its first call that does anything with
 *    servers: it has the settings, the servers and the counters, but no connection, and
 *    no server is down.  What was under way is the parent's: in the child operations end
 *    with OMCACHE_CANCELLED, and the requests of classic calls, buffered ones included, are
 *    forgotten.  The child's copies of the parent's descriptors are closed then, and nothing
 *    is sent over them; a child that makes no such call keeps them open until it ends.  If the
 *    fork was made inside a callback, or while another thread was in a call on the handle,
 *    the child cannot use it: its calls, omcache_free too, return OMCACHE_INVALID, and it
 *    must not return from the callback.
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

#define OMCACHE_KEEPALIVE_MAX 32767

/* Sets after how many seconds of silence on a TCP connection the kernel asks whether
 * the peer is still there (SO_KEEPALIVE); 60 at first, 0: never, OMCACHE_KEEPALIVE_MAX at
 * most.  It asks three times, a third of that apart, and then the connection fails, which
 * costs no request if none was under way.  So idle connections are not forgotten by what is
 * on the way, and dead ones are noticed.  It is for all connections, present and future.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or seconds is too large.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_keepalive(omcache_t *mc, uint32_t seconds);

enum omcache_protocol_e {
    OMCACHE_PROTOCOL_AUTO = 0,   /* find out */
    OMCACHE_PROTOCOL_BINARY = 1, /* deprecated in memcached since 1.6.0 */
    OMCACHE_PROTOCOL_META = 2,   /* memcached 1.6.10 and newer */
    OMCACHE_PROTOCOL_TEXT = 3    /* the classic one, also of proxies */
};

/* Chooses the protocol to speak with all servers, for connections that are made from
 * now on.  OMCACHE_PROTOCOL_AUTO, as at first: what each server is found to speak on
 * its first connection (the first it knows of META, TEXT and BINARY), remembered until
 * it answers differently.  A server that does not speak the one that was chosen is down,
 * the log says so, and no value is sent to it: memcached 1.6.0 to 1.6.9 have an older META,
 * and are TEXT servers here.  doc/protocols.md says what each can carry; a request that
 * one cannot is refused with OMCACHE_INVALID, or ends with it if the protocol was not
 * known before.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or protocol is none of these.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_protocol(omcache_t *mc, int protocol);

/* The protocol in use with a server.
 * Returns one of omcache_protocol_e, AUTO if it is not known yet; or -1 if mc is NULL
 * or there is no such server.  Never waits; may be called from a callback.
 * Since 1.0. */
int omcache_server_protocol(omcache_t *mc, int server_index);

/* Sets the DNS servers that names are looked up with: "ip" or "ip:port", several
 * separated by commas, an IPv6 address with a port in brackets ("[::1]:53"); or NULL,
 * as at first, for the system's.  All names are then looked up anew when the next
 * connections are made; those that there are stay.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (mc is NULL, servers
 * cannot be read, called from a callback, or the library was built without name
 * lookup and servers is not NULL) or OMCACHE_NO_MEMORY.
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
 * is NULL, a name that is none, called from a callback) or OMCACHE_NO_MEMORY.
 * Never waits.  Since 1.0. */
int omcache_set_distribution(omcache_t *mc, const char *distribution, const char *hash);

/* Puts prefix, of prefix_len bytes (at most 249; 0, as at first, for none), in front
 * of every key that is sent.  Keys come back without it, and may be so much
 * shorter than 250 bytes.  If hashed is not 0, it takes part in the choice of the
 * server, as with libmemcached's MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY.  prefix is
 * copied; requests under way keep theirs, also if they have to go to another server.
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

/*
 * In an application's own event loop (since 1.0).
 *
 * For libevent, libev, libuv and GLib the headers of these names in omcache/ do all of
 * this.  The library tells which descriptors it waits for, and is told which are ready:
 *
 *  - the watch callback says what to watch (epoll_ctl, event_add and the like);
 *  - omcache_process_fd is called for each descriptor that is ready;
 *  - omcache_process_timeouts is called when omcache_next_timeout is over.
 *
 * Operations complete in these calls, in every classic call that waits, and in
 * omcache_free.  Watch, timeout and drain callbacks come at the end of whatever call
 * has changed something; if that was made from inside a callback, at the end of the
 * outermost call: do not run the event loop from inside a callback.
 *
 * After a fork() the child is told to stop watching the parent's descriptors at the end of
 * its first call.  What epoll_create() has made is one for both: the child's loop must make
 * another before that (event_reinit, ev_loop_fork, uv_loop_fork), or it would take the
 * parent's descriptors out of the parent's loop.
 *
 * From inside the callbacks of this section every function may be called,
 * omcache_free included.  (Response and log callbacks are more limited, see above.)  A
 * classic call that waits may complete other operations meanwhile, and those that
 * belong together with the one that is being told of.
 */

/* Tells that fd is to be watched for events, POLLIN and POLLOUT as in <poll.h>: a
 * new one, or another choice for one already known.  0 says to stop; fd is still
 * open then, and is closed after the call.  Not called when nothing has changed. */
typedef void(omcache_watch_callback_func)(omcache_t *mc, int fd, short events, void *context);

/* Sets the watch callback, or takes it back (func NULL).  A new one is told at once
 * of every descriptor that is open; the old one is told nothing more.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL, or being freed and func is not
 * NULL.  Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_watch_callback(omcache_t *mc, omcache_watch_callback_func *func, void *context);

/* Tells that omcache_next_timeout has become shorter than it was at the last call of
 * this callback, omcache_next_timeout or omcache_process_timeouts: by timeout_msec
 * from now omcache_process_timeouts is due. */
typedef void(omcache_timeout_callback_func)(omcache_t *mc, int timeout_msec, void *context);

/* Sets the timeout callback, or takes it back (func NULL).  A new one is told at once
 * if something is due at some time.  Only loops with timers
 * of their own need it; one that asks omcache_next_timeout each time before it sleeps
 * does not.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.  Never waits; may be called from a
 * callback.  Since 1.0. */
int omcache_set_timeout_callback(omcache_t *mc, omcache_timeout_callback_func *func, void *context);

/* Acts on a descriptor that is ready; revents has poll()'s bits, POLLERR and POLLHUP
 * included.  Reads and writes what can be, makes completions, and then sends what
 * they have asked for, all requests to one server together.
 * Returns OMCACHE_OK; OMCACHE_NOT_FOUND if fd is none that is watched: harmless, a
 * loop may hold an event of one that was stopped meanwhile; OMCACHE_INVALID if mc is
 * NULL; OMCACHE_CANCELLED if a callback has freed the handle, which is then gone.
 * Never waits.  Since 1.0. */
int omcache_process_fd(omcache_t *mc, int fd, short revents);

/* Milliseconds until omcache_process_timeouts is due: 0 if it is now, -1 if it is not
 * at all before something else happens.  -1 also if mc is NULL or being freed, or when
 * called from a callback.
 * Returns that number.  Never waits.  Since 1.0. */
int omcache_next_timeout(omcache_t *mc);

/* Ends what has run out of time, and goes on with what waits for a time.  Early calls
 * do no harm.
 * Returns OMCACHE_OK; OMCACHE_INVALID if mc is NULL; OMCACHE_CANCELLED if a callback
 * has freed the handle, which is then gone.  Never waits.  Since 1.0. */
int omcache_process_timeouts(omcache_t *mc);

/*
 * Operations with their own completion (since 1.0).
 *
 * Each omcache_async_* function copies what it is given, and never waits.  It
 * returns OMCACHE_OK: accepted, func will be called exactly once, and not before the
 * function returns, whatever the watch, timeout and drain callbacks call that come at its
 * end; but if one of them frees the handle, there is no later, and func has been called with
 * OMCACHE_CANCELLED (or the outcome, if there was one) when OMCACHE_OK is returned.  Or it
 * returns, with nothing done and func never to be called,
 *   OMCACHE_INVALID      mc or key is NULL, a key of a wrong length, no such server_index
 *   OMCACHE_NO_SERVERS   there are no servers, or none that can be used now
 *   OMCACHE_BUFFER_FULL  more unsent than omcache_set_send_buffer_max_size allows: see
 *                        omcache_set_drain_callback
 *   OMCACHE_NO_MEMORY    out of memory
 *   OMCACHE_CANCELLED    the handle is being freed
 *
 * timeout_msec limits the whole operation; -1 (or any other negative number): only
 * the server's dead timeout does.  With func NULL nobody is told: a failure
 * (a condition that is not met is none) is counted and logged, and timeout_msec is ignored.
 *
 * omcache_reply_status says how an operation ended: one of the outcomes of the
 * classic function of its name, or
 *   OMCACHE_TIMEOUT         its time is over; it may have been carried out all the same
 *   OMCACHE_SERVER_FAILURE  the server or its connection failed; likewise
 *   OMCACHE_INVALID         it had to wait for the protocol, which cannot carry it
 *   OMCACHE_NO_MEMORY       there was none to send it with, or to keep its answer until
 *                           the function had returned
 *   OMCACHE_NO_DESCRIPTORS  there was no descriptor, or local port, to connect with
 *   OMCACHE_CANCELLED       by omcache_free or omcache_reset_buffers
 *
 * Requests leave together: those made in callbacks when the omcache_process_* call
 * ends that made them, all others when the loop is entered again, for which their
 * descriptors are watched for POLLOUT.
 */

/* The outcome of an operation.  It and what it points to are the library's, and
 * valid until the callback returns. */
typedef struct omcache_reply_s omcache_reply_t;
typedef void(omcache_reply_callback_func)(omcache_t *mc, const omcache_reply_t *reply,
                                          void *context);

/* How it ended.  Returns one of omcache_ret_e.  Since 1.0. */
int omcache_reply_status(const omcache_reply_t *reply);

/* The key that was asked for, without the handle's prefix, or what a statistic is
 * called; *key_len (key_len may be NULL) is its length in bytes.
 * Returns NULL with 0 for an operation without key, and for the completion that ends
 * several.  Since 1.0. */
const unsigned char *omcache_reply_key(const omcache_reply_t *reply, size_t *key_len);

/* The value, or with OMCACHE_FAIL the server's words; *value_len (value_len may be NULL) is
 * its length in bytes.
 * Returns NULL with 0 if there is none; not NULL for a value of no bytes.  Since 1.0. */
const unsigned char *omcache_reply_value(const omcache_reply_t *reply, size_t *value_len);

/* The flags of a value that was got.  Returns them, else 0.  Since 1.0. */
uint32_t omcache_reply_flags(const omcache_reply_t *reply);

/* The cas of the value that was got, stored, touched or counted; over the text protocol
 * only of one that was got.  Returns it, else 0.  Since 1.0. */
uint64_t omcache_reply_cas(const omcache_reply_t *reply);

/* What a counter is after increment or decrement.  Returns it, else 0.  Since 1.0. */
uint64_t omcache_reply_number(const omcache_reply_t *reply);

/* The server that answered, or failed.  Returns its index, or -1 if there was
 * none, or it is not in the list any more.  Since 1.0. */
int omcache_reply_server_index(const omcache_reply_t *reply);

/* Gets a value, its flags and cas.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_get(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context);

/* Gets a value and gives it a new expiration.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_gat(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Gets key_count values.  func is called once for each key, also for those that are
 * not there (OMCACHE_NOT_FOUND), in any order; then once more without a key, with
 * OMCACHE_OK, or the status of the first key that got no answer.  If only some of the
 * keys can be accepted, the others complete with the reason.
 * Returns OMCACHE_OK if at least one key was accepted or key_count is 0, else as
 * said above; OMCACHE_INVALID also if func is NULL.  Since 1.0. */
int omcache_async_get_multi(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                            size_t key_count, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Stores a value, whatever was there; only over a value with that cas, if cas is not 0.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Stores a value if nothing is there.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_add(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context);

/* Stores a value if something is there.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_replace(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Adds bytes behind a value; only if it has that cas, if cas is not 0.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_append(omcache_t *mc, const void *key, size_t key_len, const void *value,
                         size_t value_len, uint64_t cas, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context);

/* Adds bytes in front of a value; only if it has that cas, if cas is not 0.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_prepend(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, uint64_t cas, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Counts up by delta from what is there; a counter that is not there is made
 * with initial and expiration, unless expiration is OMCACHE_DELTA_NO_ADD.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once,
 * but for -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_increment(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Counts down by delta, to 0 at most; otherwise the same as omcache_async_increment.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once,
 * but for -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_decrement(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Removes a value.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_delete(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context);

/* Gives a value a new expiration.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_touch(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                        int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Asks one server for an answer.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_noop(omcache_t *mc, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context);

/* Asks one server for its version, which is the value then.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_version(omcache_t *mc, int server_index, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Tells one server to drop all values: at once, or later.
 * expiration: seconds, more than 30 days of them a Unix time; 0 or negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_flush_all(omcache_t *mc, time_t expiration, int server_index,
                            int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Asks one server for statistics: command is a NUL-terminated string, such as
 * "items", or NULL for the general ones.  func is called once for each, with its name
 * as the key, then once more without a key; or only that, with what went wrong.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_stat(omcache_t *mc, const char *command, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context);

/*
 * What the meta protocol adds (since 1.0).
 *
 * The omcache_async_meta_* functions are those of the same names without "meta_", with
 * options: all that is said above of omcache_async_* holds for them.  They need a server
 * that is spoken to in the meta protocol (see omcache_set_protocol).  If it is known
 * that it is not, they return OMCACHE_INVALID; if that is found out later, they end
 * with OMCACHE_INVALID.  An option that the server's version does not know has it end
 * with OMCACHE_FAIL; the server's words are the value then, and are logged.
 *
 * Many readers of a value that runs out, of which one is to make it anew:
 *  - with omcache_meta_set_vivify, the first to miss the value gets OMCACHE_OK with an
 *    empty value and omcache_reply_won; with omcache_meta_set_recache, the first to
 *    get it shortly before it runs out gets the value and omcache_reply_won; and so does
 *    the first to get it after a delete with omcache_meta_set_invalidate;
 *  - who has won makes the value anew and stores it: with the cas of the reply by
 *    omcache_meta_set_cas, if it must not overwrite a newer one;
 *  - all others meanwhile get what is there, with omcache_reply_already_won and, after
 *    such a delete, omcache_reply_is_stale.
 * Other gets, of this library and others, get empty and stale values as any others, and
 * may win after such a delete without being told: get such keys with
 * omcache_async_meta_get only.
 */

/* Options of operations.  An object can serve any number of them, of any handles; it is
 * for one thread at a time, and what is called with it copies what it needs. */
typedef struct omcache_meta_s omcache_meta_t;

/* How omcache_async_meta_set stores and omcache_async_meta_arithmetic counts. */
enum omcache_meta_mode_e {
    OMCACHE_META_DEFAULT = 0,  /* store, whatever is there; count up */
    OMCACHE_META_ADD = 1,      /* store if nothing is there, */
    OMCACHE_META_REPLACE = 2,  /* if something is there, */
    OMCACHE_META_APPEND = 3,   /* behind what is there, */
    OMCACHE_META_PREPEND = 4,  /* in front of it */
    OMCACHE_META_DECREMENT = 5 /* count down, to 0 at most */
};

/* What a reply is to tell; to be added up. */
enum omcache_meta_want_e {
    OMCACHE_META_WANT_VALUE = 1,
    OMCACHE_META_WANT_FLAGS = 2,
    OMCACHE_META_WANT_CAS = 4,
    OMCACHE_META_WANT_TTL = 8,          /* omcache_reply_ttl */
    OMCACHE_META_WANT_LAST_ACCESS = 16, /* omcache_reply_last_access */
    OMCACHE_META_WANT_WAS_HIT = 32,     /* omcache_reply_was_hit */
    OMCACHE_META_WANT_SIZE = 64         /* omcache_reply_size */
};

/* Makes options, of which none is set; omcache_meta_free frees them.
 * Returns NULL if out of memory.  From anywhere.  Since 1.0. */
omcache_meta_t *omcache_meta_new(void);

/* Frees options; operations that were started with them go on.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  From anywhere.  Since 1.0. */
int omcache_meta_free(omcache_meta_t *meta);

/* Gives what is got, stored or counted this expiration; with a delete only together
 * with omcache_meta_set_invalidate, and not with OMCACHE_META_APPEND and _PREPEND.
 * expiration: seconds, more than 30 days of them a Unix time, below 2^31; 0: never; -1:
 * leave it as it is (never where a value is made), as at first.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or expiration is another
 * number.  From anywhere.  Since 1.0. */
int omcache_meta_set_ttl(omcache_meta_t *meta, time_t expiration);

/* For gets: the first one that finds less than so many seconds left wins.
 * seconds: 0 to 2^31 - 1; -1: none wins for that reason, as at first.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or seconds is another number.
 * From anywhere.  Since 1.0. */
int omcache_meta_set_recache(omcache_meta_t *meta, int64_t seconds);

/* Makes what is not there: for gets an empty value, and the one that did so wins; for
 * arithmetic a counter; for OMCACHE_META_APPEND and _PREPEND the value (memcached up to
 * 1.6.18 ignores it there and makes nothing).
 * expiration: of what is made, seconds, more than 30 days of them a Unix time, below 2^31;
 * 0: never; -1: make nothing, as at first.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or expiration is another
 * number.  From anywhere.  Since 1.0. */
int omcache_meta_set_vivify(omcache_meta_t *meta, time_t expiration);

/* For arithmetic with omcache_meta_set_vivify: what a counter is that it makes; 0 at
 * first.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  From anywhere.  Since 1.0. */
int omcache_meta_set_initial(omcache_meta_t *meta, uint64_t initial);

/* For gets: on is 1 to leave no traces, neither in the server's list of what was used
 * last nor in what later replies tell of hits and accesses; 0, as at first: it counts.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or on is neither.  From
 * anywhere.  Since 1.0. */
int omcache_meta_set_no_lru_bump(omcache_meta_t *meta, int on);

/* on is 1 to have a delete leave the value there, but stale, with a new cas; and to have
 * a set with omcache_meta_set_cas store over a value with a newer cas, too, but as
 * stale.  0, as at first: neither.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or on is neither.  From
 * anywhere.  Since 1.0. */
int omcache_meta_set_invalidate(omcache_meta_t *meta, int on);

/* For set, delete and arithmetic: to be done only to a value with this cas, else
 * OMCACHE_KEY_EXISTS.  0: whatever it is, as at first.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  From anywhere.  Since 1.0. */
int omcache_meta_set_cas(omcache_meta_t *meta, uint64_t cas);

/* The cas that what is changed is to have, such as a version of the application's own,
 * for set and arithmetic; for gets with omcache_meta_set_vivify; for deletes with
 * omcache_meta_set_invalidate.  0: the server chooses it, as at first.  memcached
 * 1.6.18 does not know this option, newer ones do.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  From anywhere.  Since 1.0. */
int omcache_meta_set_new_cas(omcache_meta_t *meta, uint64_t cas);

/* For set and arithmetic: one of omcache_meta_mode_e.  memcached up to 1.6.12 tells no new
 * cas after OMCACHE_META_APPEND and _PREPEND.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or there is no such mode.  From
 * anywhere.  Since 1.0. */
int omcache_meta_set_mode(omcache_meta_t *meta, int mode);

/* For gets: what the reply is to tell, bits of omcache_meta_want_e; at first value,
 * flags and cas, and 0 asks only whether there is a value.  For arithmetic
 * OMCACHE_META_WANT_TTL can be wanted; number and cas always come, as the cas does with
 * a set.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or there are other bits.  From
 * anywhere.  Since 1.0. */
int omcache_meta_set_want(omcache_meta_t *meta, int want);

/* Gets what the options want of a value; options are omcache_meta_set_ttl, _recache,
 * _vivify, _no_lru_bump, _new_cas and _want, or NULL for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_get(omcache_t *mc, const void *key, size_t key_len,
                           const omcache_meta_t *options, int32_t timeout_msec,
                           omcache_reply_callback_func *func, void *context);

/* Stores a value with its flags, which append and prepend leave as they are; options are
 * omcache_meta_set_mode, _ttl, _vivify, _cas, _new_cas and _invalidate, or NULL for none.
 * Ends with OMCACHE_NOT_STORED if the mode forbids it.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                           size_t value_len, uint32_t flags, const omcache_meta_t *options,
                           int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Removes a value, or makes it stale; options are omcache_meta_set_invalidate, _cas, _ttl
 * and _new_cas, or NULL for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                              const omcache_meta_t *options, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context);

/* Counts by delta; options are omcache_meta_set_mode, _ttl, _vivify, _initial, _cas,
 * _new_cas and _want, or NULL for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                                  const omcache_meta_t *options, int32_t timeout_msec,
                                  omcache_reply_callback_func *func, void *context);

/* Whether a value that was got with omcache_async_meta_get is stale: good enough until
 * there is a new one, if that is good enough for the application.
 * Returns 1 if it is, else 0.  Since 1.0. */
int omcache_reply_is_stale(const omcache_reply_t *reply);

/* Whether it is on this get, and no other, to make the value anew.
 * Returns 1 if it is, else 0.  Since 1.0. */
int omcache_reply_won(const omcache_reply_t *reply);

/* Whether another get has won, and the value is as it was: the old one, or the empty one
 * that omcache_meta_set_vivify has made.
 * Returns 1 if so, else 0.  Since 1.0. */
int omcache_reply_already_won(const omcache_reply_t *reply);

/* How long the value will live (OMCACHE_META_WANT_TTL).
 * Returns seconds; -1 if it lives forever; -2 if that was not wanted or told.  Since 1.0. */
int64_t omcache_reply_ttl(const omcache_reply_t *reply);

/* When the value was last used before (OMCACHE_META_WANT_LAST_ACCESS).
 * Returns how many seconds ago; -1 if that was not wanted or told.  Since 1.0. */
int64_t omcache_reply_last_access(const omcache_reply_t *reply);

/* Whether the value was got before since it was stored (OMCACHE_META_WANT_WAS_HIT).
 * Returns 1 if it was, 0 if not; -1 if that was not wanted or told.  Since 1.0. */
int omcache_reply_was_hit(const omcache_reply_t *reply);

/* How large the value is (OMCACHE_META_WANT_SIZE), also if it was not wanted itself.
 * Returns bytes; -1 if that was not wanted or told.  Since 1.0. */
int64_t omcache_reply_size(const omcache_reply_t *reply);

/* Tells that a server has room again for what it refused with OMCACHE_BUFFER_FULL, and
 * that at most half of the send limit is unsent.  Not called for a request that is
 * larger than the limit. */
typedef void(omcache_drain_callback_func)(omcache_t *mc, int server_index, void *context);

/* Sets the drain callback, or takes it back (func NULL).
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.  Never waits; may be called from a
 * callback.  Since 1.0. */
int omcache_set_drain_callback(omcache_t *mc, omcache_drain_callback_func *func, void *context);

/*
 * Counters (since 1.0).
 */

enum omcache_server_state_e {
    OMCACHE_SERVER_IDLE = 0,       /* no connection, one is made when it is needed */
    OMCACHE_SERVER_CONNECTING = 1, /* up to the first answer */
    OMCACHE_SERVER_READY = 2,
    OMCACHE_SERVER_DOWN = 3 /* failed, and used again when a reconnect succeeds */
};

/* Where the last connection that failed, or attempt at one, came to its end. */
enum omcache_failure_e {
    OMCACHE_FAILURE_NONE = 0,      /* none has failed yet */
    OMCACHE_FAILURE_NAME = 1,      /* no address: the lookup of the name failed, or took too long */
    OMCACHE_FAILURE_CONNECT = 2,   /* no connection: refused, unreachable, no answer in time */
    OMCACHE_FAILURE_HANDSHAKE = 3, /* no sign that there is a memcached */
    OMCACHE_FAILURE_CONNECTION = 4 /* a connection that had worked broke, or fell silent */
};

enum { OMCACHE_LATENCY_BUCKETS = 32 };

/* What a handle knows of a server since it was first in its list.  Members are only
 * ever added at the end. */
typedef struct omcache_server_stats_s {
    size_t struct_size;   /* in: sizeof(omcache_server_stats_t); out: what of it was filled */
    int32_t state;        /* one of omcache_server_state_e */
    int32_t last_failure; /* one of omcache_failure_e */
    uint64_t connects;    /* connections that got to the first answer */
    uint64_t failures;    /* connections and attempts at one that failed */
    uint64_t requests;    /* accepted */
    uint64_t replies;     /* answers to them, however many parts they had */
    uint64_t hits;        /* gets that found something, */
    uint64_t misses;      /* and nothing */
    uint64_t timeouts;    /* operations that ended with OMCACHE_TIMEOUT */
    uint64_t lost;      /* requests that failed, were refused or never sent, and nobody was told */
    uint64_t bytes_in;  /* received */
    uint64_t bytes_out; /* sent */
    uint64_t outstanding; /* requests neither answered nor given up now */
    uint64_t buffered;    /* bytes not yet sent now */
    /* How many answers took so many microseconds from the call on: latency[0] less
     * than 2, latency[i] from 2 to the power of i to less than twice that. */
    uint64_t latency[OMCACHE_LATENCY_BUCKETS];
} omcache_server_stats_t;

/* Fills in *stats, of which the caller sets struct_size before; members beyond that
 * are not touched.
 * Returns OMCACHE_OK; OMCACHE_NO_SERVERS if there is no server with that index;
 * OMCACHE_INVALID if a pointer is NULL or struct_size less than that of the first
 * release.  Never waits; may be called from any callback.  Since 1.0. */
int omcache_server_stats(omcache_t *mc, int server_index, omcache_server_stats_t *stats);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* OMCACHE_H */
