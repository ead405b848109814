/*
 * A whole handle against peers that do what the input says: requests through both
 * interfaces and all protocols, answers whole, in pieces, late, twice, never, or no
 * answers at all, connections that are refused, closed or stuck, and time that passes.
 *
 * What must be true: each accepted operation ends exactly once, after it was accepted and with
 * its own answer, whose bytes stay as they are; nothing waits for ever, spins, or stays open;
 * no server is given up that owes nothing.
 *
 * An input is three bytes of choices, then steps, each of a byte that says what and the
 * bytes that it needs.  A first byte of 3 modulo 4 says that the input is of the lively kind:
 * two more choices follow the second one, what the peers do when the input is over, and which
 * callbacks do something.  (The other kind is older, and kept for the inputs that there are.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/handle.h"
#include "client/setup.h"
#include "fuzz/fuzz.h"
#include "fuzz/manner.h"
#include "fuzz/network.h"
#include "fuzz/server.h"

#include <stdbool.h>

enum {
    OPERATIONS_MAX = 64,
    STREAMS_MAX = 4,
    KEYS_MAX = 3, /* of a get of many */
    DEPTH_MAX = 3,
    TURNS_MAX = 20000,
    FDS_MAX = 64,
    FIRST_NUMBER = 0x41414141,
    LARGE = 5000,    /* bytes of a value that is sent from where it is */
    REST_MAX = 4000, /* turns after which an idle handle has nothing to wait for */
};

/* How far the peers can be trusted. */
enum mode {
    ORDERLY, /* answers come in order, or not at all */
    MESSY,   /* they get lost, come twice, or in another order */
    HOSTILE, /* anything may come */
    MODES
};

/* The callbacks that act, as bits. */
enum {
    WATCH = 1,
    TIMEOUT = 2,
    DRAIN = 4,
    RESPONSE = 8,
    LOG = 16,
};

struct key {
    unsigned char bytes[250]; /* as sent: the prefix in front */
    size_t len;
};

/* An operation of the asynchronous interface. */
struct operation {
    bool starting; /* the function that makes it has not returned */
    bool accepted;
    bool many; /* ends with a call without a key */
    bool get;
    bool stores;
    bool counts;
    bool dumps;
    bool watches;     /* ends with another status than OMCACHE_OK */
    size_t key_count; /* how many calls come before that; of statistics any number */
    size_t told;
    unsigned ended;
    struct key keys[KEYS_MAX];
};

static struct {
    struct fuzz_input in;
    omcache_t *mc;
    enum mode mode;
    enum server_kind kinds[NETWORK_SERVERS];
    enum manner manner;
    bool lively;
    uint8_t acting; /* callbacks */
    bool freed;
    bool changed;   /* the list of servers was, in this step */
    unsigned known; /* causes of failures, */
    uint64_t failures;
    uint64_t delayed; /* those whose cause came before */
    unsigned depth;   /* of callbacks */
    size_t prefix_len;
    short watched[FDS_MAX];
    size_t count;
    struct operation operations[OPERATIONS_MAX];
} run;

static const char *const prefixes[] = {"", "", "p:", "p p"};
static const char *const lists[] = {"/0", "/0,/1", "/1,/2", "/0,/1,/2", ""};
static const int32_t timeouts[] = {-1, 0, 1, 30, 200, 2000};
static const unsigned char large[LARGE];

static const void *one_of(const void *list, size_t count, size_t size)
{
    return (const char *)list + size * (fuzz_byte(&run.in) % count);
}

#define ONE_OF(list)                                                                \
    (*(const __typeof__((list)[0]) *)one_of(list, sizeof(list) / sizeof((list)[0]), \
                                            sizeof((list)[0])))

/*
 * What is asked.
 */

/* A key that no other operation has; its first byte says what comes of it. */
static void make_key(struct key *key)
{
    static const char letters[] = {SERVER_HIT,   SERVER_MISS,  SERVER_BIG,
                                   SERVER_OTHER, SERVER_FAILS, SERVER_REFUSES};
    static const char *const rests[] = {"", "", "-key", " a b", "\r\nflush_all\r\n", "\x80\xff"};
    static unsigned number;
    const char *prefix = (const char *)run.mc->fleet.routing.keys.prefix;

    size_t choices = sizeof(letters) - (run.lively ? 0 : 1);
    const char *letter = one_of(letters, choices, 1);

    number = run.count == 0 ? 0 : (number + 1) % 1000;
    key->len =
        (size_t)snprintf((char *)key->bytes, sizeof(key->bytes), "%.*s%c%zu.%u%s",
                         (int)run.prefix_len, prefix, *letter, run.count, number, ONE_OF(rests));
}

