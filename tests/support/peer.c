/*
 * A scripted TCP peer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/peer.h"

#include "support/clock.h"
#include "support/loopback.h"

#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS_MAX 8
#define FILLERS 4
#define FORSAKEN 64

struct peer {
    char address[32];
    int listener;
    peer_script *script;
    void *context;
    pthread_t thread;
    bool threaded;        /* an unreachable peer has no thread */
    int fillers[FILLERS]; /* connections that keep others out */
    SSL *ssl;             /* these are of the thread only; NULL: it speaks no TLS */
    size_t cut;           /* where what it sends over TLS is cut in two next */
    size_t piece;
    char left[PEER_LINE];
    bool forsakes;
    int forsaken[FORSAKEN]; /* the last of them; when there are more, they are closed */
    size_t forsaken_count;

    pthread_mutex_t lock; /* for what follows */
    bool stopping;
    int connection; /* -1 between connections */
    size_t connections;
    unsigned char record[256 * 1024];
    size_t recorded; /* may exceed the record: then bytes are missing in it */
};

static struct peer *peers[PEERS_MAX];
static SSL_CTX *secure; /* of those that start from now on, or NULL */
static BIO_METHOD *cutter;

/*
 * What is read and sent, with TLS or without.
 */

static bool send_plain(const struct peer *peer, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(peer->connection, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
    return true;
}

/* Sends records in two parts, cut one byte further on each time: in the end they were everywhere.
 */
static int send_cut(BIO *bio, const char *bytes, int len)
{
    struct peer *peer = BIO_get_data(bio);
    size_t cut = len > 0 ? peer->cut++ % (size_t)len : 0;
    if (!send_plain(peer, bytes, cut)) {
        return -1;
    }
    sched_yield(); /* the reader may see just that */
    return send_plain(peer, bytes + cut, (size_t)len - cut) ? len : -1;
}

static ssize_t receive_plain(const struct peer *peer, void *bytes, size_t room, int flags)
{
    ssize_t got;
    do {
        got = recv(peer->connection, bytes, room, flags);
    } while (got < 0 && errno == EINTR);
    return got;
}

static int receive_records(BIO *bio, char *bytes, int size)
{
    return (int)receive_plain(BIO_get_data(bio), bytes, (size_t)size, 0);
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static ssize_t read_some(const struct peer *peer, void *bytes, size_t room, bool looks)
{
    if (!peer->ssl) {
        return receive_plain(peer, bytes, room, looks ? MSG_PEEK : 0);
    }
    return looks ? SSL_peek(peer->ssl, bytes, (int)room) : SSL_read(peer->ssl, bytes, (int)room);
}

static bool send_piece(const struct peer *peer, const void *bytes, size_t len)
{
    return peer->ssl ? SSL_write(peer->ssl, bytes, (int)len) > 0 : send_plain(peer, bytes, len);
}

/* Does the handshake, if there is one; false if it fails. */
static bool make_secure(struct peer *peer)
{
    peer->ssl = secure ? SSL_new(secure) : NULL;
    if (!peer->ssl) {
        return secure == NULL;
    }
    BIO *bio = BIO_new(cutter);
    BIO_set_data(bio, peer);
    BIO_set_init(bio, 1);
    SSL_set_bio(peer->ssl, bio, bio);
    return SSL_accept(peer->ssl) == 1;
}

/*
 * The thread.
 */

/* False if the test is over. */
static bool take_connection(struct peer *peer, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pthread_mutex_lock(&peer->lock);
    bool stopping = peer->stopping;
    if (!stopping) {
        peer->connection = fd;
        peer->connections++;
        peer->piece = 0;
        peer->forsakes = false;
    }
    pthread_mutex_unlock(&peer->lock);
    return !stopping;
}

static void drop_connection(struct peer *peer, int fd)
{
    pthread_mutex_lock(&peer->lock);
    peer->connection = -1;
    pthread_mutex_unlock(&peer->lock);
    SSL_free(peer->ssl); /* which says nothing to the other end */
    peer->ssl = NULL;
    ERR_clear_error();
    if (peer->forsakes) {
        int *place = &peer->forsaken[peer->forsaken_count++ % FORSAKEN];
        int other = *place;
        *place = fd;
        fd = other;
    }
    if (fd > 0) {
        close(fd);
    }
}

/* Whether the client has ended it already.  Where the machine is slow, a silence makes it try a
 * second connection beside the first, which is no more when the peer comes to it. */
static bool is_given_up(const struct peer *peer, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
    return peer->connections > 0 && poll(&poll_fd, 1, 0) == 1;
}

static void *run(void *context)
{
    struct peer *peer = context;
    for (;;) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            return NULL;
        }
        if (is_given_up(peer, fd)) {
            close(fd);
            continue;
        }
        if (!take_connection(peer, fd)) {
            close(fd);
            return NULL;
        }
        peer->left[0] = 0;
        if (make_secure(peer)) {
            peer->script(peer, peer->context);
        }
        drop_connection(peer, fd);
    }
}

