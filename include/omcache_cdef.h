/*
 * The classic OMcache API, in the form that cffi's cdef() reads: declarations and
 * comments only, no preprocessor lines.  C programs include omcache.h.  That file also
 * says what holds for all of these functions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* A client: its settings, servers, connections and buffers.  Opaque. */
typedef struct omcache_s omcache_t;

typedef enum omcache_ret_e {
    OMCACHE_OK = 0x00,               /* done */
    OMCACHE_NOT_FOUND = 0x01,        /* the key does not exist */
    OMCACHE_KEY_EXISTS = 0x02,       /* the key exists already, or its cas differs */
    OMCACHE_TOO_LARGE_VALUE = 0x03,  /* the value is larger than the server accepts */
    OMCACHE_NOT_STORED = 0x05,       /* append or prepend: the key does not exist */
    OMCACHE_DELTA_BAD_VALUE = 0x06,  /* increment or decrement: the value is not a number */
    OMCACHE_FAIL = 0x0fff,           /* the server refused for another reason */
    OMCACHE_AGAIN = 0x1001,          /* the call timed out; the answer may still come */
    OMCACHE_INVALID = 0x1002,        /* an argument is not valid; nothing was done */
    OMCACHE_BUFFERED = 0x1003,       /* accepted; the outcome comes later */
    OMCACHE_BUFFER_FULL = 0x1004,    /* over the send limit, or an answer over the receive limit */
    OMCACHE_NO_SERVERS = 0x1005,     /* no server, or none that can be used now */
    OMCACHE_SERVER_FAILURE = 0x1006, /* the server or its connection failed before the answer */
    OMCACHE_TIMEOUT = 0x1007,        /* an asynchronous operation timed out; since 1.0 */
    OMCACHE_CANCELLED = 0x1008,      /* the application gave the operation up; since 1.0 */
    OMCACHE_NO_MEMORY = 0x1009,      /* out of memory; since 1.0 */
    OMCACHE_NO_DESCRIPTORS = 0x100a, /* no file descriptor or local port left; since 1.0 */
    OMCACHE_AUTH_FAILED = 0x100b /* the server refuses the credentials, or wants some; since 1.0 */
} omcache_ret_t;

/* One request for omcache_command: a request of memcached's binary protocol.  The caller
 * fills in opcode, keylen, extlen, bodylen and cas of the header, in network byte order,
 * and the pointers.  bodylen counts extras, key and data, so the length of data is
 * bodylen - keylen - extlen.  The library fills in magic, datatype, reserved and opaque
 * (opaque in host order).  A server_index of -1 means "by key": the library replaces it
 * with the index of the server it chose. */
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

/* One answer.  Check status first: after a miss or an error, data may point to something
 * that is not a value.  key and data belong to the library.  They are valid until the
 * next call on the handle that can do I/O or drop the server; inside a response
 * callback, until the callback returns.  They may be passed to that next call as its key
 * or value, but not in an array.  cas and delta_value are in host order.  flags is set
 * for the get family, delta_value for increment and decrement. */
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

/* Fills hashes with the hashes of point number `point` of the server, at most
 * entries_per_point of them, and returns how many.  Both names are C strings. */
typedef uint32_t(omc_ketama_point_hash_func)(const char *hostname, const char *portname,
                                             uint32_t point, uint32_t *hashes);

/* Hashes a key of key_len bytes. */
typedef uint32_t(omc_ketama_key_hash_func)(const unsigned char *key, size_t key_len);

/* A way to distribute keys over servers: the number of points that each server has on
 * the ring, the number of hashes of each point, and the two hash functions. */
typedef struct omcache_dist_s {
    int omcache_version;
    uint32_t points_per_server;
    uint32_t entries_per_point;
    omc_ketama_point_hash_func *point_hash_func;
    omc_ketama_key_hash_func *key_hash_func;
} omcache_dist_t;

/* MEMCACHED_BEHAVIOR_KETAMA of libmemcached 1.0.10 and newer: 100 points for each
 * server, one-at-a-time hashes.  This is the default.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama;

/* MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED of libmemcached: 160 points for each server, more
 * or fewer by its weight, and md5 hashes.  Servers can have weights since 1.0.  The
 * number of points is rounded as libmemcached does it, so that with some numbers of
 * servers each has 156.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama_weighted;

/* MEMCACHED_BEHAVIOR_KETAMA of libmemcached 0.51 to 1.0.8: the points of the weighted
 * ring, and one-at-a-time hashes for keys.  Since 0.1. */
