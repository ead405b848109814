/*
 * The classic OMcache API, in the form that cffi's cdef() reads: declarations
 * and comments only, no preprocessor lines.  C programs include omcache.h,
 * which also says what holds for all of these functions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* A client: its settings, servers, connections and buffers.  Opaque. */
typedef struct omcache_s omcache_t;

typedef enum omcache_ret_e {
    OMCACHE_OK = 0x00,               /* done */
    OMCACHE_NOT_FOUND = 0x01,        /* the key is not there */
    OMCACHE_KEY_EXISTS = 0x02,       /* the key is there already, or its cas differs */
    OMCACHE_TOO_LARGE_VALUE = 0x03,  /* larger than the server takes */
    OMCACHE_NOT_STORED = 0x05,       /* append or prepend: nothing there to add to */
    OMCACHE_DELTA_BAD_VALUE = 0x06,  /* increment or decrement: not a number */
    OMCACHE_FAIL = 0x0fff,           /* any other refusal by the server */
    OMCACHE_AGAIN = 0x1001,          /* not finished in time; the answer may still come */
    OMCACHE_INVALID = 0x1002,        /* the arguments make no sense; nothing was done */
    OMCACHE_BUFFERED = 0x1003,       /* accepted; the outcome comes later */
    OMCACHE_BUFFER_FULL = 0x1004,    /* over the send limit, or an answer over the receive limit */
    OMCACHE_NO_SERVERS = 0x1005,     /* no server, or none that can be used now */
    OMCACHE_SERVER_FAILURE = 0x1006, /* the server or its connection failed before the answer */
    OMCACHE_TIMEOUT = 0x1007,        /* the time of an asynchronous operation is over; since 1.0 */
    OMCACHE_CANCELLED = 0x1008,      /* it was given up by the application; since 1.0 */
    OMCACHE_NO_MEMORY = 0x1009,      /* it could not get memory; since 1.0 */
    OMCACHE_NO_DESCRIPTORS = 0x100a  /* nor a file descriptor, or local port; since 1.0 */
} omcache_ret_t;

/* One request for omcache_command: a memcached binary protocol request.  The
 * caller fills opcode, keylen, extlen, bodylen and cas of the header in network
 * byte order, and the pointers; bodylen counts extras, key and data, so that
 * the length of data is bodylen - keylen - extlen.  The library fills magic,
 * datatype, reserved and opaque (in host order), and replaces a server_index of
 * -1 ("by key") with the index of the server it chose. */
typedef struct omcache_req_s {
    int server_index;
    struct omcache_req_header_s {
        uint8_t magic;
        uint8_t opcode;
        uint16_t keylen;
        uint8_t extlen;
        uint8_t datatype;
        uint16_t reserved;
        uint32_t bodylen;
        uint32_t opaque;
        uint64_t cas;
    } header;
    const void *extra;
    const unsigned char *key;
    const unsigned char *data;
} omcache_req_t;

/* One answer.  Look at status first: for a miss or an error data may point to
 * something that is not a value.  key and data belong to the library and are
 * valid until the next call on the handle that can do I/O or drop the server,
 * or, inside a response callback, until that returns.  That call may have them as
 * its key or value, but not in an array.  cas and delta_value are in host order;
 * flags is set for the get family, delta_value for increment and decrement. */
typedef struct omcache_value_s {
    int status;
    const unsigned char *key;
    size_t key_len;
    const unsigned char *data;
    size_t data_len;
    uint32_t flags;
    uint64_t cas;
    uint64_t delta_value;
} omcache_value_t;

/* Fills hashes with at most entries_per_point hashes of point number `point` of
 * the server and returns how many.  Both names are C strings. */
typedef uint32_t(omc_ketama_point_hash_func)(const char *hostname, const char *portname,
                                             uint32_t point, uint32_t *hashes);

/* Hashes a key of key_len bytes. */
typedef uint32_t(omc_ketama_key_hash_func)(const unsigned char *key, size_t key_len);

/* A way to distribute keys: how many points each server has on the ring, how
 * many hashes each point gives, and the two hash functions. */
