/*
 * OMcache - a memcached client library
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This is the whole public interface.  The classic API (version nodes OMCACHE_0.1 and
 * OMCACHE_0.2) is declared in omcache_cdef.h.  This file includes it: include this file
 * only, never that one directly.  The functions that came with 1.0 (version node
 * OMCACHE_1.0) are declared below.
 *
 * These rules hold for every function:
 *
 *  - A handle may be used by one thread at a time.  Different handles share nothing.
 *  - Keys are 1 to 250 bytes long.  Values have any length that the server accepts.
 *    Both may contain any bytes; neither is a C string and neither needs a NUL.
 *  - An expiration is in seconds, as memcached counts them: 0 means never, a number up
 *    to 30 days (2592000) is relative to now, and a larger number is a Unix time.  An
 *    item with a negative expiration, of whatever size, expires at once.  Unix times of
 *    2^32 (in 2106) and more are sent as 2^32 - 2.  Over the meta and text protocols,
 *    Unix times of 2^31 (in 2038) and more mean never.
 *  - timeout_msec is in milliseconds.  With 0 the function never waits.  With -1 (or any
 *    other negative number) it waits until the servers answer or their dead timeout ends
 *    the wait.
 *  - A function that returns int returns one of omcache_ret_e, unless its comment says
 *    otherwise.  If a pointer that is needed is NULL, or a key has a wrong length, the
 *    function returns OMCACHE_INVALID and sends nothing.
 *  - If memory runs out, a function returns OMCACHE_NO_MEMORY (or NULL, if it returns a
 *    pointer).  Then it has done nothing; a request has not been sent.  If there is no
 *    memory to go on with a connection, that connection fails, and requests already sent
 *    over it fail with OMCACHE_SERVER_FAILURE.
 *  - If the system has no file descriptor, local port or kernel memory left for a new
 *    connection, requests fail with OMCACHE_NO_DESCRIPTORS or OMCACHE_NO_MEMORY, and no
 *    part of them is sent.  The server does not count as down because of that: its keys
 *    stay with it.  One line in the log, of severity error, says what is missing.
 *  - Inside a response or log callback, only these functions may be called on the handle
 *    that is calling back: omcache_strerror, omcache_log_stderr, omcache_server_info,
 *    omcache_server_info_free, omcache_server_stats, omcache_server_latency,
 *    omcache_latency_bound, omcache_server_protocol, omcache_free, and those omcache_set_*
 *    functions whose comment allows it.  All others return OMCACHE_INVALID (or NULL;
 *    omcache_server_index_for_key and omcache_next_timeout return -1).  Where a comment
 *    says "from a callback", it means these two callbacks.  Inside all other callbacks
 *    every function may be called.  Other handles may be used freely in any callback.
 *  - No function touches signals, and no function waits for a name lookup.
 *  - After a fork() both processes can use the handle.  In the parent it goes on as if
 *    nothing had happened.  In the child it starts afresh with the first call that uses
 *    servers: it keeps its settings, servers and counters, but it has no connections,
 *    and no server is down.  Requests in flight belong to the parent.  In the child,
 *    operations end with OMCACHE_CANCELLED, and the requests of classic calls, buffered
 *    ones included, are forgotten.  That first call also closes the child's copies of
 *    the parent's descriptors, and sends nothing over them.  A child that makes no such
 *    call keeps them open until it ends.  If fork() was called inside a callback, or
 *    while another thread was in a call on the handle, the child cannot use the handle:
 *    its calls, omcache_free included, return OMCACHE_INVALID, but for those that only tell
 *    what was counted; and it must not return from the callback.
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

/* The version of this header: major << 16 | minor << 8 | patch.
 * omcache_server_info_t.omcache_version has the version of the library. */
#define OMCACHE_VERSION 0x00010000

/* An expiration for omcache_increment and omcache_decrement: they do not create a
 * counter that does not exist, and return OMCACHE_NOT_FOUND instead. */
#define OMCACHE_DELTA_NO_ADD 0xffffffffu

#include "omcache_cdef.h"

/* The 1.0 interface. */

enum omcache_failover_e {
    OMCACHE_FAILOVER_NEXT = 0, /* keys go to the next server of the ring */
    OMCACHE_FAILOVER_NONE = 1  /* requests fail, as with libmemcached by default */
};

/* Sets where the keys of a server go while it is down.  With OMCACHE_FAILOVER_NEXT (the
 * default) they go to the next server.  With OMCACHE_FAILOVER_NONE their requests fail
 * with OMCACHE_NO_SERVERS until the server is back, or with OMCACHE_SERVER_FAILURE if
 * they were in flight when it failed.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or mode is neither of these.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_failover(omcache_t *mc, int mode);

#define OMCACHE_KEEPALIVE_MAX 32767

/* Sets after how many seconds of silence on a TCP connection the kernel asks whether the
 * peer is still there (SO_KEEPALIVE).  The default is 60, the maximum is
 * OMCACHE_KEEPALIVE_MAX, and 0 means never.  The kernel asks three times, at intervals
 * of a third of that time, but at least a second.  If no answer comes, the connection
 * fails; no request is lost if none was in flight.  So firewalls and the like do not
 * forget idle connections, and dead connections are noticed.  The setting applies to all
 * connections, present and future.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or seconds is too large.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_keepalive(omcache_t *mc, uint32_t seconds);

enum omcache_protocol_e {
    OMCACHE_PROTOCOL_AUTO = 0,   /* what the server is found to speak */
    OMCACHE_PROTOCOL_BINARY = 1, /* deprecated in memcached since 1.6.0 */
    OMCACHE_PROTOCOL_META = 2,   /* memcached 1.6.10 and newer */
    OMCACHE_PROTOCOL_TEXT = 3    /* the classic text protocol, which proxies speak, too */
};

/* Sets the protocol for all servers, for connections that are made from now on.  With
 * OMCACHE_PROTOCOL_AUTO (the default) the library finds out on the first connection to
 * each server what the server speaks: the first that it knows of META, TEXT and BINARY.
 * The library remembers that until the server answers differently.  If one protocol was
 * set and a server does not speak it, that server is down, the log says so, and no value
 * is sent to it.  memcached 1.6.0 to 1.6.9 have an older META and count as TEXT servers
 * here.  doc/protocols.md says what each protocol can carry.  A request that the
 * protocol cannot carry is refused with OMCACHE_INVALID; if the protocol was not known
 * yet, the request ends with OMCACHE_INVALID later.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or protocol is none of these.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_protocol(omcache_t *mc, int protocol);

/* Tells which protocol is in use with a server.
 * Returns one of omcache_protocol_e, OMCACHE_PROTOCOL_AUTO if it is not known yet; or -1
 * if mc is NULL or there is no such server.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_server_protocol(omcache_t *mc, int server_index);

/* Sets the DNS servers for name lookups: "ip" or "ip:port", several of them separated by
 * commas; an IPv6 address with a port is in brackets ("[::1]:53").  NULL (the default)
 * means the servers that the system uses.  All names are looked up anew when the next
 * connections are made; existing connections stay.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (mc is NULL, servers
 * cannot be parsed, called from a callback, or the library was built without name lookup
 * and servers is not NULL) or OMCACHE_NO_MEMORY.
 * Never waits.  Since 1.0. */
int omcache_set_dns_servers(omcache_t *mc, const char *servers);