extern omcache_dist_t omcache_dist_libmemcached_ketama_pre1010;

/* The description of a server, from omcache_server_info.  port is the server's port read
 * as a decimal number, or 0 if it is not a number. */
typedef struct omcache_server_info_s {
    int omcache_version;
    int server_index;
    char *hostname;
    int port;
} omcache_server_info_t;

/* Receives one log message, a line without a newline.  msg is valid during the call.
 * level is a syslog severity: 3 error, 4 warning, 5 notice, 6 info, 7 debug. */
typedef void(omcache_log_callback_func)(void *context, int level, const char *msg);

/* Receives every answer that is read.  result is valid during the call. */
typedef void(omcache_response_callback_func)(omcache_t *mc, omcache_value_t *result, void *context);

/* Creates a client with the default settings and without servers.  The caller owns it
 * and frees it with omcache_free.
 * Returns the client, or NULL if there is no memory.
 * Never waits.  Since 0.1. */
omcache_t *omcache_init(void);

/* Closes all connections, without sending what is unsent, and frees the client.
 * Everything that the client handed out is freed too, except server infos.  Log and
 * response callbacks are not called.  Since 1.0 operations end with OMCACHE_CANCELLED,
 * with a call of their callbacks, and the watch callback is told to stop watching.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL or being freed already.
 * Never waits.  When called inside a callback, it takes effect when the function that
 * called back returns.  A classic function then returns OMCACHE_FAIL and no values.
 * Since 0.1. */
int omcache_free(omcache_t *mc);

/* Returns the text of a return code: a static string, "Unknown" for a number that is not
 * a return code.
 * Never waits; may be called from a callback.  Since 0.1. */
const char *omcache_strerror(int rc);

/* Sets how long an attempt to connect may take, in milliseconds; the default is 10000.
 * If packets to a server are lost (it is switched off, or a firewall drops them), only
 * this timeout ends the attempt.
 * A caller whose timeout is 250 ms or more waits for such a server once.  If there is
 * still no connection when its call or operation times out, the server counts as down.
 * The attempt goes on, and the server is up again when the attempt succeeds.  If
 * timeouts are shorter, the server counts as down once the attempt is 250 ms old (for a
 * server with a name, 250 ms after its last address was tried).
 * A caller whose timeout is -1 waits for the whole connect timeout.  So programs that
 * wait without limit, or that have many servers, should set it to a few times what a
 * connection normally takes, such as 500 ms within a data centre.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_connect_timeout(omcache_t *mc, uint32_t msec);

/* Sets the longest pause before a failed server is tried again, in milliseconds; the
 * default is 10000.  The first pause is about an eighth of it.  Each following pause is
 * twice as long as the one before.  A random part is taken off each, so that many
 * clients do not reconnect at the same moment.  A pause that has begun keeps its
 * length.  Since 1.0 the same pauses apply to a server that accepts connections again
 * and again, but answers nothing.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_reconnect_timeout(omcache_t *mc, uint32_t msec);

/* Sets for how long a server with requests in flight may be silent before its connection
 * is closed as failed, in milliseconds.  The default is 10000, and 0 counts as 1.  This
 * timeout ends a call whose own timeout is -1.
 * Since 1.0 a connection fails sooner if only the connection was lost, and the server
 * still works.  When a request has timed out, and nothing has come since it was sent,
 * the library tries a second connection.  If the second one works and the first stays
 * silent, the first one fails, and its requests end with OMCACHE_SERVER_FAILURE (or, for
 * a get that was alone, waited for and sent after silence, go on over the second).  If
 * somebody still waits for a request that was sent over the first, that happens only
 * when its silence has lasted for a second.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_dead_timeout(omcache_t *mc, uint32_t msec);

/* Sets how many unsent bytes may be kept for one server; the default is 10485760.  A
 * request that would exceed this limit is refused with OMCACHE_BUFFER_FULL.  A request
 * counts with its bytes in the binary protocol, whichever protocol is used: 24 of header,
 * extras, key and value.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_send_buffer_max_size(omcache_t *mc, size_t size);

/* Sets how many bytes of answers are kept for one server; the default is 1081344.  This
 * also limits the body (extras, key and value) of one answer.  A larger answer ends its
 * request with OMCACHE_BUFFER_FULL and closes the connection.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_recv_buffer_max_size(omcache_t *mc, size_t size);

/* Switches buffering on (not 0) or off (0, the default).  While it is on, requests with
 * a timeout of 0 are only collected.  They are sent with the next omcache_io, or the
 * next request that has a timeout.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_buffering(omcache_t *mc, uint32_t enabled);

/* Replaces the list of servers.  servers is a string of entries separated by commas; it
 * is copied.  Blanks around entries and empty entries are ignored; "" means no servers.
 * An entry is an address: "host", "host:port", "[v6]", "[v6]:port", a bare IPv6 address,
 * or the "/path/to/socket" of a unix socket.  The port is 11211 if none is given.  A
 * host is a numeric address or a name.
 * Since 1.0 an optional weight "/?N" may follow the address, for the distributions that
 * use weights; 0 means 1, and so does no weight.
 * Since 1.0 an optional "label=" may stand before the address.  The ring then uses the
 * label for the server instead of its address.  A label consists of letters, digits and
 * .-_:/[]%, does not begin with - or /, and belongs to one address only.
 * Since 1.0 "tls://" or "tcp://" may stand in front of the address: that server is, or is
 * not, spoken to over TLS, whatever omcache_set_tls says of the others.  They stand behind a
 * label.  Where no settings were made, the first "tls://" reads the system's certificates.
 * The list is sorted by host and then by port, both as strings.  The index of a server
 * is its place in the sorted list.  A server that was in the list before keeps its
 * connection and its requests.  Requests to a server that is dropped fail with
 * OMCACHE_SERVER_FAILURE.
 * Names are looked up, without waiting, when a connection is to be made.  Hosts and
 * ports are not checked before that.  A server whose name is not found, or whose port is
 * impossible, counts as failed, and the log says so.  If the library was built without
 * name lookup, the same holds for every server with a name.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (a pointer is NULL, an
 * opening bracket is not closed or is followed by something else than a port, a weight
 * is not a number of 32 bits, a label is not valid or belongs to two addresses, "tls://"
 * in a library that was built without TLS, called from a callback) or OMCACHE_NO_MEMORY.
 * The log says which entry is wrong.
 * Never waits, but for those certificates.  Since 0.1. */