typedef struct omcache_dist_s {
    int omcache_version;
    uint32_t points_per_server;
    uint32_t entries_per_point;
    omc_ketama_point_hash_func *point_hash_func;
    omc_ketama_key_hash_func *key_hash_func;
} omcache_dist_t;

/* libmemcached's MEMCACHED_BEHAVIOR_KETAMA (1.0.10 and newer): 100 points a
 * server, one-at-a-time hashes.  The default.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama;

/* libmemcached's MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED: 160 points a server, more and
 * fewer by its weight (which can be given since 1.0), md5 hashes, and libmemcached's
 * rounding, which leaves some server counts with 156.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama_weighted;

/* MEMCACHED_BEHAVIOR_KETAMA of libmemcached 0.51 to 1.0.8: the weighted ring's
 * points with one-at-a-time hashes for keys.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama_pre1010;

/* What omcache_server_info tells.  port is the port string read as a decimal
 * number, 0 if it is none. */
typedef struct omcache_server_info_s {
    int omcache_version;
    int server_index;
    char *hostname;
    int port;
} omcache_server_info_t;

/* Gets one line of log, without a newline, valid during the call.  level is a
 * syslog severity: 3 error, 4 warning, 5 notice, 6 info, 7 debug. */
typedef void(omcache_log_callback_func)(void *context, int level, const char *msg);

/* Gets every answer that is read, result being valid during the call. */
typedef void(omcache_response_callback_func)(omcache_t *mc, omcache_value_t *result, void *context);

/* Makes a client without servers, with the default settings.
 * The caller owns it and ends it with omcache_free.
 * Returns NULL when there is no memory.  Never waits.  Since 0.1. */
omcache_t *omcache_init(void);

/* Closes all connections without sending what is unsent and frees the client
 * with everything it handed out, except server infos.  Calls no callback, but since 1.0
 * those of operations, which end with OMCACHE_CANCELLED, and of watches.
 * Returns OMCACHE_OK, or OMCACHE_INVALID for NULL.
 * Never waits.  From inside a callback it takes effect when the function that
 * called back returns, which then gives OMCACHE_FAIL and no values.  Since 0.1. */
int omcache_free(omcache_t *mc);

/* Names a return code: a static string, "Unknown" for a number that is none.
 * Never waits; may be called from a callback.  Since 0.1. */
const char *omcache_strerror(int rc);