/* Chooses by name how keys are distributed over the servers, and rebuilds the ring.
 * distribution is one of
 *   "ketama" (the default), "ketama-weighted", "ketama-pre1010", "ketama-spy",
 *   "ketama-spy-weighted", "modula", "virtual-bucket", "random": as libmemcached;
 *   "twemproxy", "libmc": as these clients.
 * hash is the hash function for keys; for "ketama" and "ketama-spy" also for the points
 * of the ring.  It is one of
 *   "one-at-a-time", "md5", "crc", "fnv1_32", "fnv1a_32", "fnv1_64", "fnv1a_64",
 *   "murmur", "murmur3", "jenkins", "hsieh";
 * or NULL for the distribution's own: md5 for "ketama-weighted", "ketama-spy-weighted"
 * and "libmc", fnv1a_64 for "twemproxy", one-at-a-time for all others.
 * doc/key-distribution.md says which choice equals which setting of which client.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (mc or distribution is
 * NULL, a name is unknown, called from a callback) or OMCACHE_NO_MEMORY.
 * Never waits.  Since 1.0. */
int omcache_set_distribution(omcache_t *mc, const char *distribution, const char *hash);

/* Sets a prefix that is put in front of every key that is sent.  It has prefix_len
 * bytes, at most 249; 0 (the default) means no prefix.  Keys come back without the
 * prefix.  Keys may then be at most 250 - prefix_len bytes long.  If hashed is not 0,
 * the prefix takes part in the choice of the server, as with libmemcached's
 * MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY.  prefix is copied.  Requests in flight keep
 * the prefix they were made with, even if they have to go to another server.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (mc is NULL, prefix is
 * NULL and prefix_len is not 0, prefix_len is larger than 249, called from a callback).
 * Never waits.  Since 1.0. */
int omcache_set_key_prefix(omcache_t *mc, const void *prefix, size_t prefix_len, int hashed);

/* Lets only a part of a key choose the server, so that keys with the same part are on
 * the same server.  tag is a string of two characters, such as "{}".  The part is what
 * stands between the first occurrence of the first character in the key and the next
 * occurrence of the second.  If there is no such part, or it is empty, the whole key
 * chooses the server.  A hashed prefix counts only together with a whole key.  This is
 * the hash_tag of twemproxy.  NULL (the default) means that whole keys choose.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (mc is NULL, tag has
 * another length, called from a callback).
 * Never waits.  Since 1.0. */
int omcache_set_hash_tag(omcache_t *mc, const char *tag);

/*
 * How to use a handle in the application's own event loop (since 1.0).
 *
 * For libevent, libev, libuv and GLib, the headers of these names in omcache/ do all of
 * this.  For other loops: the library tells the application which descriptors to watch,
 * and the application tells the library which of them are ready.
 *
 *  - The watch callback says what to watch (with epoll_ctl, event_add and the like).
 *  - The application calls omcache_process_fd for each descriptor that is ready.
 *  - The application calls omcache_process_timeouts when the time that
 *    omcache_next_timeout returned has passed.
 *
 * Operations complete in these two calls, in every classic call that waits, and in
 * omcache_free.  Watch, timeout and drain callbacks are called at the end of the call
 * that changed something.  If that call was made from inside a callback, they are called
 * at the end of the outermost call: so do not run the event loop from inside a callback.
 *
 * After a fork(), the child's watch callback is told to stop watching the parent's
 * descriptors, at the end of the child's first call.  Parent and child share one epoll
 * set.  So the child's loop must make a new one before that call (event_reinit,
 * ev_loop_fork, uv_loop_fork), or it would remove the parent's descriptors from the
 * parent's loop.
 *
 * Inside the callbacks of this section every function may be called, omcache_free
 * included.  (Response and log callbacks allow less, see above.)  A classic call that
 * waits may complete other operations meanwhile, also those of the same multi-get or
 * statistics request as the one whose callback is running.
 */

/* Asks the application to watch fd for events: POLLIN and POLLOUT as in <poll.h>.  fd is
 * new, or is watched already and the events replace the former ones.  If events is 0,
 * stop watching fd; it is still open during the call and is closed after it.  The
 * callback is not called when nothing has changed. */
typedef void(omcache_watch_callback_func)(omcache_t *mc, int fd, short events, void *context);

/* Sets the watch callback, or removes it (func is NULL).  A new callback is called at
 * once for every open descriptor; the old one is not called any more.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL, or mc is being freed and func is
 * not NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_watch_callback(omcache_t *mc, omcache_watch_callback_func *func, void *context);

/* Tells the application to call omcache_process_timeouts within timeout_msec
 * milliseconds.  This is called when that time is nearer than it was at the last call of
 * this callback, of omcache_next_timeout or of omcache_process_timeouts. */
typedef void(omcache_timeout_callback_func)(omcache_t *mc, int timeout_msec, void *context);

/* Sets the timeout callback, or removes it (func is NULL).  A new callback is called at
 * once if any timeout is set.  Only loops with timers of their own need it.  A loop that
 * calls omcache_next_timeout each time before it sleeps does not.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_timeout_callback(omcache_t *mc, omcache_timeout_callback_func *func, void *context);

/* Handles a descriptor that is ready.  revents has the bits of poll(), POLLERR and
 * POLLHUP included.  The function reads and writes what it can without waiting, and
 * calls the callbacks of operations that have completed.  Then it sends the requests
 * that these callbacks made, all requests to one server together.
 * Returns OMCACHE_OK; OMCACHE_NOT_FOUND if fd is not watched, which is harmless: a loop
 * may still hold an event of a descriptor that it was told to stop watching;
 * OMCACHE_INVALID if mc is NULL; OMCACHE_CANCELLED if a callback has freed the handle,
 * which is then gone.
 * Never waits.  Since 1.0. */
int omcache_process_fd(omcache_t *mc, int fd, short revents);

/* Tells when omcache_process_timeouts has to be called.
 * Returns the number of milliseconds until then: 0 if it is due now, -1 if it is not due
 * before something else happens.  Also returns -1 if mc is NULL or being freed, or when
 * called from a callback.
 * Never waits.  Since 1.0. */
int omcache_next_timeout(omcache_t *mc);

/* Ends what has timed out, and starts what was to begin at this time, such as a
 * reconnect.  A call that comes too early does no harm.
 * Returns OMCACHE_OK; OMCACHE_INVALID if mc is NULL; OMCACHE_CANCELLED if a callback has
 * freed the handle, which is then gone.
 * Never waits.  Since 1.0. */
int omcache_process_timeouts(omcache_t *mc);

/*
 * Asynchronous operations: each one completes with a callback (since 1.0).
 *
 * Each omcache_async_* function copies its arguments and never waits.  It returns
 * OMCACHE_OK if the operation was accepted.  Then func is called exactly once, and not
 * before the function has returned.  That holds even if the watch, timeout and drain
 * callbacks that run at its end make calls that wait.  There is one exception: if one of
 * those callbacks frees the handle, func has already been called when OMCACHE_OK is
 * returned, with OMCACHE_CANCELLED or with the outcome, if there was one.  If the
 * operation was not accepted, nothing is done, func is never called, and the function
 * returns
 *   OMCACHE_INVALID      mc or key is NULL, a key has a wrong length, or there is no such
 *                        server_index
 *   OMCACHE_NO_SERVERS   there are no servers, or none that can be used now
 *   OMCACHE_BUFFER_FULL  more would be unsent than omcache_set_send_buffer_max_size allows:
 *                        see omcache_set_drain_callback
 *   OMCACHE_NO_MEMORY    out of memory
 *   OMCACHE_CANCELLED    the handle is being freed
 *
 * timeout_msec limits the time of the whole operation.  With -1 (or any other negative
 * number) only the server's dead timeout limits it.  func may be NULL: then nobody is
 * told the outcome, a failure is counted and logged, and timeout_msec is ignored.  A
 * condition that is not met, such as OMCACHE_NOT_FOUND, is not a failure.
 *
 * omcache_reply_status tells how an operation ended: with one of the results of the
 * classic function of the same name, or with
 *   OMCACHE_TIMEOUT         it timed out; the server may have carried it out all the same
 *   OMCACHE_SERVER_FAILURE  the server or its connection failed; likewise
 *   OMCACHE_INVALID         the protocol was not known yet, and turned out to be one that
 *                           cannot carry it
 *   OMCACHE_NO_MEMORY       there was no memory to send it, or to keep its answer until the
 *                           function had returned
 *   OMCACHE_NO_DESCRIPTORS  there was no descriptor or local port to connect with
 *   OMCACHE_CANCELLED       omcache_free or omcache_reset_buffers ended it
 *
 * Requests to one server are sent together.  Those made in callbacks of an
 * omcache_process_* call are sent when that call ends.  All others are sent when the
 * loop runs again: their descriptors are watched for POLLOUT.
 */