static const unsigned char *own_part(const struct key *key)
{
    return key->bytes + run.prefix_len;
}

static size_t own_len(const struct key *key)
{
    return key->len - run.prefix_len;
}

/* Whether an answer must be the right one. */
static bool is_trusted(int server_index)
{
    int protocol = omcache_server_protocol(run.mc, server_index);

    return run.mode == ORDERLY || (run.mode == MESSY && (protocol == OMCACHE_PROTOCOL_BINARY ||
                                                         protocol == OMCACHE_PROTOCOL_META));
}

static const struct key *find_key(const struct operation *operation, const omcache_reply_t *reply)
{
    size_t len;
    const unsigned char *bytes = omcache_reply_key(reply, &len);

    for (size_t i = 0; i < operation->key_count; i++) {
        const struct key *key = &operation->keys[i];

        if (own_len(key) == len && memcmp(own_part(key), bytes, len) == 0)
            return key;
    }
    return NULL;
}

/* What is told of a key that was asked for. */
static void check_answer(const struct operation *operation, const omcache_reply_t *reply)
{
    const struct key *key = find_key(operation, reply);
    int status = omcache_reply_status(reply);
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    char letter;

    FUZZ_CHECK(key != NULL);
    letter = (char)own_part(key)[0];
    if (status >= OMCACHE_AGAIN || !is_trusted(omcache_reply_server_index(reply)))
        return;
    if (status == OMCACHE_OK && operation->get)
        FUZZ_CHECK(server_is_value(value, len, key->bytes, key->len));
    if (status == OMCACHE_OK && operation->counts)
        FUZZ_CHECK(omcache_reply_number(reply) == server_number(key->bytes, key->len));
    if (run.mode != ORDERLY)
        return;
    if (operation->stores && letter == SERVER_REFUSES)
        FUZZ_CHECK(status == OMCACHE_TOO_LARGE_VALUE);
    if (operation->get && status == OMCACHE_FAIL &&
        omcache_server_protocol(run.mc, omcache_reply_server_index(reply)) == OMCACHE_PROTOCOL_TEXT)
        return; /* it may be on a line with one that fails */
    if (operation->get)
        FUZZ_CHECK(status == (letter == SERVER_MISS    ? OMCACHE_NOT_FOUND
                              : letter == SERVER_FAILS ? OMCACHE_FAIL
                                                       : OMCACHE_OK));
    if (letter == SERVER_FAILS)
        FUZZ_CHECK(status == OMCACHE_FAIL);
}

static void act_inside(void);

/* What a callback is given. */
struct given {
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
};

/* Does something, and sees that what was given is still there then. */
static void act_and_compare(void (*act)(void), struct given given)
{
    unsigned char *key = fuzz_copy(given.key, given.key_len);
    unsigned char *value = fuzz_copy(given.value, given.value_len);

    act();
    FUZZ_CHECK(given.key_len == 0 || memcmp(key, given.key, given.key_len) == 0);
    FUZZ_CHECK(given.value_len == 0 || memcmp(value, given.value, given.value_len) == 0);
    free(key);
    free(value);
}

/* What a stream is told of. */
static void check_line(const struct operation *operation, const omcache_reply_t *reply)
{
    size_t key_len, len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &len);

    if (omcache_reply_status(reply) != OMCACHE_OK || run.mode != ORDERLY)
        return;
    if (operation->dumps && key_len > 0)
        FUZZ_CHECK(key_len == 4 && memcmp(key, "name", 4) == 0 && len == 11);
    if (operation->watches && value != NULL)
        FUZZ_CHECK(len > 5 && memcmp(value, "ts=1 ", 5) == 0);
}

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *operation = context;
    size_t key_len, value_len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &value_len);
    int status = omcache_reply_status(reply);

    FUZZ_CHECK(mc == run.mc && operation->ended == 0);
    FUZZ_CHECK(!operation->starting || run.freed);
    if (key_len > 0 && operation->key_count > 0)
        check_answer(operation, reply);
    check_line(operation, reply);
    operation->told += key_len > 0;
    operation->ended +=
        operation->watches ? status != OMCACHE_OK : !operation->many || key_len == 0;
    act_and_compare(act_inside, (struct given){key, key_len, value, value_len});
    FUZZ_CHECK(omcache_reply_status(reply) == status);
}

/* A new operation with so many keys, or NULL if there were too many. */
static struct operation *new_operation(size_t keys)
{
    struct operation *operation = &run.operations[run.count];