static void record(struct peer *peer, const unsigned char *bytes, size_t len)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->recorded < sizeof(peer->record)) {
        size_t room = sizeof(peer->record) - peer->recorded;
        memcpy(peer->record + peer->recorded, bytes, len < room ? len : room);
    }
    peer->recorded += len;
    pthread_mutex_unlock(&peer->lock);
}

static size_t receive(struct peer *peer, void *bytes, size_t room)
{
    ssize_t got = read_some(peer, bytes, room, false);
    if (got <= 0) {
        return 0;
    }
    record(peer, bytes, (size_t)got);
    return (size_t)got;
}

bool peer_read(struct peer *peer, void *bytes, size_t len)
{
    unsigned char *next = bytes;
    while (len > 0) {
        size_t got = receive(peer, next, len);
        if (got == 0) {
            return false;
        }
        next += got;
        len -= got;
    }
    return true;
}

int peer_peek(struct peer *peer)
{
    unsigned char byte;
    return read_some(peer, &byte, 1, true) == 1 ? byte : -1;
}

bool peer_hears_nothing(struct peer *peer, int msec)
{
    struct pollfd fd = {.fd = peer->connection, .events = POLLIN};
    int ready;
    if (peer->ssl && SSL_pending(peer->ssl) > 0) {
        return false;
    }
    do {
        ready = poll(&fd, 1, msec);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
}

char *peer_left(struct peer *peer)
{
    return peer->left;
}

void peer_drain(struct peer *peer)
{
    unsigned char bytes[4096];
    while (receive(peer, bytes, sizeof(bytes)) > 0) {
    }
}

bool peer_send(struct peer *peer, const void *bytes, size_t len)
{
    const unsigned char *next = bytes;
    while (len > 0) {
        size_t piece = peer->piece && peer->piece < len ? peer->piece : len;
        if (!send_piece(peer, next, piece)) {
            return false;
        }
        next += piece;
        len -= piece;
        if (peer->piece) {
            clock_sleep(1); /* gives the reader time to see just this piece */
        }
    }
    return true;
}

void peer_send_in_pieces(struct peer *peer, size_t piece)
{
    peer->piece = piece;
}

void peer_forsake(struct peer *peer)
{
    peer->forsakes = true;
}

void peer_reset_on_close(struct peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->connection, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/*
 * The test's side.
 */

static struct peer *listen_on(int number, int backlog)
{
    char host[LOOPBACK_HOST_SIZE];
    size_t slot = 0;
    while (slot < PEERS_MAX && peers[slot]) {
        slot++;
    }
    ck_assert_msg(slot < PEERS_MAX, "more than %d peers at once", PEERS_MAX);
    struct peer *peer = calloc(1, sizeof(*peer));
    ck_assert_ptr_nonnull(peer);
    peers[slot] = peer;
    pthread_mutex_init(&peer->lock, NULL);
    peer->connection = -1;
    snprintf(peer->address, sizeof(peer->address), "%s:%d", loopback_host(host),
             PEER_PORT + number);
    peer->listener = loopback_listen(host, PEER_PORT + number, backlog);
    ck_assert_msg(peer->listener >= 0, "listen on %s: %s", peer->address, strerror(errno));
    return peer;
}

void peer_be_secure(const char *certificate, const char *key)
{
    SSL_CTX_free(secure);
    secure = SSL_CTX_new(TLS_server_method());
    ck_assert_ptr_nonnull(secure);
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(secure, certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(secure, key, SSL_FILETYPE_PEM), 1);
    BIO_meth_free(cutter);
    cutter = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cutter");
    ck_assert_ptr_nonnull(cutter);
    BIO_meth_set_write(cutter, send_cut);
    BIO_meth_set_read(cutter, receive_records);
    BIO_meth_set_ctrl(cutter, control);
}

struct peer *peer_start(int number, peer_script *script, void *context)
{
    struct peer *peer = listen_on(number, 16);
    peer->script = script;
    peer->context = context;
    int error = pthread_create(&peer->thread, NULL, run, peer);
    ck_assert_msg(error == 0, "pthread_create: %s", strerror(error));
    peer->threaded = true;
    return peer;
}

struct peer *peer_start_unreachable(int number)
{
    /* The kernel ignores connection attempts to a full queue. */
    char host[LOOPBACK_HOST_SIZE];
    struct peer *peer = listen_on(number, 0);
    for (size_t i = 0; i < FILLERS; i++) {
        peer->fillers[i] = loopback_connect(loopback_host(host), PEER_PORT + number);
        ck_assert_msg(peer->fillers[i] >= 0, "connect to %s: %s", peer->address, strerror(errno));
    }
    return peer;
}

static void stop(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    peer->stopping = true;
    shutdown(peer->listener, SHUT_RDWR);
    if (peer->connection >= 0) {
        shutdown(peer->connection, SHUT_RDWR);
    }
    pthread_mutex_unlock(&peer->lock);
    if (peer->threaded) {
        pthread_join(peer->thread, NULL);
    }
    for (size_t i = 0; i < FILLERS; i++) {
        if (peer->fillers[i] > 0) {
            close(peer->fillers[i]);
        }
    }
    for (size_t i = 0; i < FORSAKEN; i++) {
        if (peer->forsaken[i] > 0) {
            close(peer->forsaken[i]);
        }
    }
    if (peer->listener >= 0) {
        close(peer->listener);
    }
    pthread_mutex_destroy(&peer->lock);
    free(peer);
}

bool peer_is_there(void)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (peers[i]) {
            return true;
        }
    }
    return false;
}