/* The outcome of an operation.  The reply, and what it points to, belong to the library
 * and are valid until the callback returns. */
typedef struct omcache_reply_s omcache_reply_t;
typedef void(omcache_reply_callback_func)(omcache_t *mc, const omcache_reply_t *reply,
                                          void *context);

/* Tells how the operation ended.  Returns one of omcache_ret_e.  Since 1.0. */
int omcache_reply_status(const omcache_reply_t *reply);

/* Gets the key of the operation, without the handle's prefix, or the name of a
 * statistic.  *key_len becomes its length in bytes; key_len may be NULL.
 * Returns the key; NULL, with *key_len 0, for an operation without a key and for the
 * last call of a multi-get or a statistics request.  Since 1.0. */
const unsigned char *omcache_reply_key(const omcache_reply_t *reply, size_t *key_len);

/* Gets the value, or with OMCACHE_FAIL the server's error text.  *value_len becomes its
 * length in bytes; value_len may be NULL.
 * Returns the value; NULL, with *value_len 0, if there is none.  For a value of 0 bytes
 * it is not NULL.  Since 1.0. */
const unsigned char *omcache_reply_value(const omcache_reply_t *reply, size_t *value_len);

/* Gets the flags of a value that was read.  Returns the flags, or 0 if there are none.
 * Since 1.0. */
uint32_t omcache_reply_flags(const omcache_reply_t *reply);

/* Gets the cas of a value that was read, stored, touched, incremented or decremented;
 * over the text protocol only of one that was read.  Returns the cas, or 0 if there is
 * none.  Since 1.0. */
uint64_t omcache_reply_cas(const omcache_reply_t *reply);

/* Gets the new number of a counter after increment or decrement.  Returns it, or 0 if
 * there is none.  Since 1.0. */
uint64_t omcache_reply_number(const omcache_reply_t *reply);

/* Gets the server that answered or failed.  Returns its index; -1 if there was no
 * server, or it is not in the list any more.  Since 1.0. */
int omcache_reply_server_index(const omcache_reply_t *reply);

/* Gets a value, its flags and cas.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_get(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context);

/* Gets a value and sets its new expiration.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_gat(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Gets key_count values.  func is called once for each key, in any order, also for keys
 * that do not exist (with OMCACHE_NOT_FOUND).  Then func is called once more without a
 * key: with OMCACHE_OK, or with the status of the first key that got no answer.  If only
 * some of the keys can be accepted, the others complete with the reason.
 * Returns OMCACHE_OK if at least one key was accepted or key_count is 0, else as said
 * above; OMCACHE_INVALID also if func is NULL.  Since 1.0. */
