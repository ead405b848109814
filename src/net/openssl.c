/*
 * TLS by OpenSSL; see tls.h.
 *
 * memcached (1.6.18) reads the rest of a value alone, and then waits for its socket: of a record
 * that goes on with other requests it sees those when more comes.  So records end with requests.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "net/openssl_context.h"
#include "net/openssl_wire.h"
#include "net/openssl_words.h"
#include "net/pieces.h"
#include "net/tls.h"

enum {
    RECORD = 16384, /* bytes that one takes at most */
    READS_MAX = 2,  /* of the kernel's at a time that bring nothing for us */
};

struct omc_tls {
    unsigned users; /* who has made it, streams, and sessions */
    SSL_CTX *context;
    BIO_METHOD *method;
    char *name;
    bool unverified;
};

/* What a stream has of its own. */
struct own {
    SSL *ssl;
    struct omc_openssl_wire wire;
    pid_t process; /* that has opened it: a child says nothing in the name of its parent */
    struct omc_tls *tls;
    bool is_unfit;  /* no certificate can be for that name */
    bool is_asked;  /* for a certificate */
    bool is_let_in; /* by the server, whatever it was shown */
    struct omc_tls_session *session;
    char *name; /* that the certificate must be for */
    char problem[OMC_TLS_PROBLEM];
    char *told; /* where it is said when the stream fails */
};

/* OpenSSL tells how a call has ended by what its queue of errors has.  There mostly is nothing,
 * which is found out for less than clearing costs. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/*
 * Settings.
 */

/* Says what is wrong with a certificate, and leaves the rest to OpenSSL. */
static int verify(int is_good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct own *own = SSL_get_app_data(ssl);

    if (!is_good)
        omc_openssl_words_certificate(own->problem, store, own->name);
    return is_good;
}

/* The server wants a certificate, which it may be able to do without. */
static int note_asked(SSL *ssl, void *unused)
{
    struct own *own = SSL_get_app_data(ssl);

    (void)unused;
    own->is_asked = true;
    return 1; /* go on with what there is */
}

/* Keeps the session for the next connection to that server with the same settings.  OpenSSL leaves
 * its reference to who returns 1. */
static int take_session(SSL *ssl, SSL_SESSION *session)
{
    struct own *own = SSL_get_app_data(ssl);

    omc_tls_forget_session(own->session);
    own->session->resumed = session;
    own->session->tls = own->tls;
    own->tls->users++;
    own->is_let_in = true; /* tickets are given after that */
    return 1;
}

static const struct omc_openssl_hooks hooks = {verify, note_asked, take_session};

/* Fills one in; false if something is wrong. */
static bool fill_settings(struct omc_tls *tls, const struct omc_tls_choice *choice, char *problem)
{
    tls->unverified = choice->unverified;
    tls->method = omc_openssl_wire_method();
    if (choice->name != NULL)
        tls->name = omc_memory_copy_string(choice->name, strlen(choice->name));
    if (tls->method == NULL || (choice->name != NULL && tls->name == NULL))
        return false;
    tls->context = omc_openssl_context_new(choice, &hooks, problem);
    return tls->context != NULL;
}

struct omc_tls *omc_tls_new(const struct omc_tls_choice *choice, char *problem)
{
    struct omc_tls *tls = omc_memory_new(1, sizeof(*tls));

    forget_errors();
    problem[0] = '\0';
    if (tls != NULL)
        tls->users = 1;
    if (tls != NULL && !fill_settings(tls, choice, problem)) {
        omc_tls_free(tls);
        tls = NULL;
    }
    forget_errors();
    return tls;
}

void omc_tls_free(struct omc_tls *tls)
{
    if (tls == NULL || --tls->users > 0)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    omc_memory_free(tls->name);
    omc_memory_free(tls);
}

void omc_tls_forget_session(struct omc_tls_session *session)
{
    SSL_SESSION_free(session->resumed);
    omc_tls_free(session->tls);
    *session = (struct omc_tls_session){NULL, NULL};
}