int omcache_set_servers(omcache_t *mc, const char *servers);

/* Chooses how keys are distributed over the servers, and rebuilds the ring.  method is
 * not copied: it must stay valid and unchanged while it is in use.
 * Returns OMCACHE_OK; or, with nothing changed, OMCACHE_INVALID (a pointer is NULL,
 * method lacks a function or has no points, called from a callback) or
 * OMCACHE_NO_MEMORY.
 * Never waits.  Since 0.1. */
int omcache_set_distribution_method(omcache_t *mc, omcache_dist_t *method);

/* A log callback that writes one line to standard error: context (a C string, left out
 * if it is NULL), the name of the severity, and the message.  Since 0.1. */
void omcache_log_stderr(void *context, int level, const char *msg);

/* Sets the log callback.  It receives messages whose severity number is `level` or
 * lower; level 0 means 6, info.  func NULL (the default) means no callback.  context is
 * passed to func unchanged.
 * Requests that failed and nobody was told about are logged with severity 5, in at most
 * one line a second for each server.  Failures in the second after a line are logged by
 * the first call after that second; if there is no such call, they are not logged.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_log_callback(omcache_t *mc, int level, omcache_log_callback_func *func,
                             void *context);

/* Sets the response callback.  It receives every answer as it is read: hits, misses that
 * the server reports, every statistic and the end of them, failures of quiet requests,
 * late answers, and answers to the no-ops that end a series of quiet requests.  It also
 * receives each request of the current batch that fails, once, with
 * OMCACHE_SERVER_FAILURE.  resp_cb NULL (the default) means no callback.
 * resp_cb_context is passed to resp_cb unchanged.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if mc is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_set_response_callback(omcache_t *mc, omcache_response_callback_func *resp_cb,
                                  void *resp_cb_context);

/* Tells what to poll for.  Returns an array of *nfds entries with fd and events set, for
 * servers that have something to do and for names that are being looked up.  Sets
 * *poll_timeout to the number of milliseconds after which omcache_io should be called
 * even if nothing has happened; it is never more than the dead timeout.  This function also
 * sends the no-ops that quiet requests need, starts connections, and ends those that have
 * timed out.  Unless buffering is on, it sends all other requests that are unsent, too.
 * The array belongs to the library and is valid until the next call.
 * Returns NULL, with *nfds 0, if a pointer is NULL or when called from a callback.  It
 * may also return NULL, with *nfds 0, if there is nothing to poll.
 * Never waits.  Since 0.1. */