int omcache_async_get_multi(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                            size_t key_count, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Stores a value, whether or not the key exists.  If cas is not 0, the value is stored
 * only if the present one has this cas.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                      int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Stores a value only if the key does not exist.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_add(omcache_t *mc, const void *key, size_t key_len, const void *value,
                      size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                      omcache_reply_callback_func *func, void *context);

/* Stores a value only if the key exists.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_replace(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Appends bytes to the end of a value; if cas is not 0, only if the value has this cas.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_append(omcache_t *mc, const void *key, size_t key_len, const void *value,
                         size_t value_len, uint64_t cas, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context);

/* Adds bytes at the beginning of a value; if cas is not 0, only if the value has this
 * cas.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_prepend(omcache_t *mc, const void *key, size_t key_len, const void *value,
                          size_t value_len, uint64_t cas, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Adds delta to a counter.  A counter that does not exist is created with the number
 * `initial` and this expiration, unless expiration is OMCACHE_DELTA_NO_ADD.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at
 * once, except -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_increment(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Subtracts delta from a counter, but not below 0; otherwise the same as
 * omcache_async_increment.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at
 * once, except -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_decrement(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            uint64_t initial, time_t expiration, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Deletes a value.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_delete(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                         omcache_reply_callback_func *func, void *context);

/* Sets a new expiration of a value.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_touch(omcache_t *mc, const void *key, size_t key_len, time_t expiration,
                        int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Checks that one server answers.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_noop(omcache_t *mc, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context);

/* Asks one server for its version, which becomes the value of the reply.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_version(omcache_t *mc, int server_index, int32_t timeout_msec,
                          omcache_reply_callback_func *func, void *context);

/* Tells one server to delete all values, at once or later.
 * expiration: seconds, more than 30 days of them a Unix time; 0 or negative: at once.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_flush_all(omcache_t *mc, time_t expiration, int server_index,
                            int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Tells one server how much to say in its log: level 0 is least, 1 or 2 is more.  Over the
 * binary protocol memcached does not answer this: OMCACHE_INVALID.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_verbosity(omcache_t *mc, uint32_t level, int server_index, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Tells one server how many megabytes of memory to use for values, as memcached's option
 * -m does.  Where that cannot be, because it is too little or the server cannot change it,
 * the operation ends with OMCACHE_FAIL and the server's words.  The binary protocol does
 * not have this: OMCACHE_INVALID.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_cache_memlimit(omcache_t *mc, uint32_t megabytes, int server_index,
                                 int32_t timeout_msec, omcache_reply_callback_func *func,
                                 void *context);

/* Tells one server how much to say in its log, as omcache_async_verbosity, and waits for it.
 * Returns what omcache_noop returns, or OMCACHE_INVALID for the reason above.
 * Waits for at most timeout_msec.  Since 1.0. */
int omcache_verbosity(omcache_t *mc, uint32_t level, int server_index, int32_t timeout_msec);

/* Tells one server how much memory to use, as omcache_async_cache_memlimit, and waits for it.
 * Returns what omcache_noop returns, or OMCACHE_FAIL and OMCACHE_INVALID for the reasons
 * above.
 * Waits for at most timeout_msec.  Since 1.0. */
int omcache_cache_memlimit(omcache_t *mc, uint32_t megabytes, int server_index,
                           int32_t timeout_msec);

/* Asks one server for statistics.  command is a NUL-terminated string, such as "items",
 * or NULL for the general statistics.  func is called once for each statistic, with its
 * name as the key, then once more without a key.  If the request fails, func may be
 * called only once, without a key and with the status of the failure.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_stat(omcache_t *mc, const char *command, int server_index, int32_t timeout_msec,
                       omcache_reply_callback_func *func, void *context);

/*
 * Streams (since 1.0): requests that a server answers with any number of lines, for which
 * func is called one by one.  No more memory is needed for millions of lines than for one.
 *
 * Each stream has a connection of its own, which is closed when the stream ends; nothing
 * else waits behind it.  The library speaks the text protocol there, whatever
 * omcache_set_protocol has chosen.  TLS, credentials and timeouts are those of the handle.
 * A server that speaks only the binary protocol has no streams: they end with
 * OMCACHE_SERVER_FAILURE, and the log says why.  If the program is slow, the server waits
 * with its lines, or for a watch leaves some out.
 *
 * All that is said above of omcache_async_* holds for streams, and:
 *  - func must not be NULL (OMCACHE_INVALID).
 *  - timeout_msec is for the whole stream.  It is looked at when the lines that were
 *    received together, of up to 68 KiB, have been told.
 *  - func is told of one line at a time: calls that it makes are told of no other line of
 *    that stream, and do not wait for it.
 *  - omcache_io without requests waits for streams, too.  omcache_reset_buffers ends them.
 *  - omcache_server_stats counts nothing of them.
 */

/* Asks one server for the keys of all its items.  func is called once for each item with
 * status OMCACHE_OK: its key is the item's key as it is on the server, a prefix of the
 * handle included, and its value is what the server says of the item, as text:
 * "exp=1796033046 la=1796032946 cas=2 fetch=no cls=1 size=65" (when it expires, as Unix
 * time, -1: never; when it was last used; its cas; whether it was read since it was stored;
 * its slab class; its size in bytes).  Newer servers add to that.  Then func is called once
 * more, without a key, with the status of the end: OMCACHE_OK if that were all;
 * OMCACHE_AGAIN if the server is going through its items already, for another client or for
 * itself: ask again after a while; OMCACHE_FAIL if it refused, with its words as the value
 * ("ERROR" before memcached 1.4.31); else as for every operation.  Items that are stored,
 * deleted or used meanwhile may be among them or not.  The server is not slowed down much.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_dump_keys(omcache_t *mc, int server_index, int32_t timeout_msec,
                            omcache_reply_callback_func *func, void *context);

/* Asks one server to tell of what happens there, as it happens.  events says of what, in
 * memcached's words with blanks between them, such as "fetchers mutations evictions"; NULL
 * or "" is what the server takes for that ("fetchers").  OMCACHE_INVALID if it has over 250
 * bytes, or control characters.  memcached has this since 1.6.10; older servers keep
 * silent, until omcache_set_dead_timeout ends it.  It takes 20 watches at a time, and
 * refuses others.
 * func is called with status OMCACHE_OK and without a value when the server has begun, then
 * once for each line, which is the value, without the line's end: "ts=1796032955.984619
 * gid=2 type=item_get key=k status=found clsid=1 cfd=13 size=1".  A key in it is encoded
 * like a part of a URL.  If the server has too much to tell, it leaves lines out.
 * A watch does not end by itself.  It ends with OMCACHE_TIMEOUT after timeout_msec (-1:
 * never), with OMCACHE_CANCELLED by omcache_end_streams, with OMCACHE_FAIL and the server's
 * words if it refuses, or when the connection ends.  A server may be silent for as long as
 * nothing happens: omcache_set_dead_timeout does not apply once it has begun, and
 * omcache_set_keepalive finds out whether it is still there.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_watch(omcache_t *mc, const char *events, int server_index, int32_t timeout_msec,
                        omcache_reply_callback_func *func, void *context);

/* Ends the streams that were begun with that context.  Each is told of with
 * OMCACHE_CANCELLED, when callbacks are called the next time.  Does not wait; may be called
 * from the callbacks of operations, that of the stream included.
 * Returns OMCACHE_OK, whether or not there were any; OMCACHE_INVALID or OMCACHE_CANCELLED as
 * said above.  Since 1.0. */
int omcache_end_streams(omcache_t *mc, void *context);

/*
 * What the meta protocol adds (since 1.0).
 *
 * The omcache_async_meta_* functions are like the functions of the same names without
 * "meta_", but take options.  All that is said above of omcache_async_* holds for them.
 * They need a server that speaks the meta protocol (see omcache_set_protocol).  If the
 * library knows that the server does not speak it, they return OMCACHE_INVALID.  If it
 * finds that out later, the operation ends with OMCACHE_INVALID.  If the server's
 * version does not know an option, the operation ends with OMCACHE_FAIL; the server's
 * error text is then the value, and is logged.
 *
 * When a value that many clients read expires, one of them should make the new one.  It
 * works like this:
 *  - One reader wins: omcache_reply_won returns 1 for its get.  With
 *    omcache_meta_set_vivify, the first get that misses the value wins, and gets
 *    OMCACHE_OK and an empty value.  With omcache_meta_set_recache, the first get
 *    shortly before the value expires wins, and gets the value.  After a delete with
 *    omcache_meta_set_invalidate, the first get wins, and gets the value.
 *  - The winner makes the new value and stores it.  If it must not overwrite a newer
 *    value, it passes the cas of the reply to omcache_meta_set_cas.
 *  - All other readers meanwhile get what is there.  omcache_reply_already_won returns 1
 *    for them, and after such a delete also omcache_reply_is_stale.
 * Other kinds of gets, of this library and of others, return empty and stale values like
 * any other value.  After such a delete they may win without being told.  So read such
 * keys with omcache_async_meta_get, omcache_meta_get and omcache_meta_get_multi only.
 */

/* Options of operations.  One object can be used for any number of operations, on any
 * handles.  It may be used by one thread at a time.  Functions that take it copy what
 * they need. */
typedef struct omcache_meta_s omcache_meta_t;

/* How omcache_async_meta_set stores, and how omcache_async_meta_arithmetic counts. */
enum omcache_meta_mode_e {
    OMCACHE_META_DEFAULT = 0,  /* store, whether or not the key exists; or add to a counter */
    OMCACHE_META_ADD = 1,      /* store only if the key does not exist */
    OMCACHE_META_REPLACE = 2,  /* store only if the key exists */
    OMCACHE_META_APPEND = 3,   /* append to the value */
    OMCACHE_META_PREPEND = 4,  /* add at the beginning of the value */
    OMCACHE_META_DECREMENT = 5 /* subtract from a counter, but not below 0 */
};

/* What a reply is to contain; add up the numbers. */
enum omcache_meta_want_e {
    OMCACHE_META_WANT_VALUE = 1,
    OMCACHE_META_WANT_FLAGS = 2,
    OMCACHE_META_WANT_CAS = 4,
    OMCACHE_META_WANT_TTL = 8,          /* omcache_reply_ttl */
    OMCACHE_META_WANT_LAST_ACCESS = 16, /* omcache_reply_last_access */
    OMCACHE_META_WANT_WAS_HIT = 32,     /* omcache_reply_was_hit */
    OMCACHE_META_WANT_SIZE = 64         /* omcache_reply_size */
};

/* Creates an object with no option set.  Free it with omcache_meta_free.
 * Returns NULL if out of memory.  May be called from anywhere.  Since 1.0. */
omcache_meta_t *omcache_meta_new(void);

/* Frees options.  Operations that were started with them go on.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  May be called from anywhere.
 * Since 1.0. */
int omcache_meta_free(omcache_meta_t *meta);

/* Sets the expiration of the item that is read, stored or counted.  A delete takes this
 * option only together with omcache_meta_set_invalidate.  OMCACHE_META_APPEND and
 * OMCACHE_META_PREPEND do not take it.
 * expiration: seconds, more than 30 days of them a Unix time, below 2^31; 0: never; -1
 * (the default): the expiration stays as it is, and an item that is created never
 * expires.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or expiration is another number.
 * May be called from anywhere.  Since 1.0. */
int omcache_meta_set_ttl(omcache_meta_t *meta, time_t expiration);

/* For gets: the first get that finds less than this number of seconds left wins.
 * seconds: 0 to 2^31 - 1; -1 (the default): no get wins for this reason.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or seconds is another number.  May
 * be called from anywhere.  Since 1.0. */
int omcache_meta_set_recache(omcache_meta_t *meta, int64_t seconds);

/* Creates the item if the key does not exist.  A get creates an empty value, and wins.
 * Arithmetic creates a counter.  OMCACHE_META_APPEND and OMCACHE_META_PREPEND create the
 * value; memcached up to 1.6.18 ignores the option there and creates nothing.
 * expiration: of the item that is created, in seconds, more than 30 days of them a Unix
 * time, below 2^31; 0: never; -1 (the default): create nothing.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or expiration is another number.
 * May be called from anywhere.  Since 1.0. */
int omcache_meta_set_vivify(omcache_meta_t *meta, time_t expiration);

/* For arithmetic with omcache_meta_set_vivify: sets the number of a counter that is
 * created.  The default is 0.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  May be called from anywhere.
 * Since 1.0. */
int omcache_meta_set_initial(omcache_meta_t *meta, uint64_t initial);

/* For gets: with on = 1 the get leaves no trace on the server.  It does not move the
 * item in the server's list of recently used items, and later replies do not report it
 * as a hit or an access.  With on = 0 (the default) the get counts.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or on is neither 0 nor 1.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_set_no_lru_bump(omcache_meta_t *meta, int on);

/* With on = 1, a delete does not remove the value, but marks it as stale and gives it a
 * new cas.  With on = 1, a set with omcache_meta_set_cas also replaces a value with a
 * newer cas, but the value it stores is stale.  With on = 0 (the default) neither
 * happens.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or on is neither 0 nor 1.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_set_invalidate(omcache_meta_t *meta, int on);

/* For deletes: with on = 1 the value is removed and its item stays, with its expiration; what
 * reads it finds an empty value without flags.  Together with omcache_meta_set_invalidate the
 * empty value is stale.  With on = 0 (the default) the item goes, too.  memcached up to 1.6.26
 * does not know this option.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or on is neither 0 nor 1.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_set_drop_value(omcache_meta_t *meta, int on);

/* Adds a flag to the request for which there is no function here: one that a newer server
 * knows, or a proxy, such as P (path) and L (label) of memcached's own.  It is sent as it is,
 * as the letter with the token behind it.  A server that does not know the letter refuses the
 * request (OMCACHE_FAIL).  What comes back is found by omcache_reply_meta_flag.
 * letter: A to Z or a to z; none that omcache_meta_set_* stand for, nor one that the library
 * needs for itself (b, k, q, D, F, M, O, S), nor one that was added before.
 * token: len bytes without blanks and control bytes; NULL if len is 0.  It is copied.
 * There may be 5 such flags, of 64 bytes in all, with 2 for each flag besides its token:
 * memcached refuses more than 19 words in a line, and then takes a value for commands.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL, or the flag is not like that.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_add_flag(omcache_meta_t *meta, int letter, const void *token, size_t len);

/* For set, delete and arithmetic: the operation is done only if the value has this cas;
 * otherwise it ends with OMCACHE_KEY_EXISTS.  For gets: who has a value already, and its cas,
 * asks whether there is another one.  If not, the reply has no value, and
 * omcache_reply_unchanged returns 1; memcached up to 1.6.39 sends the value in any case.
 * Such a get must want the value.  A server counts its cas from 1 on again when it is
 * restarted, and each server by itself: where that may bring a number back, choose it at
 * random when the value is stored, with omcache_meta_set_new_cas.  With 0 (the default) any
 * cas will do.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  May be called from anywhere.
 * Since 1.0. */
int omcache_meta_set_cas(omcache_meta_t *meta, uint64_t cas);

/* Sets the cas that the changed item gets, such as a version number of the application.
 * It applies to set and arithmetic, to gets with omcache_meta_set_vivify, and to deletes
 * with omcache_meta_set_invalidate.  With 0 (the default) the server chooses the cas.
 * memcached 1.6.18 does not know this option, newer versions do.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL.  May be called from anywhere.
 * Since 1.0. */
int omcache_meta_set_new_cas(omcache_meta_t *meta, uint64_t cas);

/* For set and arithmetic: sets the mode, one of omcache_meta_mode_e.  memcached up to
 * 1.6.12 does not tell the new cas after OMCACHE_META_APPEND and OMCACHE_META_PREPEND.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or there is no such mode.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_set_mode(omcache_meta_t *meta, int mode);

/* For gets: sets what the reply contains, as bits of omcache_meta_want_e.  The default
 * is value, flags and cas.  0 asks only whether the key exists.  For arithmetic,
 * OMCACHE_META_WANT_TTL can be set; its reply always contains the number and the cas.
 * The reply of a set always contains the cas; OMCACHE_META_WANT_SIZE adds the size of the
 * value that is there then, which memcached before 1.6.20 does not tell.
 * Returns OMCACHE_OK; OMCACHE_INVALID if meta is NULL or there are other bits.  May be
 * called from anywhere.  Since 1.0. */
int omcache_meta_set_want(omcache_meta_t *meta, int want);

/* Gets a value, or what omcache_meta_set_want asks for.  The options that apply are
 * omcache_meta_set_ttl, _recache, _vivify, _no_lru_bump, _cas, _new_cas and _want.  options
 * may be NULL, for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_get(omcache_t *mc, const void *key, size_t key_len,
                           const omcache_meta_t *options, int32_t timeout_msec,
                           omcache_reply_callback_func *func, void *context);

/* Stores a value with its flags.  Append and prepend leave the flags as they are.  The
 * options that apply are omcache_meta_set_mode, _ttl, _vivify, _cas, _new_cas, _invalidate and
 * _want.  options may be NULL, for none.  The operation ends with
 * OMCACHE_NOT_STORED if the mode forbids it.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                           size_t value_len, uint32_t flags, const omcache_meta_t *options,
                           int32_t timeout_msec, omcache_reply_callback_func *func, void *context);

/* Deletes a value, or marks it as stale.  The options that apply are
 * omcache_meta_set_invalidate, _drop_value, _cas, _ttl and _new_cas.  options may be NULL,
 * for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                              const omcache_meta_t *options, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context);

/* Adds delta to a counter or, with OMCACHE_META_DECREMENT, subtracts it.  The options
 * that apply are omcache_meta_set_mode, _ttl, _vivify, _initial, _cas, _new_cas and
 * _want.  options may be NULL, for none.
 * Returns OMCACHE_OK if accepted, else as said above; OMCACHE_INVALID also for other
 * options.  Since 1.0. */
int omcache_async_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                                  const omcache_meta_t *options, int32_t timeout_msec,
                                  omcache_reply_callback_func *func, void *context);