/*
 * Streams.
 */

/* Fails with what there is to say. */
static int fail_with_words(struct omc_stream *stream)
{
    const struct own *own = stream->own;

    memcpy(own->told, own->problem, sizeof(own->problem));
    stream->problem = own->told;
    errno = EPROTO;
    return OMC_SOCKET_ERROR;
}

/* Whether the server may end the connection for want of a certificate: in TLS 1.3 the handshake is
 * over by the time that it misses one. */
static bool is_bare(const struct own *own)
{
    return own->is_asked && !own->is_let_in && SSL_get_certificate(own->ssl) == NULL &&
           !(SSL_version(own->ssl) == TLS1_2_VERSION && SSL_is_init_finished(own->ssl));
}

/* Who finds that nothing can be sent any more has not read yet what the peer has said: why it has
 * closed, or something for us, or its farewell. */
static void hear_last_words(struct omc_stream *stream)
{
    struct own *own = stream->own;
    char byte;

    if (own->wire.at_end || own->wire.read_error != 0)
        return;
    forget_errors();
    own->wire.reads_left = READS_MAX;
    own->wire.may_wait = false;
    stream->pending = SSL_peek(own->ssl, &byte, 1) == 1;
    if (stream->pending || SSL_get_error(own->ssl, -1) == SSL_ERROR_ZERO_RETURN)
        own->is_let_in = true;
    else if (SSL_get_error(own->ssl, -1) == SSL_ERROR_SSL)
        omc_openssl_words_failure(own->problem, is_bare(own));
    forget_errors();
}

/* The connection has ended, with this errno if that is an error. */
static int note_closed(struct omc_stream *stream, int result, int error)
{
    struct own *own = stream->own;

    hear_last_words(stream);
    if (own->problem[0] == '\0' && is_bare(own))
        omc_openssl_words_missed(own->problem);
    if (own->problem[0] != '\0')
        return fail_with_words(stream);
    errno = error;
    return result;
}

/* What has become of a call that has not done what it should.  A server that takes leave has let
 * us in. */