    if (run.count == OPERATIONS_MAX)
        return NULL;
    *operation = (struct operation){.key_count = keys};
    for (size_t i = 0; i < keys; i++)
        make_key(&operation->keys[i]);
    run.count++;
    return operation;
}

/* Starts an operation on a key by one of the functions. */
static int start_keyed(struct operation *operation, const struct key *key, int32_t msec,
                       omcache_reply_callback_func *func)
{
    const unsigned char *bytes = own_part(key);
    size_t len = own_len(key);
    uint64_t number = server_number(key->bytes, key->len);
    omcache_t *mc = run.mc;

    switch (fuzz_byte(&run.in) % 14) {
    case 0:
    case 1:
        operation->get = true;
        return omcache_async_get(mc, bytes, len, msec, func, operation);
    case 2:
        operation->get = true;
        return omcache_async_gat(mc, bytes, len, 100, msec, func, operation);
    case 3:
        operation->get = true;
        return omcache_async_meta_get(mc, bytes, len, NULL, msec, func, operation);
    case 4:
        operation->stores = true;
        if (*bytes == SERVER_REFUSES || (run.lively && *bytes == SERVER_BIG))
            return omcache_async_set(mc, bytes, len, large, LARGE, 0, 5, 0, msec, func, operation);
        return omcache_async_set(mc, bytes, len, "a\r\nvalue", 8, 0, 5, 0, msec, func, operation);
    case 5:
        operation->stores = true;
        return omcache_async_add(mc, bytes, len, "value", 5, 0, 0, msec, func, operation);
    case 6:
        return omcache_async_append(mc, bytes, len, "", 0, 0, msec, func, operation);
    case 7:
        operation->counts = true;
        return omcache_async_increment(mc, bytes, len, 1, number, 100, msec, func, operation);
    case 8:
        operation->counts = true;
        return omcache_async_decrement(mc, bytes, len, 1, 0, OMCACHE_DELTA_NO_ADD, msec, func,
                                       operation);
    case 9:
        return omcache_async_delete(mc, bytes, len, msec, func, operation);
    case 10:
        return omcache_async_touch(mc, bytes, len, 100, msec, func, operation);
    case 11:
        operation->stores = true;
        return omcache_async_meta_set(mc, bytes, len, "value", 5, 1, NULL, msec, func, operation);
    case 12:
        return omcache_async_meta_delete(mc, bytes, len, NULL, msec, func, operation);
    default:
        operation->counts = true;
        return omcache_async_meta_arithmetic(mc, bytes, len, 1, NULL, msec, func, operation);
    }
}

/* How many streams have not ended; each has a connection. */
static size_t count_streams(void)
{
    size_t count = 0;

    for (size_t i = 0; i < run.count; i++) {
        const struct operation *one = &run.operations[i];

        count += (one->dumps || one->watches) && one->accepted && one->ended == 0;
    }
    return count;
}

/* Starts a stream, or ends some. */
static int start_stream(struct operation *operation, int what, int server, int32_t msec,
                        omcache_reply_callback_func *func)
{
    size_t which;

    if (what == 0) {
        which = fuzz_byte(&run.in) % run.count;
        omcache_end_streams(run.mc, &run.operations[which]);
        return OMCACHE_INVALID;
    }
    if (count_streams() == STREAMS_MAX)
        return OMCACHE_INVALID;
    operation->many = true;
    operation->dumps = what == 1;
    operation->watches = what == 2;
    if (operation->dumps)
        return omcache_async_dump_keys(run.mc, server, msec, func, operation);
    return omcache_async_watch(run.mc, "fetchers", server, msec < 0 ? 2000 : msec, func, operation);
}

/* Starts one on a server. */
static int start_plain(struct operation *operation, int32_t msec, omcache_reply_callback_func *func)
{
    int server = fuzz_byte(&run.in) % NETWORK_SERVERS;
    omcache_t *mc = run.mc;

    int what = fuzz_byte(&run.in) % (run.lively ? 8 : 4);

    if (what >= 5)
        return start_stream(operation, what - 5, server, msec, func);
    switch (what) {
    case 0:
        return omcache_async_noop(mc, server, msec, func, operation);
    case 1:
        return omcache_async_version(mc, server, msec, func, operation);
    case 2:
        return omcache_async_flush_all(mc, 0, server, msec, func, operation);
    case 4:
        return omcache_async_verbosity(mc, 1, server, msec, func, operation);
    default:
        operation->many = true;
        return omcache_async_stat(mc, NULL, server, msec, func, operation);
    }
}