/* Asks what the server knows of an item, for people to read.  The value of the reply is the
 * server's text, in memcached 1.6 such as "exp=-1 la=3 cas=2 fetch=no cls=1 size=63": when it
 * expires, the seconds since it was last accessed, its cas, whether it was ever read, its
 * slab class and its size in memory.
 * Returns OMCACHE_OK if accepted, else as said above.  Since 1.0. */
int omcache_async_meta_debug(omcache_t *mc, const void *key, size_t key_len, int32_t timeout_msec,
                             omcache_reply_callback_func *func, void *context);

/*
 * The same operations by calls that wait for them, for programs without an event loop.
 *
 * Such a call returns the status with which the operation has ended, which is any that
 * omcache_reply_status has, such as OMCACHE_OK, OMCACHE_NOT_FOUND or OMCACHE_TIMEOUT.
 * *reply is then what came.  The reply belongs to the handle, and is there, with all that
 * it points to, until the handle's next call; the key that it names is the caller's own, or a
 * copy of one that was handed out.
 * What was handed out may be passed to that next call as its key or value, but not in an
 * array.  reply may be NULL.
 *
 * Otherwise *reply is NULL, and the call returns
 *  - OMCACHE_INVALID if mc is NULL, if an argument or option is not for this operation, if
 *    another protocol was chosen, in the response or log callback, or if timeout_msec is 0:
 *    a program that does not wait uses omcache_async_*;
 *  - OMCACHE_CANCELLED or OMCACHE_FAIL if a callback has freed the handle;
 *  - OMCACHE_NO_MEMORY, from omcache_meta_get_multi, or if the key or value is what the call
 *    before has handed out.
 *
 * timeout_msec: milliseconds; -1: no limit but those of the handle.
 * They may be called from callbacks of operations.
 */