struct pollfd *omcache_poll_fds(omcache_t *mc, int *nfds, int *poll_timeout);

/* Forgets all requests.  Unsent requests will not be sent.  Answers to the others are
 * dropped when they come.  Connections stay open, except one over which a request has
 * been sent only in part: that one is closed.  If this is called from a completion
 * callback inside a call that waits for its requests, that call returns
 * OMCACHE_CANCELLED.  Unsent requests that nobody waits for are counted as lost and
 * logged.
 * Returns OMCACHE_OK, or OMCACHE_INVALID (mc is NULL, or called from a callback).
 * Never waits.  Since 0.1. */
int omcache_reset_buffers(omcache_t *mc);

/* Does I/O for all servers: sends what is unsent and reads answers.
 *
 * reqs and *req_count may name the current batch: the array, and the count, that the
 * last omcache_command, omcache_get_multi or omcache_gat_multi left.  Then omcache_io
 * goes on until the batch is finished, and sets *req_count to 0.  Until then *req_count
 * does not change, and the same array must be passed again.
 * If either pointer is NULL or *req_count is 0, omcache_io ends the current batch, and
 * the rest of its answers go to the response callback only.  Then it goes on until
 * everything has been sent to every server and has been answered.
 *
 * values has room for *value_count answers.  *value_count becomes the number of answers
 * that this call stored.  Both pointers may be NULL.  Answers that find no room are
 * dropped, and count as received.  The pointers in the answers are valid until the next
 * call on mc.
 * A request that fails is stored as a value with the request's key, no data, and one of
 * these as its status: OMCACHE_SERVER_FAILURE, OMCACHE_BUFFER_FULL, OMCACHE_INVALID (if
 * the protocol that the server turned out to speak cannot carry it), OMCACHE_NO_MEMORY,
 * OMCACHE_NO_DESCRIPTORS.
 * Returns OMCACHE_OK: finished, or nothing was pending; OMCACHE_AGAIN: the call timed
 * out, or the values of this call fill the receive buffer (go on with another call);
 * OMCACHE_INVALID, with nothing done: mc is NULL, reqs is not the current batch, or
 * called from a callback.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
               size_t *value_count, int32_t timeout_msec);

/* Sends requests and, unless timeout_msec is 0, waits for their answers as omcache_io
 * does.  The requests then are the current batch and replace the one before.
 * The array is sorted by server.  Requests that cannot be accepted (their server index
 * does not exist, there is no usable server, or the send limit is exceeded) are moved to
 * its end.  *req_countp becomes the number of accepted requests, or 0 once all of them
 * are finished.  The array and the keys must not change until the batch is finished.
 * Extras and data are no longer needed when the function returns.  values and
 * value_count are as for omcache_io.
 * Returns what omcache_io returns; OMCACHE_BUFFERED if timeout_msec is 0 and requests
 * were accepted; OMCACHE_NO_SERVERS, OMCACHE_BUFFER_FULL or OMCACHE_NO_MEMORY if a
 * request was refused, and all others are finished or there are none; OMCACHE_INVALID
 * likewise, if the protocol that its server speaks cannot carry a request; OMCACHE_INVALID,
 * with nothing done and both counts as they were: mc, reqs or req_countp is NULL, the
 * lengths of a request do not fit together or lack their pointer, a key is longer than 250
 * bytes or is missing where the operation needs one, an opcode is from 0x78 to 0x7c (the
 * library uses these itself), or called from a callback.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_countp, omcache_value_t *values,
                    size_t *value_count, int32_t timeout_msec);

/* Sends one request and waits for its answer.
 * Returns the status of the answer, if it came in time; if the request failed, one of
 * the statuses listed at omcache_io (OMCACHE_NO_MEMORY and OMCACHE_NO_DESCRIPTORS among
 * them); otherwise what omcache_command returns.  If req names the server,
 * OMCACHE_NO_SERVERS is returned in place of OMCACHE_SERVER_FAILURE.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_command_status(omcache_t *mc, omcache_req_t *req, int32_t timeout_msec);

/* Tells which server a key goes to, among those that are up.  If the pause before a
 * reconnect to a server is over, this may start the reconnect.
 * Returns the server's index; 0 if there are fewer than two servers, whatever their
 * state; -1 if all are down (with OMCACHE_FAILOVER_NONE: if the key's server is down),
 * an argument is invalid, or called from a callback.
 * Never waits.  Since 0.1. */