static int start_many(struct operation *operation, int32_t msec)
{
    const void *keys[KEYS_MAX];
    size_t lens[KEYS_MAX];

    operation->many = true;
    operation->get = true;
    for (size_t i = 0; i < KEYS_MAX; i++) {
        keys[i] = own_part(&operation->keys[i]);
        lens[i] = own_len(&operation->keys[i]);
    }
    return omcache_async_get_multi(run.mc, keys, lens, KEYS_MAX, msec, on_reply, operation);
}

static void start_operation(void)
{
    uint8_t kind = fuzz_byte(&run.in) % 8;
    int32_t msec = ONE_OF(timeouts);
    bool told = fuzz_byte(&run.in) % 4 != 3;
    omcache_reply_callback_func *func = told ? on_reply : NULL;
    struct operation *operation = new_operation(kind == 6 ? 0 : kind == 7 ? KEYS_MAX : 1);
    int rc;

    if (operation == NULL)
        return;
    operation->starting = true;
    if (kind == 6)
        rc = start_plain(operation, msec, func);
    else if (kind == 7)
        rc = start_many(operation, msec);
    else
        rc = start_keyed(operation, &operation->keys[0], msec, func);
    operation->starting = false;
    operation->accepted = rc == OMCACHE_OK && (told || kind == 7);
    FUZZ_CHECK(operation->ended == 0 || run.freed);
}

/* A get of many by the classic interface, and once more for what is left. */
static void get_classic(int32_t msec)
{
    struct key keys[KEYS_MAX];
    const unsigned char *bytes[KEYS_MAX];
    size_t lens[KEYS_MAX], req_count = KEYS_MAX, value_count = KEYS_MAX;
    omcache_req_t reqs[KEYS_MAX];
    omcache_value_t values[KEYS_MAX];
    int rc;

    for (size_t i = 0; i < KEYS_MAX; i++) {
        make_key(&keys[i]);
        bytes[i] = own_part(&keys[i]);
        lens[i] = own_len(&keys[i]);
    }
    rc = omcache_get_multi(run.mc, bytes, lens, KEYS_MAX, reqs, &req_count, values, &value_count,
                           msec);
    FUZZ_CHECK(value_count <= KEYS_MAX && req_count <= KEYS_MAX);
    if (!run.freed && rc == OMCACHE_AGAIN) {
        value_count = KEYS_MAX;
        rc = omcache_io(run.mc, reqs, &req_count, values, &value_count, msec);
    }
    if (rc == OMCACHE_INVALID)
        value_count = 0; /* nothing was touched: inside of another call it has ended */
    for (size_t i = 0; !run.freed && i < value_count; i++) {
        const omcache_value_t *value = &values[i];

        if (value->status == OMCACHE_OK && run.mode == ORDERLY)
            FUZZ_CHECK(value->data_len > 0 && value->key_len > 0 &&
                       memcmp(value->data + run.prefix_len, value->key, value->key_len) == 0);
    }
    if (!run.freed && rc == OMCACHE_AGAIN)
        omcache_io(run.mc, NULL, NULL, NULL, NULL, 0); /* the arrays end with this function */
}

static void call_classic(void)
{
    int32_t msec = ONE_OF(timeouts);
    uint8_t kind = fuzz_byte(&run.in) % 8;
    const unsigned char *value;
    struct key key;
    uint64_t number;
    size_t len;
    int rc;

    make_key(&key);
    if (kind == 1 && *own_part(&key) == SERVER_REFUSES) {
        rc = omcache_set(run.mc, own_part(&key), own_len(&key), large, LARGE, 0, 0, 0, msec);
        FUZZ_CHECK(rc != OMCACHE_OK || run.mode != ORDERLY);
        return;
    }
    switch (kind) {
    case 0:
        rc = omcache_get(run.mc, own_part(&key), own_len(&key), &value, &len, NULL, NULL, msec);
        if (!run.freed && rc == OMCACHE_OK && run.mode == ORDERLY)
            FUZZ_CHECK(server_is_value(value, len, key.bytes, key.len));
        break;
    case 1:
        omcache_set(run.mc, own_part(&key), own_len(&key), own_part(&key), own_len(&key), 0, 0, 0,
                    msec);
        break;
    case 2:
        rc = omcache_increment(run.mc, own_part(&key), own_len(&key), 1,
                               server_number(key.bytes, key.len), 0, &number, msec);
        if (rc == OMCACHE_OK && run.mode == ORDERLY)
            FUZZ_CHECK(number == server_number(key.bytes, key.len));
        break;
    case 3:
        omcache_noop(run.mc, fuzz_byte(&run.in) % NETWORK_SERVERS, msec);
        break;
    case 4:
        omcache_stat(run.mc, "items", NULL, NULL, 0, msec);
        break;
    case 5:
        omcache_io(run.mc, NULL, NULL, NULL, NULL, msec);
        break;
    default:
        get_classic(msec);
        break;
    }
}