/* Sets how long a connection attempt may take, in milliseconds; 10000 at first.
 * Where packets to a server are lost (it is switched off, a firewall drops them) an
 * attempt ends by this alone.  Who waits for such a server with a timeout of 250 ms or
 * more pays for it once: if there is no connection when a call or an operation times
 * out, the server counts as down from then on, until the attempt, which goes on, has
 * succeeded; with shorter timeouts, once the attempt is 250 ms old (or, of a name, 250 ms
 * after its last address was tried).  With a timeout of -1 it is this timeout that is paid:
 * programs that wait without limit, or for many servers, do well to set it to a few times
 * what a connection takes, such as 500 ms within a data centre.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_connect_timeout(omcache_t *mc, uint32_t msec);

/* Sets how long a server that fails again and again is left alone at most before
 * it is tried again, in milliseconds; 10000 at first.  The first pause is about an
 * eighth of it; each is twice as long as the one before, less a random part, so
 * that many clients do not come at once.  A pause that has begun keeps its length.
 * The same is done since 1.0 with one that lets us connect again and again, and answers nothing.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_reconnect_timeout(omcache_t *mc, uint32_t msec);

/* Sets for how long a server that owes answers may be silent before its
 * connection is given up, in milliseconds; 10000 at first, and 0 counts as 1.  This is what ends a
 * call whose own timeout is -1.  A connection that was lost on the way, and not its server,
 * is given up sooner since 1.0: when a request has waited in vain for all of its own timeout,
 * and nothing has come since it was sent, a second connection is tried beside it.  If that
 * works and the first stays silent, for a second where somebody still waits for what was
 * sent on it, that fails with OMCACHE_SERVER_FAILURE.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_dead_timeout(omcache_t *mc, uint32_t msec);

/* Sets how many bytes may wait unsent for one server; 10485760 at first.  A
 * request that would exceed it is refused with OMCACHE_BUFFER_FULL.  It counts with
 * the bytes that it is sent as; before there is a connection, with those of the
 * binary protocol: 24 of header, extras, key and value.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_send_buffer_max_size(omcache_t *mc, size_t size);

/* Sets how many bytes of answers are held for one server, and so the largest
 * body (extras, key and value) of one answer; 1081344 at first.  A larger answer
 * ends its request with OMCACHE_BUFFER_FULL and closes the connection.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_recv_buffer_max_size(omcache_t *mc, size_t size);

/* Switches buffering on (not 0) or off (0, as at first).  While it is on,
 * requests with a timeout of 0 are only collected, and go out with the next
 * omcache_io or request that has a timeout.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_buffering(omcache_t *mc, uint32_t enabled);

/* Replaces the list of servers, comma separated.  An entry is an address: "host",
 * "host:port", "[v6]", "[v6]:port", a bare IPv6 address, port 11211 where none is
 * given, or the "/path/to/socket" of a unix socket; behind it, since 1.0, an
 * optional weight "/?N" for the distributions that know weights (0 means 1, as no
 * weight does); in front of it, since 1.0, an optional "label=", by which the ring
 * then knows the server in place of its address: letters, digits and .-_:/[]%, not
 * beginning with - or /, and no other address has it.  Blanks around entries and empty
 * entries are ignored; "" means no servers.
 * The list is sorted by host and then port, both as strings; a server's index is its
 * place in the sorted list.  A server that was there before keeps its connection
 * and its requests; requests to one that is dropped fail with
 * OMCACHE_SERVER_FAILURE.  servers is copied.  A host is a numeric address or a name;
 * names are looked up, without waiting, when a connection is to be made.  Hosts and
 * ports are not looked at before: a server whose name is not found, or whose port is
 * impossible, counts as failed, with a line in the log.  So does one with a name if the
 * library was built without name lookup.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (a NULL pointer, an
 * opening bracket that is not closed, something else than a port behind it, a
 * weight that is no number of 32 bits, not a label, a label of two addresses,
 * called from a callback) or OMCACHE_NO_MEMORY.  The log tells which entry is wrong.
 * Never waits.  Since 0.1. */
int omcache_set_servers(omcache_t *mc, const char *servers);

/* Chooses how keys are distributed and rebuilds the ring.  method is kept by
 * reference and must stay valid and unchanged while it is in use.
 * Returns OMCACHE_OK, or with nothing changed OMCACHE_INVALID (a NULL pointer, a
 * function missing in method, no points, called from a callback) or
 * OMCACHE_NO_MEMORY.  Never waits.  Since 0.1. */
int omcache_set_distribution_method(omcache_t *mc, omcache_dist_t *method);

/* A log callback that writes one line to standard error: context, if it is not
 * NULL, as a C string in front, the severity's name, the message.
 * Since 0.1. */
void omcache_log_stderr(void *context, int level, const char *msg);

/* Sets who gets log messages of severity number `level` or lower (0 means 6,
 * info); func NULL, as at first, for nobody.  context is passed on untouched.
 * Of requests that failed and nobody was told it gets at most one line a second for each
 * server, of severity 5: losses of the second after a line are told by the first call after
 * that, and not at all if there is none.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_log_callback(omcache_t *mc, int level, omcache_log_callback_func *func,
                             void *context);

/* Sets who gets every answer as it is read: hits, misses that the server
 * reports, every statistic and the end of them, failures of quiet requests, late
 * answers, answers to the no-ops that end a row of quiet requests; and once
 * with OMCACHE_SERVER_FAILURE each request of the current batch that fails.
 * resp_cb NULL, as at first, for nobody.  context is passed on untouched.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_response_callback(omcache_t *mc, omcache_response_callback_func *resp_cb,
                                  void *resp_cb_context);

/* Tells what to poll for: fills *nfds and returns an array of that many entries
 * with fd and events set, for the servers that have something to do and for names that
 * are being looked up, and sets
 * *poll_timeout to the milliseconds after which omcache_io should be called even
 * if nothing happened.  Sends the no-ops that quiet requests need, starts
 * connections and gives up those that ran out of time.
 * The array belongs to the library and is valid until the next call.
 * Returns NULL with *nfds 0 if a pointer is NULL or from inside a callback, and
 * may return NULL with *nfds 0 when there is nothing to poll.
 * Never waits.  Since 0.1. */