void peer_stop_all(void)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (peers[i]) {
            stop(peers[i]);
            peers[i] = NULL;
        }
    }
    SSL_CTX_free(secure);
    BIO_meth_free(cutter);
    secure = NULL;
    cutter = NULL;
}

const char *peer_address(const struct peer *peer)
{
    return peer->address;
}

size_t peer_connections(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    size_t connections = peer->connections;
    pthread_mutex_unlock(&peer->lock);
    return connections;
}

size_t peer_received(struct peer *peer, unsigned char *out, size_t room)
{
    pthread_mutex_lock(&peer->lock);
    size_t recorded = peer->recorded;
    if (recorded <= sizeof(peer->record) && recorded <= room) {
        memcpy(out, peer->record, recorded);
    }
    pthread_mutex_unlock(&peer->lock);
    ck_assert_msg(recorded <= sizeof(peer->record) && recorded <= room,
                  "the peer at %s received %zu bytes, more than fit", peer->address, recorded);
    return recorded;
}

void peer_forget(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    peer->recorded = 0;
    pthread_mutex_unlock(&peer->lock);
}

void peer_hang_up(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->connection >= 0) {
        shutdown(peer->connection, SHUT_RDWR);
    }
    pthread_mutex_unlock(&peer->lock);
}

static bool has_come(struct peer *peer, size_t connections, size_t bytes)
{
    pthread_mutex_lock(&peer->lock);
    bool has = peer->connections >= connections && peer->recorded >= bytes;
    pthread_mutex_unlock(&peer->lock);
    return has;
}

bool peer_await(struct peer *peer, size_t connections, size_t bytes)
{
    int64_t deadline = clock_ms() + clock_allow(5000);
    while (!has_come(peer, connections, bytes)) {
        if (clock_ms() >= deadline) {
            return false;
        }
        clock_sleep(1);
    }
    return true;
}