/*
 * What the application's loop does.
 */

static void on_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    (void)context;
    FUZZ_CHECK(fd >= 0 && fd < FDS_MAX && network_find(fd) != NULL);
    FUZZ_CHECK(run.watched[fd] != events);
    run.watched[fd] = events;
    if (run.acting & WATCH)
        act_inside();
}

static void on_timeout(omcache_t *mc, int msec, void *context)
{
    (void)context;
    FUZZ_CHECK(mc == run.mc && msec >= 0);
    act_inside();
}

static void on_drain(omcache_t *mc, int server_index, void *context)
{
    (void)context;
    FUZZ_CHECK(mc == run.mc && server_index >= 0);
    act_inside();
}

/* Acts on all descriptors that are ready; whether there were any. */
static bool turn(void)
{
    bool any = false;

    for (int fd = 0; fd < FDS_MAX && !run.freed; fd++) {
        short ready;

        if (run.watched[fd] == 0 || (ready = network_ready(fd, run.watched[fd])) == 0)
            continue;
        any = true;
        omcache_process_fd(run.mc, fd, ready);
    }
    if (!run.freed && omcache_next_timeout(run.mc) == 0)
        omcache_process_timeouts(run.mc);
    return any;
}

static void change_settings(void)
{
    uint8_t value = fuzz_byte(&run.in);

    switch (value % 8) {
    case 0:
        omcache_set_buffering(run.mc, value & 8);
        break;
    case 1:
        omcache_set_dead_timeout(run.mc, value);
        break;
    case 2:
        omcache_set_connect_timeout(run.mc, value);
        break;
    case 3:
        omcache_set_protocol(run.mc, value / 8 % 4);
        break;
    case 4:
        omcache_set_failover(run.mc, value / 8 % 2);
        break;
    case 5:
        run.changed = true;
        omcache_set_servers(run.mc, ONE_OF(lists));
        break;
    case 6:
        omcache_set_send_buffer_max_size(run.mc, value * (size_t)4);
        break;
    default:
        omcache_reset_buffers(run.mc);
        break;
    }
}

static void free_handle(void)
{
    run.freed = true;
    FUZZ_CHECK(omcache_free(run.mc) == OMCACHE_OK);
}

/* Has a descriptor processed that is ready, or if none is, one that is not known. */
static void process_one(void)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (run.watched[fd] != 0 && network_ready(fd, run.watched[fd]) != 0) {
            omcache_process_fd(run.mc, fd, network_ready(fd, run.watched[fd]));
            return;
        }
    }
    FUZZ_CHECK(omcache_process_fd(run.mc, FDS_MAX, POLLIN) == OMCACHE_NOT_FOUND || run.freed);
}

/* Takes the watch callback back and sets it again, which tells all. */
static void watch_anew(void)
{
    omcache_set_watch_callback(run.mc, NULL, NULL);
    memset(run.watched, 0, sizeof(run.watched));
    omcache_set_watch_callback(run.mc, on_watch, NULL);
}

static void look_at_servers(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    int server = fuzz_byte(&run.in) % NETWORK_SERVERS;
    omcache_server_info_t *info = omcache_server_info(run.mc, server);

    FUZZ_CHECK((omcache_server_stats(run.mc, server, &stats) == OMCACHE_OK) == (info != NULL));
    if (info != NULL)
        FUZZ_CHECK(omcache_server_info_free(run.mc, info) == OMCACHE_OK);
}

/* There is no room to read its answers into, until values are released. */
static bool is_stalled(int fd)
{
    const struct omc_watch *watch = omc_watch_find(&run.mc->shared.watches, fd);

    return watch != NULL && watch->link != NULL && watch->link->conn.stalled;
}

static void poll_classic(void)
{
    int count, msec;
    const struct pollfd *fds = omcache_poll_fds(run.mc, &count, &msec);

    FUZZ_CHECK(count == 0 || fds != NULL);
    for (int i = 0; !run.freed && i < count; i++)
        FUZZ_CHECK(fds[i].fd < 0 || fds[i].events != 0 || is_stalled(fds[i].fd));
}

static void act_outside(uint8_t what);