struct pollfd *omcache_poll_fds(omcache_t *mc, int *nfds, int *poll_timeout);

/* Forgets all requests: those that were not sent never will be, and answers to the
 * others are dropped when they come.  Connections stay, except one that is in the middle
 * of sending a request, which is closed.  A call that waits for its requests, and runs
 * the completion that this is called from, returns OMCACHE_CANCELLED; what was not sent
 * and nobody waits for is counted as lost and logged.
 * Returns OMCACHE_OK, or OMCACHE_INVALID (NULL, or called from a callback).
 * Never waits.  Since 0.1. */
int omcache_reset_buffers(omcache_t *mc);

/* Does I/O for all servers: sends what is unsent, reads answers.
 *
 * With reqs and *req_count naming the current batch (the array that the last
 * omcache_command, omcache_get_multi or omcache_gat_multi left, with the count it
 * left) it goes on until the batch is finished, and then sets *req_count to 0;
 * until then *req_count stays as it is and the same array must be passed again.
 * Without (either is NULL, or *req_count is 0) it ends the current batch, whose
 * answers then go to the response callback only, and goes on until every server
 * has been sent everything and has answered it.
 *
 * values has room for *value_count answers, which is replaced by the number
 * stored by this call; both may be NULL.  Answers without room are dropped, and
 * count as received.  Their pointers are valid until the next call on mc.
 * Returns OMCACHE_OK: finished, or nothing was pending.  OMCACHE_AGAIN: the
 * timeout came first, or the values of this call fill the receive buffer; go on
 * with another call.  OMCACHE_INVALID, with nothing touched: mc is NULL, reqs is
 * not the current batch, or called from a callback.  A request that fails is a
 * value with status OMCACHE_SERVER_FAILURE (or OMCACHE_BUFFER_FULL; OMCACHE_INVALID,
 * if the protocol that the server turned out to speak cannot carry it; or
 * OMCACHE_NO_MEMORY or OMCACHE_NO_DESCRIPTORS), the request's key and no data.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
               size_t *value_count, int32_t timeout_msec);

/* Sends requests and, unless timeout_msec is 0, waits for their answers as
 * omcache_io does.  The array is sorted by server, requests that could not be
 * accepted (their server index does not exist, no usable server, send limit)
 * being moved to its end; *req_countp becomes the number accepted, or 0 once all
 * of them are finished.  The requests then are the current batch, in place of the
 * one before. The array and the keys must stay as they are until the batch is
 * finished; extras and data are no longer needed when the function returns.
 * values and value_count are as for omcache_io.
 * Returns what omcache_io returns; or OMCACHE_BUFFERED, if timeout_msec is 0 and
 * requests were accepted.  If one was refused, and all others are finished or
 * there are none: OMCACHE_NO_SERVERS, OMCACHE_BUFFER_FULL or OMCACHE_NO_MEMORY.
 * OMCACHE_INVALID, with nothing touched: mc, reqs or req_countp is
 * NULL, a request's lengths do not fit together or lack their pointer, a key is
 * longer than 250 bytes or missing where the operation needs one, an opcode from 0x78 to
 * 0x7c, which the library uses itself, or called from a callback.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_countp, omcache_value_t *values,
                    size_t *value_count, int32_t timeout_msec);

/* Sends one request and returns the status of its answer, if it came in time, or of
 * its failure, one of those listed at omcache_io (OMCACHE_NO_MEMORY and
 * OMCACHE_NO_DESCRIPTORS among them); otherwise what omcache_command returns.
 * OMCACHE_SERVER_FAILURE becomes OMCACHE_NO_SERVERS when req names the server.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_command_status(omcache_t *mc, omcache_req_t *req, int32_t timeout_msec);

/* Tells which server a key belongs to, among those that are up.  May start to
 * reconnect to a server whose time has come.
 * Returns its index; 0 if there are fewer than two servers, whatever their
 * state; -1 if all are down (with OMCACHE_FAILOVER_NONE: if that one is), an
 * argument is invalid, or called from a callback.
 * Never waits.  Since 0.1. */