static int classify(struct omc_stream *stream, int returned, int error)
{
    struct own *own = stream->own;

    switch (SSL_get_error(own->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return OMC_SOCKET_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return OMC_SOCKET_CLOSED;
    case SSL_ERROR_SYSCALL:
        return note_closed(stream, own->wire.at_end ? OMC_SOCKET_CLOSED : OMC_SOCKET_ERROR, error);
    default:
        omc_openssl_words_failure(own->problem, is_bare(own));
        return fail_with_words(stream);
    }
}

/* The same, and leaves nothing in OpenSSL's queue. */
static int result_of(struct omc_stream *stream, int returned)
{
    int result = classify(stream, returned, errno), error = errno;

    forget_errors();
    errno = error;
    return result;
}

/* Notes whether the kernel has not taken all. */
static void note_kept(struct omc_stream *stream)
{
    const struct own *own = stream->own;

    stream->unsent = own->wire.kept_end > 0;
}

static int secure_tls(struct omc_stream *stream)
{
    struct own *own = stream->own;
    int returned, result = 1;

    if (own->is_unfit)
        return fail_with_words(stream);
    if (!omc_openssl_wire_flush(&own->wire))
        return note_closed(stream, OMC_SOCKET_ERROR, errno);
    forget_errors();
    own->wire.reads_left = READS_MAX;
    own->wire.may_wait = false;
    returned = SSL_do_handshake(own->ssl);
    if (returned != 1)
        result = result_of(stream, returned);
    if (result != 1 && result != OMC_SOCKET_AGAIN) /* it may be what the server did not like */
        omc_tls_forget_session(own->session);
    note_kept(stream);
    stream->pending = result == 1 && SSL_has_pending(own->ssl);
    stream->to_receive = stream->unsent && result == OMC_SOCKET_AGAIN ? POLLIN | POLLOUT : POLLIN;
    return result;
}

/* Writes one record; how many bytes, or a result. */
static ssize_t write_record(struct omc_stream *stream, const void *bytes, size_t len)
{
    struct own *own = stream->own;
    size_t written = 0;
    int returned = SSL_write_ex(own->ssl, bytes, len < RECORD ? len : RECORD, &written);

    return returned == 1 ? (ssize_t)written : result_of(stream, 0);
}

/* Writes the next record; a long piece is taken from where it is. */
static ssize_t write_next(struct omc_stream *stream, const struct omc_pieces *pieces)
{
    unsigned char record[RECORD];
    size_t len;
    ssize_t written;

    if (pieces->count == 1 || omc_pieces_left(pieces) >= RECORD)
        return write_record(stream, omc_pieces_bytes(pieces), omc_pieces_left(pieces));
    len = omc_pieces_copy(*pieces, record, RECORD);
    written = write_record(stream, record, len);
    explicit_bzero(record, len); /* credentials may be in it */
    return written;
}

/* Writes records until all is, or the kernel takes no more. */
static ssize_t write_records(struct omc_stream *stream, struct omc_pieces pieces)
{
    struct own *own = stream->own;
    ssize_t sent = 0, some = 1;

    while (pieces.count > 0 && own->wire.kept_end == 0 && some > 0) {
        some = write_next(stream, &pieces);
        if (some > 0) {
            sent += some;
            omc_pieces_take(&pieces, (size_t)some);
        }
    }
    return some < 0 && sent == 0 ? some : sent;
}

/* A record is taken whole, though the kernel may not have taken it yet. */
static ssize_t send_tls(struct omc_stream *stream, const struct iovec *first, size_t count)
{
    struct own *own = stream->own;
    ssize_t sent;

    if (own->wire.write_error != 0) /* OpenSSL must not be called again for the same */
        return note_closed(stream, OMC_SOCKET_ERROR, own->wire.write_error);
    if (!omc_openssl_wire_flush(&own->wire))
        return note_closed(stream, OMC_SOCKET_ERROR, errno);
    forget_errors();
    /* Mostly one piece is one record. */
    if (count == 1 && first->iov_len > 0 && first->iov_len <= RECORD && own->wire.kept_end == 0)
        sent = write_record(stream, first->iov_base, first->iov_len);
    else
        sent = write_records(stream, omc_pieces_of(first, count));
    note_kept(stream);
    return sent;
}

/* Reads as long as there is something that has come.  Records that have nothing for us, such as
 * tickets, are passed over, but not for ever: OpenSSL would as long as it has a part of one. */
static ssize_t read_all(struct omc_stream *stream, unsigned char *bytes, size_t size, bool may_wait)
{
    struct own *own = stream->own;
    ssize_t result = OMC_SOCKET_AGAIN;
    size_t taken = 0;
    bool has_more = true;

    if (own->wire.read_error != 0)
        return note_closed(stream, OMC_SOCKET_ERROR, own->wire.read_error);
    forget_errors();
    own->wire.may_wait = may_wait;
    own->wire.reads_left = READS_MAX;
    own->wire.is_drained = false;
    while (taken < size && has_more) {
        size_t some = 0;

        if (SSL_read_ex(own->ssl, bytes + taken, size - taken, &some) == 1) {
            taken += some;
            own->wire.reads_left = READS_MAX;
            has_more = !own->wire.is_drained || SSL_has_pending(own->ssl);
        } else {
            result = result_of(stream, 0);
            has_more =
                result == OMC_SOCKET_AGAIN && !own->wire.is_drained && own->wire.reads_left > 0;
        }
    }
    note_kept(stream);
    own->is_let_in = own->is_let_in || taken > 0;
    /* An end or an error is found again by the next attempt.  Where there was room left, what
     * OpenSSL has is a part of a record only. */
    stream->pending =
        taken > 0 && (result != OMC_SOCKET_AGAIN || (taken == size && SSL_has_pending(own->ssl)));
    return taken > 0 ? (ssize_t)taken : result;
}

static ssize_t receive_tls(struct omc_stream *stream, void *bytes, size_t size)
{
    return read_all(stream, bytes, size, false);
}

static ssize_t await_tls(struct omc_stream *stream, void *bytes, size_t size)
{
    return read_all(stream, bytes, size, !stream->pending);
}

static void free_own(struct own *own)
{
    SSL_free(own->ssl);
    omc_openssl_wire_fini(&own->wire);
    omc_memory_free(own->name);
    omc_memory_free(own);
}

/* The peer is told, if the kernel takes that at once. */
static void close_tls(struct omc_stream *stream)
{
    struct own *own = stream->own;
    struct omc_tls *tls = own->tls;

    forget_errors();
    if (own->process == getpid() && SSL_is_init_finished(own->ssl))
        SSL_shutdown(own->ssl);
    free_own(own);
    omc_tls_free(tls);
    forget_errors();
}

static const struct omc_stream_kind over_tls = {
    .secure = secure_tls,
    .send = send_tls,
    .receive = receive_tls,
    .await = await_tls,
    .close = close_tls,
};

int omc_tls_version(const struct omc_stream *stream)
{
    const struct own *own = stream->own;

    if (stream->kind != &over_tls)
        return 0;
    return SSL_version(own->ssl) == TLS1_2_VERSION ? 12 : 13;
}

bool omc_tls_is_resumed(const struct omc_stream *stream)
{
    const struct own *own = stream->own;

    return stream->kind == &over_tls && SSL_session_reused(own->ssl);
}

/* Has the handshake find out whether the peer is who it should be. */
static bool expect(struct own *own, bool is_verified)
{
    struct omc_address address;
    const char *problem;
    bool is_name = own->name[0] != '/' &&
                   omc_address_parse(&address, own->name, "1", &problem) != OMC_ADDRESS_NUMERIC;

    if (is_name && SSL_set_tlsext_host_name(own->ssl, own->name) != 1)
        return false;
    if (!is_verified)
        return true;
    return is_name ? SSL_set1_host(own->ssl, own->name) == 1
                   : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(own->ssl), own->name) == 1;
}