/* What only inputs of the lively kind do inside. */
static void act_lively(uint8_t what)
{
    switch (what) {
    case 6:
        process_one();
        break;
    case 7:
        omcache_process_timeouts(run.mc);
        break;
    case 8:
        omcache_next_timeout(run.mc);
        break;
    case 9:
        watch_anew();
        break;
    case 10:
        look_at_servers();
        break;
    case 11:
        poll_classic();
        break;
    case 12:
        omcache_reset_buffers(run.mc);
        break;
    case 13:
        network_note_late();
        act_outside(fuzz_byte(&run.in) % 10);
        break;
    default:
        break;
    }
}

/* From inside a callback everything may be called. */
static void act_inside(void)
{
    uint8_t what;

    if (run.depth == DEPTH_MAX || run.freed)
        return;
    run.depth++;
    what = fuzz_byte(&run.in) % 16;
    switch (what) {
    case 1:
    case 2:
        start_operation();
        break;
    case 3:
        call_classic();
        break;
    case 4:
        change_settings();
        break;
    case 5:
        if (fuzz_byte(&run.in) == 1)
            free_handle();
        break;
    default:
        if (run.lively)
            act_lively(what);
        break;
    }
    run.depth--;
}

/* Calls that are refused where not everything may be called. */
static void be_refused(void)
{
    const unsigned char *value;
    size_t len = 0;

    FUZZ_CHECK(omcache_noop(run.mc, 0, -1) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_io(run.mc, NULL, NULL, NULL, NULL, -1) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_get(run.mc, large, 1, &value, &len, NULL, NULL, -1) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_async_get(run.mc, "k", 1, -1, on_reply, NULL) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_process_timeouts(run.mc) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_reset_buffers(run.mc) == OMCACHE_INVALID);
    FUZZ_CHECK(omcache_set_servers(run.mc, "") == OMCACHE_INVALID);
}

/* From inside a response or log callback a few things may be. */
static void act_limited(void)
{
    uint8_t value;

    if (run.freed)
        return;
    switch (fuzz_byte(&run.in) % 8) {
    case 1:
        look_at_servers();
        break;
    case 2:
        be_refused();
        break;
    case 3:
        value = fuzz_byte(&run.in);
        omcache_set_dead_timeout(run.mc, value);
        omcache_set_connect_timeout(run.mc, value);
        omcache_set_protocol(run.mc, value % 4);
        omcache_set_failover(run.mc, value % 2);
        omcache_set_buffering(run.mc, value % 2);
        omcache_set_send_buffer_max_size(run.mc, value * (size_t)4);
        break;
    case 4:
        if (fuzz_byte(&run.in) == 1)
            free_handle();
        break;
    default:
        break;
    }
}

static void on_response(omcache_t *mc, omcache_value_t *value, void *context)
{
    (void)context;
    FUZZ_CHECK(mc == run.mc);
    act_and_compare(act_limited,
                    (struct given){value->key, value->key_len, value->data, value->data_len});
}

/*
 * What the peers do.
 */

/* Takes a reply out and puts it in again, once, twice or not at all, at the end. */
static void mess_up(struct network_wire *wire)
{
    static unsigned char bytes[NETWORK_ROOM];
    size_t which = fuzz_byte(&run.in), first = wire->torn ? 1 : 0;
    uint8_t times = fuzz_byte(&run.in) % 3;
    size_t start, len;

    if (wire->reply_count <= first)
        return;
    which = first + which % (wire->reply_count - first);
    start = which == 0 ? 0 : wire->ends[which - 1];
    len = wire->ends[which] - start;
    memcpy(bytes, wire->replies + start, len);
    memmove(wire->replies + start, wire->replies + start + len, wire->reply_len - start - len);
    wire->reply_len -= len;
    for (size_t i = which + 1; i < wire->reply_count; i++)
        wire->ends[i - 1] = wire->ends[i] - len;
    wire->reply_count--;
    for (; times > 0; times--) {
        if (network_reply(wire, bytes, len))
            network_end_reply(wire);
    }
}

static void send_anything(struct network_wire *wire)
{
    const unsigned char *bytes;
    size_t len = fuzz_bytes(&run.in, fuzz_byte(&run.in), &bytes);

    if (network_reply(wire, bytes, len))
        network_end_reply(wire);
    network_deliver(wire, NETWORK_ROOM);
}

static void corrupt(const struct network_wire *wire)
{
    size_t at = fuzz_byte(&run.in);
    uint8_t byte = fuzz_byte(&run.in);

    if (at < wire->reply_len)
        ((struct network_wire *)(uintptr_t)wire)->replies[at] = byte;
}

static void hang_up(struct network_wire *wire)
{
    if (wire->state == NETWORK_CONNECTED)
        wire->state = fuzz_byte(&run.in) % 2 == 0 ? NETWORK_ENDED : NETWORK_RESET;
}