/* Gets a value, or what omcache_meta_set_want asks for, and waits for it; the options are
 * those of omcache_async_meta_get.
 * Returns as said above.  Since 1.0. */
int omcache_meta_get(omcache_t *mc, const void *key, size_t key_len, const omcache_meta_t *options,
                     const omcache_reply_t **reply, int32_t timeout_msec);

/* Gets key_count values with the same options, and waits for them.  replies, an array of
 * the caller's with room for as many, gets the reply about each key, in the order of the
 * keys.  timeout_msec is for all together.  Of one server there is room for as many bytes as
 * omcache_set_recv_buffer_max_size says: the keys beyond that end with OMCACHE_BUFFER_FULL.
 * Returns OMCACHE_OK if each key was found or is known not to exist, else the status of the
 * first that was not; or as said above, with each reply NULL.  Since 1.0. */
int omcache_meta_get_multi(omcache_t *mc, const void *const *keys, const size_t *key_lens,
                           size_t key_count, const omcache_meta_t *options,
                           const omcache_reply_t **replies, int32_t timeout_msec);

/* Stores a value with its flags, and waits for that; the options are those of
 * omcache_async_meta_set.
 * Returns as said above.  Since 1.0. */
int omcache_meta_set(omcache_t *mc, const void *key, size_t key_len, const void *value,
                     size_t value_len, uint32_t flags, const omcache_meta_t *options,
                     const omcache_reply_t **reply, int32_t timeout_msec);

/* Deletes a value, or marks it as stale, and waits for that; the options are those of
 * omcache_async_meta_delete.
 * Returns as said above.  Since 1.0. */
int omcache_meta_delete(omcache_t *mc, const void *key, size_t key_len,
                        const omcache_meta_t *options, const omcache_reply_t **reply,
                        int32_t timeout_msec);

/* Adds to a counter, or subtracts from it, and waits for that; the options are those of
 * omcache_async_meta_arithmetic.
 * Returns as said above.  Since 1.0. */
int omcache_meta_arithmetic(omcache_t *mc, const void *key, size_t key_len, uint64_t delta,
                            const omcache_meta_t *options, const omcache_reply_t **reply,
                            int32_t timeout_msec);

/* Asks what the server knows of an item, and waits for it: see omcache_async_meta_debug.
 * Returns as said above.  Since 1.0. */
int omcache_meta_debug(omcache_t *mc, const void *key, size_t key_len,
                       const omcache_reply_t **reply, int32_t timeout_msec);

/*
 * One reader makes a value, the others wait for it or take the old one (since 1.0).
 *
 * A value that takes long to make is kept in the cache, and when it is missing there, or about
 * to run out, everybody who reads it would make it.  omcache_fetch and omcache_async_fetch let
 * one of them do so.  What omcache_reply_fetched returns for their reply says what to do:
 *  - OMCACHE_FETCH_FRESH: use the value.
 *  - OMCACHE_FETCH_STALE: use the value; it is older than it should be, and somebody makes
 *    a new one.
 *  - OMCACHE_FETCH_MAKE: make the value, and store it with omcache_fetch_store or
 *    omcache_async_fetch_store.  Their token is the cas of this reply.  If the reply has a
 *    value, that is the old one, which may be used meanwhile.
 *  - OMCACHE_FETCH_WAITED: somebody makes the value, and was waited for as long as the policy
 *    allows.  The status is OMCACHE_TIMEOUT.
 *  - OMCACHE_FETCH_NONE: the request failed; omcache_reply_status tells how.
 * Who is to make a value and cannot calls omcache_fetch_abandon or its asynchronous form: the
 * next reader is to make it then.  Who says nothing, as it has crashed, is replaced by another
 * reader when policy.making seconds are over, or, where there is an old value, when that has
 * run out.
 *
 * To say that a value is not right any more, use omcache_fetch_invalidate or its asynchronous
 * form; or delete the key.  Who was making a value then cannot store it: it may have been made
 * of what is not right any more.
 *
 * This needs the meta protocol.  Over others, reader and maker agree by a second key, the
 * name of the first with ":making" behind it: a value is not made by two, but refresh and
 * stale have no effect, the token is 0, and what was invalidated meanwhile is stored all the
 * same.  Programs that share keys must use the same protocol for that, and read such keys by
 * these functions only: to others what is being made is an empty value.
 */

/* How values of a key are fetched.  All times are seconds, up to ten years. */
typedef struct omcache_fetch_policy_s {
    size_t struct_size; /* sizeof(omcache_fetch_policy_t) */
    int64_t ttl;        /* for so long a value is fresh after it was stored; more than 0 */
    int64_t refresh;    /* so long before that is over one reader is to make the next one; or 0 */
    int64_t stale;      /* so long after it is over the old value may be used meanwhile; or 0 */
    int64_t making;     /* so long it takes at most to make a value; 0: 30.  Where there is to be an
                         * old value meanwhile, refresh + stale should not be less. */
    int32_t wait_msec;  /* a reader waits at most so many milliseconds for who makes a value that
                         * is missing; 0: not at all; -1: until the call's timeout */
    int32_t want;       /* what else is to be told of a value over meta, as bits of
                         * omcache_meta_want_e; or 0 */
    uint64_t known;     /* the cas of a value that the program has kept, or 0.  If it is still that
                         * one, memcached 1.6.40 and newer do not send it again over meta:
                         * omcache_reply_unchanged returns 1, and there is no value. */
    uint64_t known_connection; /* what omcache_reply_connection returned for that value.  Over
                                * another connection the value is sent in any case: a server
                                * that was restarted may give the same cas to another value.  (A
                                * proxy does not show that: do not use this behind one.) */
} omcache_fetch_policy_t;

enum omcache_fetch_e {
    OMCACHE_FETCH_NONE = 0,
    OMCACHE_FETCH_FRESH = 1,
    OMCACHE_FETCH_STALE = 2,
    OMCACHE_FETCH_MAKE = 3,
    OMCACHE_FETCH_WAITED = 4
};

/* Fetches a value; func is called once, when it is known what to do.
 * policy: is copied.  timeout_msec: for all of it; -1: no limit.
 * Returns OMCACHE_OK if accepted, else as said of the omcache_async_* functions;
 * OMCACHE_INVALID also if func is NULL, timeout_msec is 0, or the policy is not as said above.
 * Since 1.0. */
int omcache_async_fetch(omcache_t *mc, const void *key, size_t key_len,
                        const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                        omcache_reply_callback_func *func, void *context);

/* The same by a call that waits.  *reply is what came, and belongs to the handle: it is there
 * until the handle's next call.
 * Returns the status of the reply, or, with *reply NULL, as said of omcache_meta_get;
 * OMCACHE_INVALID also if reply is NULL or the policy is not as said above.  Since 1.0. */
int omcache_fetch(omcache_t *mc, const void *key, size_t key_len,
                  const omcache_fetch_policy_t *policy, const omcache_reply_t **reply,
                  int32_t timeout_msec);

/* Stores the value that was to be made.
 * token: the cas of the reply that said so; 0, from other protocols than meta: stores it in any
 * case.  policy: the same as then.
 * Ends with OMCACHE_KEY_EXISTS or OMCACHE_NOT_FOUND if the value was invalidated or deleted
 * meanwhile, or somebody else has stored one; it is not stored then.
 * Returns OMCACHE_OK if accepted, else as said of the omcache_async_* functions;
 * OMCACHE_INVALID also if the policy is not as said above.  Since 1.0. */
int omcache_async_fetch_store(omcache_t *mc, const void *key, size_t key_len, const void *value,
                              size_t value_len, uint32_t flags, uint64_t token,
                              const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                              omcache_reply_callback_func *func, void *context);

/* The same by a call that waits.
 * Returns the status with which it ends, as above.  Since 1.0. */