int omcache_server_index_for_key(omcache_t *mc, const unsigned char *key, size_t key_len);

/* Describes a server.  The caller owns the copy and frees it with
 * omcache_server_info_free; it stays valid when mc changes or ends.
 * Returns NULL if there is no such server, mc is NULL, or there is no memory.
 * Never waits; may be called from a callback.  Since 0.1. */
omcache_server_info_t *omcache_server_info(omcache_t *mc, int server_index);

/* Frees what omcache_server_info returned.  mc is not looked at and may be NULL.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if info is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_server_info_free(omcache_t *mc, omcache_server_info_t *info);

/* Asks a server for a sign of life.
 * Returns OMCACHE_OK; OMCACHE_NO_SERVERS: no such server, or it cannot be used;
 * OMCACHE_AGAIN: no answer in time; OMCACHE_BUFFERED if timeout_msec is 0;
 * OMCACHE_BUFFER_FULL, OMCACHE_INVALID, OMCACHE_NO_MEMORY, OMCACHE_NO_DESCRIPTORS as
 * omcache_command_status.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_noop(omcache_t *mc, int server_index, int32_t timeout_msec);

/* Asks a server for its statistics: the general ones if command is NULL or "",
 * else those of that name (at most 250 characters).  Each is a value with the
 * statistic's name as key and its text as data; one without key and data ends
 * them and takes room, too.  *value_count is the room, and then the number stored.
 * Returns what omcache_command returns; a name that the server does not know is
 * OMCACHE_OK with one value of status OMCACHE_NOT_FOUND.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_stat(omcache_t *mc, const char *command, omcache_value_t *values, size_t *value_count,
                 int server_index, int32_t timeout_msec);

/* Makes a server forget everything, now or later.
 * expiration: seconds, more than 30 days of them a Unix time; 0 or negative: at once.
 * Returns the same as omcache_noop.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_flush_all(omcache_t *mc, time_t expiration, int server_index, int32_t timeout_msec);

/* Stores a value, whatever was there before; if cas is not 0, only in place of
 * the one that has this cas.  value may be NULL if value_len is 0.  key and value
 * are no longer needed when the function returns.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK; OMCACHE_KEY_EXISTS: the cas differs; OMCACHE_NOT_FOUND: a
 * cas was given and the key is not there; OMCACHE_TOO_LARGE_VALUE;
 * OMCACHE_BUFFERED if timeout_msec is 0: a failure on the server then shows in
 * the response callback, or else is counted as lost and logged; OMCACHE_AGAIN: sent, and not
 * answered in time; OMCACHE_SERVER_FAILURE: the server failed, the value may or may not be stored;
 * OMCACHE_NO_SERVERS; OMCACHE_BUFFER_FULL: over the send limit;
 * OMCACHE_INVALID; OMCACHE_NO_MEMORY or OMCACHE_NO_DESCRIPTORS: nothing was sent;
 * OMCACHE_FAIL: another refusal.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_set(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                int32_t timeout_msec);

/* Stores a value if the key is not there.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_KEY_EXISTS if it is, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_add(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec);

/* Stores a value if the key is there.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_NOT_FOUND if it is not, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_replace(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, time_t expiration, uint32_t flags,
                    int32_t timeout_msec);

/* Adds bytes behind a value that is there (and, if cas is not 0, has this cas).
 * Returns OMCACHE_NOT_STORED if it is not there, OMCACHE_KEY_EXISTS if the cas
 * differs, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_append(omcache_t *mc, const unsigned char *key, size_t key_len,
                   const unsigned char *value, size_t value_len, uint64_t cas,
                   int32_t timeout_msec);

/* Adds bytes in front of a value; otherwise the same as omcache_append.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_prepend(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, uint64_t cas,
                    int32_t timeout_msec);

/* Adds delta to a counter, wrapping at 2^64.  One that is not there is created
 * with the number `initial` and the given expiration, unless that is
 * OMCACHE_DELTA_NO_ADD.  *value, if value is not NULL, becomes the new number, or
 * 0 for every result but OMCACHE_OK.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once,
 * but for -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_DELTA_BAD_VALUE if the value is not a number,
 * OMCACHE_NOT_FOUND if it is not there and not to be created, otherwise the same
 * as omcache_set.  Waits for at most timeout_msec.  Since 0.1. */