/* Something that the peer of a wire does. */
static void act_on(struct network_wire *wire, uint8_t what)
{
    uint8_t len;

    switch (what) {
    case 0:
        server_serve(wire, run.kinds[wire->server], SERVER_EVERYTHING);
        network_deliver(wire, NETWORK_ROOM);
        break;
    case 1:
        server_serve(wire, run.kinds[wire->server], SERVER_EVERYTHING);
        len = fuzz_byte(&run.in);
        network_deliver(wire, len);
        break;
    case 2:
        hang_up(wire);
        break;
    case 3:
        network_admit(wire, fuzz_byte(&run.in) % 2 == 0);
        break;
    case 4:
        wire->window = fuzz_byte(&run.in);
        break;
    case 5:
        if (run.mode >= MESSY)
            mess_up(wire);
        break;
    case 6:
        if (run.mode == HOSTILE)
            send_anything(wire);
        break;
    default:
        if (run.mode == HOSTILE)
            corrupt(wire);
        break;
    }
}

/* A step of the peers, or of the time; the first byte has been taken. */
static void act_outside(uint8_t what)
{
    static const int16_t pauses[] = {1, 5, 30, 250, 1000, 20000};
    uint8_t which;

    if (what == 8) {
        network_pass(ONE_OF(pauses));
    } else if (what == 9) {
        which = fuzz_byte(&run.in);
        network_set_door(which % NETWORK_SERVERS, which / NETWORK_SERVERS % 4);
    } else if (network_open() > 0) {
        act_on(network_wire(fuzz_byte(&run.in)), what);
    }
}

static bool is_given_up(int fd)
{
    return omc_watch_find(&run.mc->shared.watches, fd) == NULL;
}

/* While a call waits the peers go on; when the input is over, in their manner. */
static bool meanwhile(void)
{
    if (run.depth > 0)
        network_note_late();
    else
        network_note_given_up(is_given_up);
    if (fuzz_left(&run.in) == 0)
        return manner_act(run.manner, run.kinds);
    network_note_step();
    act_outside(fuzz_byte(&run.in) % 10);
    return true;
}

static uint64_t count_failures(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    uint64_t count = 0;

    for (int i = 0; omcache_server_stats(run.mc, i, &stats) == OMCACHE_OK; i++)
        count += stats.failures;
    return count;
}

/* Whether there was a cause for each failure since it was looked last.  Where the list has
 * been changed the failures of servers that are gone are gone, too. */
static void check_failures(void)
{
    uint64_t failures, more;
    unsigned causes = network_causes();

    network_note_return();
    if (run.freed || run.mode != ORDERLY || run.manner > MANNER_FRIENDLY)
        return;
    failures = count_failures();
    more = failures - run.failures;
    if (!run.changed && more > causes - run.known)
        run.delayed += more - (causes - run.known);
    FUZZ_CHECK(run.delayed <= network_delays());
    run.changed = false;
    run.failures = failures;
    run.known = causes;
}

static void step(void)
{
    uint8_t what = fuzz_byte(&run.in) % 20;

    network_note_step();
    if (what < 10)
        act_outside(what);
    else if (what < 14)
        start_operation();
    else if (what < 17)
        turn();
    else if (what == 17)
        call_classic();
    else if (what == 18)
        change_settings();
    else
        omcache_process_timeouts(run.mc);
    check_failures();
}

/*
 * From the beginning to the end.
 */

/* Who watches would do so for ever. */
static void end_watches(void)
{
    for (size_t i = 0; i < run.count && !run.freed; i++) {
        if (run.operations[i].watches)
            omcache_end_streams(run.mc, &run.operations[i]);
    }
}

static bool all_ended(void)
{
    for (size_t i = 0; i < run.count; i++) {
        if (run.operations[i].accepted && run.operations[i].ended == 0)
            return false;
    }
    return true;
}

/* Turns the loop until each operation has ended: nothing else may be needed. */
static void turn_until_ended(void)
{
    for (unsigned i = 0; !run.freed && !all_ended(); i++) {
        int msec;

        FUZZ_CHECK(i < TURNS_MAX);
        if (turn() || run.freed || manner_act(run.manner, run.kinds))
            continue;
        check_failures();
        msec = omcache_next_timeout(run.mc);
        FUZZ_CHECK(msec >= 0 || all_ended());
        if (msec > 0)
            network_pass(msec);
        omcache_process_timeouts(run.mc);
    }
}