int omcache_fetch_store(omcache_t *mc, const void *key, size_t key_len, const void *value,
                        size_t value_len, uint32_t flags, uint64_t token,
                        const omcache_fetch_policy_t *policy, int32_t timeout_msec);

/* Says that a value is not right any more: where policy.stale allows it, the old one may be used
 * for so long until there is a new one; else it is deleted.  The next reader is to make it.
 * Ends with OMCACHE_NOT_FOUND if there is none.
 * Returns OMCACHE_OK if accepted, else as said of the omcache_async_* functions;
 * OMCACHE_INVALID also if the policy is not as said above.  Since 1.0. */
int omcache_async_fetch_invalidate(omcache_t *mc, const void *key, size_t key_len,
                                   const omcache_fetch_policy_t *policy, int32_t timeout_msec,
                                   omcache_reply_callback_func *func, void *context);

/* The same by a call that waits.
 * Returns the status with which it ends, as above.  Since 1.0. */
int omcache_fetch_invalidate(omcache_t *mc, const void *key, size_t key_len,
                             const omcache_fetch_policy_t *policy, int32_t timeout_msec);

/* Gives up making a value: the next reader is to make it.  An old value, if there is one, is
 * stale then.
 * token: the cas of the reply that said that it was to be made.
 * Ends with OMCACHE_KEY_EXISTS or OMCACHE_NOT_FOUND if somebody else has it to make already.
 * Returns OMCACHE_OK if accepted, else as said of the omcache_async_* functions.  Since 1.0. */
int omcache_async_fetch_abandon(omcache_t *mc, const void *key, size_t key_len, uint64_t token,
                                int32_t timeout_msec, omcache_reply_callback_func *func,
                                void *context);

/* The same by a call that waits.
 * Returns the status with which it ends, as above.  Since 1.0. */
int omcache_fetch_abandon(omcache_t *mc, const void *key, size_t key_len, uint64_t token,
                          int32_t timeout_msec);

/* Tells what to do after a fetch.
 * Returns one of omcache_fetch_e; OMCACHE_FETCH_NONE also for replies to other operations.
 * Since 1.0. */
int omcache_reply_fetched(const omcache_reply_t *reply);

/* Tells whether a value that was read with one of the meta gets is stale.  The application may
 * use a stale value until there is a new one.
 * Returns 1 if it is stale, else 0.  Since 1.0. */
int omcache_reply_is_stale(const omcache_reply_t *reply);

/* Tells whether this get, and no other, has to make the new value.
 * Returns 1 if so, else 0.  Since 1.0. */
int omcache_reply_won(const omcache_reply_t *reply);

/* Tells whether another get has won and has not stored the new value yet.  This reply
 * then has the old value, or the empty one that omcache_meta_set_vivify created.
 * Returns 1 if so, else 0.  Since 1.0. */
int omcache_reply_already_won(const omcache_reply_t *reply);

/* Finds a flag that came with the reply, by its letter, such as one that was asked for by
 * omcache_meta_add_flag.  Sets *token to the bytes behind the letter, which are not
 * NUL-terminated, and *len to their number (both may be NULL).
 * Returns 1; 0 if no such flag came, if the library keeps it for itself (b, k, O), or if the
 * operation was not one of the meta operations, or failed.  Since 1.0. */
int omcache_reply_meta_flag(const omcache_reply_t *reply, int letter, const unsigned char **token,
                            size_t *len);

/* Tells whether a get with omcache_meta_set_cas has found that cas: the value is the one that
 * the application has, and is not in the reply.
 * Returns 1 if so, else 0.  Since 1.0. */
int omcache_reply_unchanged(const omcache_reply_t *reply);

/* Tells over which connection the reply of a get, a set, a delete or arithmetic with options, or
 * of a fetch, came.  Returns a number up to INT64_MAX that no other connection has, of this
 * handle or of another one; 0 if the protocol is another one than meta, or nothing came.
 * Since 1.0. */
uint64_t omcache_reply_connection(const omcache_reply_t *reply);

/* Tells how long it is until the value expires (OMCACHE_META_WANT_TTL).
 * Returns seconds; -1 if it never expires; -2 if the reply does not contain it.  Since
 * 1.0. */
int64_t omcache_reply_ttl(const omcache_reply_t *reply);

/* Tells how long ago the value was last used before this operation
 * (OMCACHE_META_WANT_LAST_ACCESS).
 * Returns seconds; -1 if the reply does not contain it.  Since 1.0. */
int64_t omcache_reply_last_access(const omcache_reply_t *reply);

/* Tells whether the value had been read before since it was stored
 * (OMCACHE_META_WANT_WAS_HIT).
 * Returns 1 if it had, 0 if not; -1 if the reply does not contain it.  Since 1.0. */
int omcache_reply_was_hit(const omcache_reply_t *reply);

/* Tells the size of the value (OMCACHE_META_WANT_SIZE), also if the value itself was not
 * asked for.
 * Returns bytes; -1 if the reply does not contain it.  Since 1.0. */
int64_t omcache_reply_size(const omcache_reply_t *reply);

/* Tells that a server has room again for the requests that it had refused with
 * OMCACHE_BUFFER_FULL, and that at most half of the send limit is unsent.  It is not
 * called for a request that is larger than the limit. */
typedef void(omcache_drain_callback_func)(omcache_t *mc, int server_index, void *context);

/* Sets the drain callback, or removes it (func is NULL).
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_drain_callback(omcache_t *mc, omcache_drain_callback_func *func, void *context);

/*
 * TLS (since 1.0).
 */

/* The settings of TLS, for omcache_set_tls.  New ones have these defaults: certificates are
 * verified against those that the system trusts, and must be for the server as the list has it, a
 * name or an address; TLS 1.2 or newer; no certificate of one's own.  omcache_set_tls reads them:
 * after that they may be changed, used for other handles, and freed.  They are for one thread at a
 * time.
 * The functions omcache_tls_set_... return OMCACHE_OK; OMCACHE_INVALID if tls is NULL, a string is
 * empty, or for what each says; OMCACHE_NO_MEMORY without memory.  NULL in place of a path or name
 * sets the default.  Strings are copied.  They never wait, and may be called from any callback. */
typedef struct omcache_tls_s omcache_tls_t;

/* Returns settings that the caller frees; NULL without memory.  Since 1.0. */
omcache_tls_t *omcache_tls_new(void);

/* Frees settings; NULL is ignored.  Since 1.0. */
void omcache_tls_free(omcache_tls_t *tls);

/* Sets whose certificates are trusted: those of a file in PEM format, of a directory as
 * `openssl rehash` makes it, or of both.  Default: the system's.
 * Returns OMCACHE_OK, OMCACHE_INVALID or OMCACHE_NO_MEMORY.  Since 1.0. */
int omcache_tls_set_ca_file(omcache_tls_t *tls, const char *path);

/* Sets such a directory.  It is looked into when a certificate is to be checked, in a handshake,
 * and may change until then.
 * Returns OMCACHE_OK, OMCACHE_INVALID or OMCACHE_NO_MEMORY.  Since 1.0. */
int omcache_tls_set_ca_directory(omcache_tls_t *tls, const char *path);

/* Sets the certificate that is shown to servers which ask for one, with those between it and a
 * root behind it, and its private key without a passphrase, both in PEM format.
 * Returns OMCACHE_OK, OMCACHE_INVALID (also if only one of both is NULL) or OMCACHE_NO_MEMORY.
 * Since 1.0. */
int omcache_tls_set_certificate(omcache_tls_t *tls, const char *certificate_path,
                                const char *key_path);

/* Sets the name or address that the servers' certificates must be for, and that they are told,
 * in place of what the list has.  Servers on socket paths need one.
 * Returns OMCACHE_OK, OMCACHE_INVALID or OMCACHE_NO_MEMORY.  Since 1.0. */