int omcache_increment(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec);

/* Subtracts delta from a counter, stopping at 0; otherwise the same as
 * omcache_increment.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once,
 * but for -1, which is OMCACHE_DELTA_NO_ADD.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_decrement(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec);

/* Deletes a value.
 * Returns OMCACHE_NOT_FOUND if it is not there, otherwise the same as
 * omcache_set.  Waits for at most timeout_msec.  Since 0.1. */
int omcache_delete(omcache_t *mc, const unsigned char *key, size_t key_len, int32_t timeout_msec);

/* Gives a value a new expiration.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_NOT_FOUND if it is not there, otherwise the same as
 * omcache_set.  Waits for at most timeout_msec.  Since 0.2. */
int omcache_touch(omcache_t *mc, const unsigned char *key, size_t key_len, time_t expiration,
                  int32_t timeout_msec);

/* Gets a value with its flags and cas.  Each of the four pointers may be NULL.
 * *value belongs to the library and is valid until the next call on mc.  On
 * a miss, a timeout or a failure *value_len, *flags and *cas are 0 and *value is
 * NULL, but with OMCACHE_FAIL they may describe the server's error text.
 * Returns OMCACHE_OK; OMCACHE_NOT_FOUND; OMCACHE_AGAIN: not answered in time;
 * OMCACHE_SERVER_FAILURE; OMCACHE_NO_SERVERS; OMCACHE_BUFFER_FULL: over the send
 * limit, or the answer over the receive limit; OMCACHE_BUFFERED if timeout_msec is
 * 0: the value then goes to the response callback only; OMCACHE_INVALID;
 * OMCACHE_NO_MEMORY or OMCACHE_NO_DESCRIPTORS: nothing was sent; OMCACHE_FAIL.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_get(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, uint32_t *flags, uint64_t *cas,
                int32_t timeout_msec);

/* Gets a value and gives it a new expiration; otherwise the same as omcache_get.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_gat(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, time_t expiration, uint32_t *flags,
                uint64_t *cas, int32_t timeout_msec);

/* Gets the values of key_count keys.  keys and key_lens are only read; reqs is an
 * array of at least key_count requests (*req_count in all) that the library
 * fills, and which then is the current batch with *req_count as omcache_command
 * leaves it: call omcache_io with it until *req_count is 0.  Hits give values,
 * with their keys, in the order of arrival; misses none; keys of a server that
 * fails a value with status OMCACHE_SERVER_FAILURE.  values may be NULL (the
 * response callback gets them).
 * Returns OMCACHE_OK: finished; OMCACHE_AGAIN: call omcache_io for the rest;
 * OMCACHE_BUFFERED if timeout_msec is 0; OMCACHE_NO_SERVERS; OMCACHE_BUFFER_FULL;
 * OMCACHE_NO_MEMORY; OMCACHE_INVALID: also if *req_count is less than key_count.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_get_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens, size_t key_count,
                      omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                      size_t *value_count, int32_t timeout_msec);

/* Gets the values of key_count keys and gives each a new expiration, one for
 * each key in expirations; otherwise the same as omcache_get_multi.
 * expirations: seconds, more than 30 days of them Unix times; 0: never; negative: at once.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_gat_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens,
                      time_t *expirations, size_t key_count, omcache_req_t *reqs, size_t *req_count,
                      omcache_value_t *values, size_t *value_count, int32_t timeout_msec);