int omcache_server_index_for_key(omcache_t *mc, const unsigned char *key, size_t key_len);

/* Describes a server.  The caller owns the description and frees it with
 * omcache_server_info_free.  It stays valid when mc changes or is freed.
 * Returns the description; NULL if there is no such server, mc is NULL, or there is no
 * memory.
 * Never waits; may be called from a callback.  Since 0.1. */
omcache_server_info_t *omcache_server_info(omcache_t *mc, int server_index);

/* Frees what omcache_server_info returned.  mc is not used and may be NULL.
 * Returns OMCACHE_OK, or OMCACHE_INVALID if info is NULL.
 * Never waits; may be called from a callback.  Since 0.1. */
int omcache_server_info_free(omcache_t *mc, omcache_server_info_t *info);

/* Checks that a server answers.
 * Returns OMCACHE_OK; OMCACHE_NO_SERVERS: there is no such server, or it cannot be used;
 * OMCACHE_AGAIN: timed out; OMCACHE_BUFFERED if timeout_msec is 0; OMCACHE_BUFFER_FULL,
 * OMCACHE_INVALID, OMCACHE_NO_MEMORY and OMCACHE_NO_DESCRIPTORS as
 * omcache_command_status.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_noop(omcache_t *mc, int server_index, int32_t timeout_msec);

/* Asks a server for its statistics: the general ones if command is NULL or "", else
 * those of that name (at most 250 characters).  Each statistic is a value, with its name
 * as key and its text as data.  A last value without key and data ends them, and needs
 * room, too.  *value_count is the room in values, and becomes the number of values
 * stored.
 * Returns what omcache_command returns.  If the server does not know the name, the
 * result is OMCACHE_OK and one value of status OMCACHE_NOT_FOUND.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_stat(omcache_t *mc, const char *command, omcache_value_t *values, size_t *value_count,
                 int server_index, int32_t timeout_msec);

/* Makes a server delete all values, now or later.
 * expiration: seconds, more than 30 days of them a Unix time; 0 or negative: at once.
 * Returns the same as omcache_noop.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_flush_all(omcache_t *mc, time_t expiration, int server_index, int32_t timeout_msec);

/* Stores a value, whether or not the key exists.  If cas is not 0, the value is stored
 * only if the present one has this cas.  value may be NULL if value_len is 0.  key and
 * value are no longer needed when the function returns.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_OK: stored; OMCACHE_KEY_EXISTS: the cas differs; OMCACHE_NOT_FOUND:
 * cas is not 0 and the key does not exist; OMCACHE_TOO_LARGE_VALUE: larger than the
 * server accepts; OMCACHE_BUFFERED: timeout_msec is 0 (a failure on the server then goes
 * to the response callback, or else is counted as lost and logged); OMCACHE_AGAIN: sent,
 * but timed out; OMCACHE_SERVER_FAILURE: the server failed, and the value may or may not
 * be stored; OMCACHE_NO_SERVERS: no server, or none that can be used now;
 * OMCACHE_BUFFER_FULL: over the send limit; OMCACHE_INVALID; OMCACHE_NO_MEMORY or
 * OMCACHE_NO_DESCRIPTORS: nothing was sent; OMCACHE_FAIL: the server refused for another
 * reason.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_set(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, uint64_t cas,
                int32_t timeout_msec);

/* Stores a value only if the key does not exist.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_KEY_EXISTS if the key exists, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_add(omcache_t *mc, const unsigned char *key, size_t key_len, const unsigned char *value,
                size_t value_len, time_t expiration, uint32_t flags, int32_t timeout_msec);

/* Stores a value only if the key exists.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_NOT_FOUND if the key does not exist, otherwise the same as
 * omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_replace(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, time_t expiration, uint32_t flags,
                    int32_t timeout_msec);

/* Appends bytes to the end of a value; if cas is not 0, only if the value has this cas.
 * Returns OMCACHE_NOT_STORED if the key does not exist, OMCACHE_KEY_EXISTS if the cas
 * differs, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_append(omcache_t *mc, const unsigned char *key, size_t key_len,
                   const unsigned char *value, size_t value_len, uint64_t cas,
                   int32_t timeout_msec);

/* Adds bytes at the beginning of a value; otherwise the same as omcache_append.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_prepend(omcache_t *mc, const unsigned char *key, size_t key_len,
                    const unsigned char *value, size_t value_len, uint64_t cas,
                    int32_t timeout_msec);

/* Adds delta to a counter, which wraps around at 2^64.  A counter that does not exist is
 * created with the number `initial` and this expiration, unless expiration is
 * OMCACHE_DELTA_NO_ADD.  *value becomes the new number, or 0 for every result but
 * OMCACHE_OK; value may be NULL.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at
 * once, except -1, which is OMCACHE_DELTA_NO_ADD.
 * Returns OMCACHE_DELTA_BAD_VALUE if the value is not a number, OMCACHE_NOT_FOUND if the
 * key does not exist and is not to be created, otherwise the same as omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_increment(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec);

/* Subtracts delta from a counter, but not below 0; otherwise the same as
 * omcache_increment.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at
 * once, except -1, which is OMCACHE_DELTA_NO_ADD.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_decrement(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                      uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec);

/* Deletes a value.
 * Returns OMCACHE_NOT_FOUND if the key does not exist, otherwise the same as
 * omcache_set.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_delete(omcache_t *mc, const unsigned char *key, size_t key_len, int32_t timeout_msec);

/* Sets a new expiration of a value.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Returns OMCACHE_NOT_FOUND if the key does not exist, otherwise the same as
 * omcache_set.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_touch(omcache_t *mc, const unsigned char *key, size_t key_len, time_t expiration,
                  int32_t timeout_msec);

/* Gets a value with its flags and cas.  Each of the four pointers may be NULL.  *value
 * belongs to the library and is valid until the next call on mc.  After a miss, a
 * timeout or a failure *value_len, *flags and *cas are 0 and *value is NULL.  But with
 * OMCACHE_FAIL they may describe the server's error text.
 * Returns OMCACHE_OK: found; OMCACHE_NOT_FOUND; OMCACHE_AGAIN: timed out;
 * OMCACHE_SERVER_FAILURE; OMCACHE_NO_SERVERS; OMCACHE_BUFFER_FULL: over the send limit,
 * or the answer is over the receive limit; OMCACHE_BUFFERED: timeout_msec is 0, and the
 * value goes to the response callback only; OMCACHE_INVALID; OMCACHE_NO_MEMORY or
 * OMCACHE_NO_DESCRIPTORS: nothing was sent; OMCACHE_FAIL.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_get(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, uint32_t *flags, uint64_t *cas,
                int32_t timeout_msec);

/* Gets a value and sets its new expiration; otherwise the same as omcache_get.
 * expiration: seconds, more than 30 days of them a Unix time; 0: never; negative: at once.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_gat(omcache_t *mc, const unsigned char *key, size_t key_len,
                const unsigned char **value, size_t *value_len, time_t expiration, uint32_t *flags,
                uint64_t *cas, int32_t timeout_msec);

/* Gets the values of key_count keys.  keys and key_lens are only read.  reqs is an array
 * of *req_count requests, at least key_count.  The library fills it in; it then is the
 * current batch, with *req_count as omcache_command leaves it.  Call omcache_io with it
 * until *req_count is 0.
 * A hit is stored as a value with its key, in the order of arrival.  A miss is not
 * stored.  If a server fails, each of its keys is stored as a value of status
 * OMCACHE_SERVER_FAILURE.  values may be NULL: then only the response callback receives
 * the answers.
 * Returns OMCACHE_OK: finished; OMCACHE_AGAIN: call omcache_io for the rest;
 * OMCACHE_BUFFERED: timeout_msec is 0; OMCACHE_NO_SERVERS; OMCACHE_BUFFER_FULL;
 * OMCACHE_NO_MEMORY; OMCACHE_INVALID: also if *req_count is less than key_count.
 * Waits for at most timeout_msec.  Since 0.1. */
int omcache_get_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens, size_t key_count,
                      omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                      size_t *value_count, int32_t timeout_msec);

/* Gets the values of key_count keys and sets a new expiration for each, the one at its
 * place in expirations; otherwise the same as omcache_get_multi.
 * expirations: seconds, more than 30 days of them Unix times; 0: never; negative: at once.
 * Waits for at most timeout_msec.  Since 0.2. */
int omcache_gat_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens,
                      time_t *expirations, size_t key_count, omcache_req_t *reqs, size_t *req_count,
                      omcache_value_t *values, size_t *value_count, int32_t timeout_msec);