int omcache_tls_set_server_name(omcache_tls_t *tls, const char *name);

/* Sets whether certificates are verified.  Without that (enabled is 0) anybody who can reach the
 * connection can read and change all of it; omcache_set_tls logs a warning.
 * Returns OMCACHE_OK or OMCACHE_INVALID.  Since 1.0. */
int omcache_tls_set_verification(omcache_tls_t *tls, int enabled);

enum { OMCACHE_TLS_1_2 = 12, OMCACHE_TLS_1_3 = 13 };

/* Sets the oldest version that is spoken.
 * Returns OMCACHE_OK or OMCACHE_INVALID (also for any other number).  Since 1.0. */
int omcache_tls_set_min_version(omcache_tls_t *tls, int version);

/* Sets what may encrypt: ciphers of TLS 1.2 and suites of TLS 1.3, as OpenSSL lists them.
 * Returns OMCACHE_OK, OMCACHE_INVALID or OMCACHE_NO_MEMORY.  Since 1.0. */
int omcache_tls_set_ciphers(omcache_tls_t *tls, const char *ciphers, const char *suites);

/* Has all connections that are made from now on use TLS, or not (tls is NULL); others go on as they
 * are.  In the list of servers "tcp://" in front of an address excepts it from TLS, and "tls://"
 * has it use TLS in any case: with these settings or, if tls is NULL, with the defaults.
 * The files are read now; a call with the same settings reads them again.
 * Calls of a handle that speaks TLS empty the calling thread's queue of OpenSSL's errors.
 * Returns OMCACHE_OK; OMCACHE_INVALID if mc is NULL, a file cannot be used, or the library was
 * built without TLS: the log says which; or OMCACHE_NO_MEMORY.  What was set before stays then.
 * Reads files, and may wait for them; may be called from a callback.  Since 1.0. */
int omcache_set_tls(omcache_t *mc, const omcache_tls_t *tls);

/*
 * Authentication (since 1.0).
 */

/* Sets the user name and the password that servers are told when a connection is made, with the
 * first words and without a round trip more: memcached's -Y over text and meta, and SASL PLAIN (-S)
 * over binary.  user NULL: none, as at first.  Both are copied, wiped when they are replaced or the
 * handle is freed, and never logged.  Connections that are open go on as they are.  A server
 * without authentication ignores them.
 * Where a server refuses them, requests for it end with OMCACHE_AUTH_FAILED, unless they go to
 * another one, the log says so, and the server counts as down.  Over a connection without TLS to
 * another machine anybody on the way can read them: the first time, the log warns.
 * Returns OMCACHE_OK; OMCACHE_INVALID if mc is NULL, or the user or the password is longer than 255
 * bytes or has control characters, or the user is empty or has blanks; OMCACHE_NO_MEMORY without
 * memory.
 * Never waits; may be called from a callback.  Since 1.0. */
int omcache_set_credentials(omcache_t *mc, const void *user, size_t user_len, const void *password,
                            size_t password_len);

/*
 * Counters (since 1.0).
 */

enum omcache_server_state_e {
    OMCACHE_SERVER_IDLE = 0,       /* no connection; one is made when it is needed */
    OMCACHE_SERVER_CONNECTING = 1, /* name lookup, connect and handshake, to the first answer */
    OMCACHE_SERVER_READY = 2,      /* connected, and the handshake is done */
    OMCACHE_SERVER_DOWN = 3        /* failed; used again when a reconnect succeeds */
};

/* At which stage the last failed connection, or attempt to connect, failed. */
enum omcache_failure_e {
    OMCACHE_FAILURE_NONE = 0,          /* none has failed yet */
    OMCACHE_FAILURE_NAME = 1,          /* no address: the name lookup failed or timed out */
    OMCACHE_FAILURE_CONNECT = 2,       /* no connection: refused, unreachable or timed out */
    OMCACHE_FAILURE_HANDSHAKE = 3,     /* connected, but the peer did not answer like a memcached */
    OMCACHE_FAILURE_CONNECTION = 4,    /* a connection that had worked broke or fell silent */
    OMCACHE_FAILURE_AUTHENTICATION = 5 /* the server refused the credentials, or wants some */
};

enum { OMCACHE_LATENCY_BUCKETS = 32 };

/* What a handle has counted for a server since the server first was in its list.  New
 * members are only ever added at the end. */
typedef struct omcache_server_stats_s {
    size_t struct_size;   /* in: sizeof(omcache_server_stats_t); out: how much was filled in */
    int32_t state;        /* one of omcache_server_state_e */
    int32_t last_failure; /* one of omcache_failure_e */
    uint64_t connects;    /* connections that received a first answer */
    uint64_t failures;    /* connections, and attempts to connect, that failed */
    uint64_t requests;    /* requests accepted */
    uint64_t replies;     /* requests answered; an answer in many parts counts once */
    uint64_t hits;        /* gets that found a value */
    uint64_t misses;      /* gets that found none */
    uint64_t timeouts;    /* operations that ended with OMCACHE_TIMEOUT */
    uint64_t lost;        /* requests failed, refused or never sent, and nobody was told */
    uint64_t bytes_in;    /* bytes received */
    uint64_t bytes_out;   /* bytes sent */
    uint64_t outstanding; /* at present: requests neither answered nor given up */
    uint64_t buffered;    /* at present: bytes not yet sent, as for the send limit */
    /* Answers counted by latency, in microseconds from the call to the answer.  latency[0]
     * counts those of less than 2; latency[i] those from 2^i to less than 2^(i + 1). */
    uint64_t latency[OMCACHE_LATENCY_BUCKETS];
    uint64_t handshakes; /* of TLS, that succeeded */
    int32_t tls_version; /* at present: OMCACHE_TLS_1_2, OMCACHE_TLS_1_3, or 0 without TLS */
    int32_t tls_resumed; /* at present: 1 if the session of an earlier connection goes on, else 0 */
} omcache_server_stats_t;

/* Fills in *stats.  The caller sets stats->struct_size before; members beyond that size
 * are not touched.
 * Returns OMCACHE_OK; OMCACHE_NO_SERVERS if there is no server with that index;
 * OMCACHE_INVALID if a pointer is NULL or struct_size is smaller than the struct of the
 * first release.
 * Never waits; may be called from any callback.  Since 1.0. */
int omcache_server_stats(omcache_t *mc, int server_index, omcache_server_stats_t *stats);

enum { OMCACHE_LATENCY_STEPS = 464 };

/* Tells how many answers of a server took how long, in steps that are fine enough for
 * percentiles: 1 microsecond wide up to 32, at most 6.25 percent wide above that.  The first call
 * for a server begins to count, and all counts are 0 then; from then on that server takes 3.7 KB
 * more memory, until it is removed from the list.  What counts are the `replies` of
 * omcache_server_stats: an answer in many parts once, and no silence of a quiet request.
 * counts[i] becomes the number of answers of at least omcache_latency_bound(i) microseconds, and
 * less than omcache_latency_bound(i + 1), from the call to the answer.  *count is the room in
 * counts; it becomes the number of those that were filled in, OMCACHE_LATENCY_STEPS at most.
 * Returns OMCACHE_OK; OMCACHE_NO_SERVERS if there is no server with that index;
 * OMCACHE_INVALID if a pointer is NULL; OMCACHE_NO_MEMORY without memory to count in.
 * Never waits; may be called from any callback.  Since 1.0. */
int omcache_server_latency(omcache_t *mc, int server_index, uint64_t *counts, size_t *count);

/* Tells where a step of omcache_server_latency begins.
 * Returns microseconds; for OMCACHE_LATENCY_STEPS and more, 2^32, where the last step ends.
 * Never waits; may be called from any callback.  Since 1.0. */
uint64_t omcache_latency_bound(size_t step);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* OMCACHE_H */