/* Makes the part of it that is OpenSSL's; false without memory. */
static bool make_ssl(struct own *own, const struct omc_tls *tls)
{
    BIO *bio = BIO_new(tls->method);

    own->ssl = SSL_new(tls->context);
    if (own->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, &own->wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(own->ssl, bio, bio);
    SSL_set_app_data(own->ssl, own);
    SSL_set_connect_state(own->ssl);
    if (own->session->tls == tls) /* else other things were verified */
        SSL_set_session(own->ssl, own->session->resumed);
    own->is_unfit = !expect(own, !tls->unverified);
    if (own->is_unfit)
        omc_openssl_words_say(own->problem, "no certificate can be for %s", own->name);
    return true;
}

bool omc_tls_open(struct omc_stream *stream, int fd, const struct omc_tls_way *way)
{
    struct own *own;
    const char *name;
    size_t len;
    bool is_made;

    if (way->tls == NULL) {
        omc_stream_open_plain(stream, fd);
        return true;
    }
    name = way->tls->name != NULL ? way->tls->name : way->host;
    len = strlen(name);
    if (len > 1 && name[len - 1] == '.') /* certificates are for names without that */
        len--;
    own = omc_memory_new(1, sizeof(*own));
    if (own == NULL)
        return false;
    *own = (struct own){
        .wire = {.fd = fd},
        .process = getpid(),
        .session = way->session,
        .tls = way->tls,
        .name = omc_memory_copy_string(name, len),
        .told = way->problem,
    };
    forget_errors();
    is_made = own->name != NULL && make_ssl(own, way->tls);
    forget_errors();
    if (!is_made) {
        free_own(own);
        return false;
    }
    way->tls->users++;
    *stream = (struct omc_stream){
        .kind = &over_tls,
        .own = own,
        .fd = fd,
        .to_send = POLLOUT,
        .to_receive = POLLIN,
        .record = RECORD,
    };
    return true;
}