/* Asks nothing more: when all is over, there must be nothing left to wait for. */
static void rest(void)
{
    for (unsigned i = 0; !run.freed; i++) {
        int msec;

        FUZZ_CHECK(i < REST_MAX);
        if (turn() || run.freed || manner_act(run.manner, run.kinds))
            continue;
        check_failures();
        msec = omcache_next_timeout(run.mc);
        if (msec < 0)
            return;
        network_pass(msec);
        omcache_process_timeouts(run.mc);
    }
}

/* The same, by a classic call. */
static void wait_until_ended(void)
{
    for (unsigned i = 0; !run.freed && !all_ended(); i++) {
        FUZZ_CHECK(i < OPERATIONS_MAX);
        omcache_io(run.mc, NULL, NULL, NULL, NULL, -1);
        check_failures();
    }
}

static void on_log(void *context, int level, const char *text)
{
    (void)context;
    FUZZ_CHECK(level >= 3 && level <= 7 && strlen(text) > 0);
    if (getenv("FUZZ_LOG") != NULL)
        fprintf(stderr, "%s\n", text);
    if (run.acting & LOG)
        act_and_compare(act_limited, (struct given){.value = text, .value_len = strlen(text)});
}

/* Chooses what is lively about the input. */
static void choose_callbacks(void)
{
    uint8_t third = fuzz_byte(&run.in), fourth = fuzz_byte(&run.in);

    run.lively = true;
    run.manner = third % MANNERS;
    run.mode = third / 8 % MODES;
    if (run.manner == MANNER_GENEROUS && run.mode == ORDERLY)
        run.mode = MESSY;
    run.acting = fourth;
    if (run.acting & TIMEOUT)
        omcache_set_timeout_callback(run.mc, on_timeout, NULL);
    if (run.acting & DRAIN)
        omcache_set_drain_callback(run.mc, on_drain, NULL);
    if (run.acting & RESPONSE)
        omcache_set_response_callback(run.mc, on_response, NULL);
}

/* Makes the handle, with what the first bytes choose. */
static void begin(void)
{
    static const size_t limits[] = {1 << 20, 1 << 20, 300, 40};
    uint8_t first = fuzz_byte(&run.in), second = fuzz_byte(&run.in);
    const char *prefix = prefixes[second % 4];
    struct omc_routing routing = {.custom = NULL};

    network_start();
    manner_start();
    network_set_meanwhile(meanwhile);
    run.mode = first % 4 % MODES;
    run.manner = (first & 4) != 0 ? MANNER_FRIENDLY : MANNER_SILENT;
    for (size_t i = 0; i < NETWORK_SERVERS; i++)
        run.kinds[i] = (first / 8 + i * (first / 64)) % SERVER_KINDS;
    omc_routing_choose_classic(&routing, &omcache_dist_libmemcached_ketama);
    run.mc = omc_setup_new(&routing, FIRST_NUMBER, 1);
    run.mc->shared.random = 1;
    run.prefix_len = strlen(prefix);
    server_set_prefix(run.prefix_len);
    omcache_set_log_callback(run.mc, 7, on_log, NULL);
    omcache_set_distribution(run.mc, "modula", NULL);
    omcache_set_key_prefix(run.mc, prefix, run.prefix_len, 0);
    omcache_set_protocol(run.mc, second / 4 % 4);
    omcache_set_recv_buffer_max_size(run.mc, limits[second / 16 % 4]);
    if (first % 4 == 3)
        choose_callbacks();
    omcache_set_watch_callback(run.mc, on_watch, NULL);
    omcache_set_servers(run.mc, lists[second / 64]);
}

/* Frees the handle, and sees that nothing is left. */
static void end(void)
{
    if (!run.freed)
        free_handle();
    FUZZ_CHECK(network_open() == 0);
    for (size_t fd = 0; fd < FDS_MAX; fd++)
        FUZZ_CHECK(run.watched[fd] == 0);
    for (size_t i = 0; i < run.count; i++) {
        const struct operation *operation = &run.operations[i];

        FUZZ_CHECK(operation->ended == (operation->accepted ? 1 : 0));
        if (operation->accepted && operation->many && operation->key_count > 0)
            FUZZ_CHECK(operation->told == operation->key_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t ending;

    memset(&run, 0, offsetof(__typeof__(run), operations));
    run.in = fuzz_input(bytes, size);
    begin();
    ending = fuzz_byte(&run.in) % 3;
    while (!run.freed && fuzz_left(&run.in) > 0)
        step();
    end_watches();
    if (ending == 1)
        turn_until_ended();
    else if (ending == 2)
        wait_until_ended();
    if (ending > 0 && run.manner <= MANNER_FRIENDLY)
        rest();
    end();
    return 0;
}
