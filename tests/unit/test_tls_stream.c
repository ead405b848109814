/*
 * Streams over TLS, with a server in memory, so that every byte comes when the test says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/security.h"
#include "net/stream.h"
#include "net/tls.h"
#include "support/certificates.h"
#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/tls_end.h"

enum {
    ROOM = 1 << 20,
    RECORD = 16384,
};

/* OpenSSL's allocations: that of a number fails while they are the client's. */
static bool is_client;
static size_t allocations, failing;

static bool is_failing(void)
{
    return is_client && ++allocations == failing;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_failing() ? NULL : malloc(size);
}

static void *reallocate(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_failing() ? NULL : realloc(old, size);
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static struct tls_house *house;
static struct tls_end *end; /* the server's */
static int peer;            /* the socket at which it is */
static struct omc_tls *tls;
static struct omc_tls_session session;
static char problem[OMC_TLS_PROBLEM];
static struct omc_stream stream;

/* What the server has said, and what of that was delivered. */
static unsigned char out[ROOM];
static size_t out_len, out_at;

/* Opens the stream; false without memory, and then it is not. */
static bool try_to_open(void)
{
    const struct omc_tls_way way = {tls, "host", &session, problem};
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    peer = ends[1];
    out_len = out_at = 0;
    end = tls_end_new(house);
    ck_assert_ptr_nonnull(end);
    is_client = true;
    omc_stream_init(&stream);
    if (!omc_tls_open(&stream, ends[0], &way))
        close(ends[0]);
    is_client = false;
    return omc_stream_is_open(&stream);
}

static void open_stream(void)
{
    ck_assert(try_to_open());
}

static void close_stream(void)
{
    int fd = stream.fd;

    omc_stream_close(&stream);
    if (fd >= 0)
        close(fd);
    close(peer);
    tls_end_free(end);
}

static void start(void)
{
    const struct omc_tls_choice choice = {.unverified = true};

    house = tls_house_new();
    tls = omc_tls_new(&choice, problem);
    ck_assert(house != NULL && tls != NULL);
    open_stream();
}

static void stop(void)
{
    close_stream();
    omc_tls_forget_session(&session);
    omc_tls_free(tls);
    tls_house_free(house);
}

/* Has the server take what it was sent; how many bytes of it it can read. */
static size_t serve(void *said, size_t size)
{
    unsigned char bytes[4096];
    ssize_t len;

    while ((len = read(peer, bytes, sizeof(bytes))) > 0)
        tls_end_put(end, bytes, (size_t)len);
    len = (ssize_t)tls_end_read(end, said, size);
    out_len += tls_end_take(end, out + out_len, ROOM - out_len);
    return (size_t)len;
}

/* Delivers that many bytes of what it has said, or all that there are. */
static void deliver(size_t len)
{
    if (len > out_len - out_at)
        len = out_len - out_at;
    ck_assert_int_eq(write(peer, out + out_at, len), (ssize_t)len);
    out_at += len;
}

/* Goes through the handshake, whose answers come in parts of that size. */
static void shake_hands(size_t part)
{
    char said[1];
    int result;

    while ((result = omc_stream_secure(&stream)) == OMC_SOCKET_AGAIN) {
        serve(said, 1);
        ck_assert_uint_lt(out_at, out_len); /* else it would wait for ever */
        deliver(part);
    }
    ck_assert_int_eq(result, 1);
    serve(said, 1);
    ck_assert_int_eq(omc_tls_version(&stream), 13);
}

/* Receives all that can be; the result with which that ends. */
static ssize_t receive(unsigned char *bytes, size_t *len)
{
    ssize_t some;

    while ((some = omc_stream_receive(&stream, bytes + *len, ROOM - *len)) > 0)
        *len += (size_t)some;
    return some;
}

static void answer(const void *bytes, size_t len)
{
    ck_assert(tls_end_write(end, bytes, len));
    out_len += tls_end_take(end, out + out_len, ROOM - out_len);
}

START_TEST(a_handshake_may_come_in_parts_of_any_size)
{
    for (size_t part = 1; part < 2000; part = part < 20 ? part + 1 : part * 2) {
        shake_hands(part);
        ck_assert_int_eq(omc_tls_is_resumed(&stream), part > 1);
        deliver(ROOM); /* the tickets */
        ck_assert_int_eq(omc_stream_receive(&stream, (char[10]){0}, 10), OMC_SOCKET_AGAIN);
        close_stream();
        open_stream();
    }
}
END_TEST

/* Three records, of which the one in the middle is a ticket: what comes is the same however they
 * are cut in two. */
START_TEST(records_may_be_split_anywhere)
{
    static unsigned char came[ROOM];
    size_t begin;

    shake_hands(ROOM);
    deliver(ROOM);
    begin = out_len;
    for (size_t cut = 0, size = 1; cut < size; cut++) {
        size_t len = 0;

        answer("VALUE key 0 5\r\n", 15);
        ck_assert(tls_end_give_ticket(end));
        answer("value\r\nEND\r\n", 12);
        size = out_len - begin;
        deliver(cut);
        ck_assert_int_eq(receive(came, &len), OMC_SOCKET_AGAIN);
        ck_assert_int_eq(omc_socket_look(stream.fd), OMC_SOCKET_AGAIN);
        ck_assert(!stream.pending);
        deliver(ROOM);
        ck_assert_int_eq(receive(came, &len), OMC_SOCKET_AGAIN);
        assert_text(came, len, "VALUE key 0 5\r\nvalue\r\nEND\r\n");
        out_len = out_at = begin;
    }
}
END_TEST

/* With little room at a time, of which the rest must not have to be waited for. */
START_TEST(what_is_left_of_a_record_is_pending)
{
    static unsigned char sent[3 * RECORD], came[3 * RECORD];
    size_t len = 0;

    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (unsigned char)(i * 2654435761U >> 24);
    shake_hands(ROOM);
    answer(sent, sizeof(sent));
    deliver(ROOM);
    while (len < sizeof(sent)) {
        size_t room = sizeof(sent) - len < 1000 ? sizeof(sent) - len : 1000;
        ssize_t some = omc_stream_receive(&stream, came + len, room);

        ck_assert_int_gt(some, 0);
        len += (size_t)some;
        ck_assert(len == sizeof(sent) || stream.pending || omc_socket_look(stream.fd) > 0);
    }
    ck_assert_mem_eq(came, sent, sizeof(sent));
    ck_assert(!stream.pending);
}
END_TEST

/* As many new keys as the socket takes: a call looks at some of them, and goes back. */
START_TEST(records_that_have_nothing_hold_up_no_call)
{
    char bytes[100];
    int left, before;
    unsigned calls = 0;

    shake_hands(ROOM);
    deliver(ROOM);
    while (out_len < 150000) {
        ck_assert(tls_end_renew_key(end, false));
        out_len += tls_end_take(end, out + out_len, ROOM - out_len);
    }
    answer("end", 3);
    deliver(ROOM);
    ck_assert_int_eq(ioctl(stream.fd, FIONREAD, &before), 0);
    ck_assert_int_gt(before, 100000);
    while (omc_stream_receive(&stream, bytes, sizeof(bytes)) == OMC_SOCKET_AGAIN) {
        ck_assert_int_eq(ioctl(stream.fd, FIONREAD, &left), 0);
        ck_assert_int_gt(left, 0);
        ck_assert(!stream.pending); /* else nobody would look at the time */
        ck_assert_int_le(before - left, (intmax_t)3 * RECORD);
        before = left;
        calls++;
    }
    assert_bytes(bytes, (size_t)3, "end", (size_t)3);
    ck_assert_uint_gt(calls, 2);
}
END_TEST

/* What asks for an answer each time, and reads none, is given up before that fills the memory. */
START_TEST(a_peer_that_asks_and_does_not_read_is_a_failure)
{
    char bytes[100];
    ssize_t result = OMC_SOCKET_AGAIN;
    int room = 4096;
    size_t total = 0;

    shake_hands(ROOM);
    deliver(ROOM);
    ck_assert_int_eq(setsockopt(stream.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    while (result == OMC_SOCKET_AGAIN) {
        ck_assert_uint_lt(total, (size_t)4 * ROOM);
        out_at = out_len = 0;
        while (out_len < 8000) {
            ck_assert(tls_end_renew_key(end, true));
            out_len += tls_end_take(end, out + out_len, ROOM - out_len);
        }
        total += out_len;
        deliver(ROOM);
        result = omc_stream_receive(&stream, bytes, sizeof(bytes));
    }
    ck_assert_int_eq(result, OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, EPROTO);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), OMC_SOCKET_ERROR);
}
END_TEST

static void put_byte_wrong(size_t at)
{
    out[out_at + at] ^= 0x10;
}

/* Whatever byte of a record it is: nothing of it is taken for an answer. */
START_TEST(a_record_with_a_wrong_byte_is_a_failure)
{
    static unsigned char came[ROOM];

    for (size_t at = 0, size = 1; at < size; at++) {
        size_t len = 0;
        ssize_t result;

        shake_hands(ROOM);
        deliver(ROOM);
        answer("value", 5);
        size = out_len - out_at;
        put_byte_wrong(at);
        deliver(ROOM);
        result = receive(came, &len);
        ck_assert_uint_eq(len, 0);
        if (result == OMC_SOCKET_AGAIN) { /* it says that it is longer */
            ck_assert(at == 3 || at == 4);
            shutdown(peer, SHUT_WR);
            result = receive(came, &len);
        }
        ck_assert_int_lt((int)result, 0);
        ck_assert_uint_eq(len, 0);
        close_stream();
        open_stream();
    }
}
END_TEST

/* Writes as much as the kernel takes, and more than that; all of it arrives. */
START_TEST(what_the_kernel_does_not_take_is_sent_later)
{
    static unsigned char much[ROOM], came[ROOM];
    size_t sent = 0, taken = 0;
    unsigned stops = 0;

    for (size_t i = 0; i < ROOM; i++)
        much[i] = (unsigned char)(i * 2654435761U >> 24);
    shake_hands(ROOM);
    deliver(ROOM);
    while (taken < ROOM) {
        const struct iovec pieces[] = {{much + sent, (ROOM - sent) / 2},
                                       {much + sent + (ROOM - sent) / 2, (ROOM - sent + 1) / 2}};
        ssize_t some = omc_stream_send(&stream, pieces, 2);

        ck_assert_int_ge(some, 0);
        sent += (size_t)some;
        if (stream.unsent || sent == ROOM) {
            stops += stream.unsent;
            taken += serve(came + taken, ROOM - taken);
        }
    }
    ck_assert_uint_gt(stops, 2);
    ck_assert_mem_eq(came, much, ROOM);
    ck_assert(!stream.unsent);
}
END_TEST

/* Sends more than the kernel takes; the last result. */
static ssize_t send_too_much(void)
{
    static const unsigned char much[ROOM];
    const struct iovec piece = {(void *)(uintptr_t)much, ROOM};
    ssize_t some = 1;

    while (some > 0 && !stream.unsent)
        some = omc_stream_send(&stream, &piece, 1);
    return some;
}

/* The rest of a record can never be sent then; what the server has said before is there. */
START_TEST(a_server_that_closes_while_the_kernel_is_full_is_heard)
{
    static unsigned char came[ROOM];
    size_t len = 0;

    shake_hands(ROOM);
    deliver(ROOM);
    ck_assert_int_gt(send_too_much(), 0);
    ck_assert(stream.unsent);
    answer("last words", 10);
    deliver(ROOM);
    shutdown(peer, SHUT_RDWR);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert(stream.pending);
    receive(came, &len);
    assert_text(came, len, "last words");
}
END_TEST

/* A record of which the rest cannot be kept is lost in the middle: nothing more is sent. */
START_TEST(without_memory_for_the_rest_of_a_record_the_connection_fails)
{
    static unsigned char came[ROOM];
    size_t taken;

    shake_hands(ROOM);
    deliver(ROOM);
    memory_fail(1, SIZE_MAX / 2);
    ck_assert_int_eq(send_too_much(), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(memory_stop_failing());
    taken = serve(came, ROOM);
    ck_assert_uint_gt(taken, 0);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(serve(came, ROOM), 0);
}
END_TEST

START_TEST(a_farewell_is_an_orderly_end)
{
    static unsigned char came[ROOM];
    size_t len = 0;

    shake_hands(ROOM);
    answer("last", 4);
    tls_end_bid_farewell(end);
    serve(came, 1);
    deliver(ROOM);
    ck_assert_int_eq(receive(came, &len), OMC_SOCKET_CLOSED);
    assert_text(came, len, "last");
    ck_assert_int_eq(receive(came, &len), OMC_SOCKET_CLOSED);
}
END_TEST

/* The server has closed by the time that something is sent: its reason is there to be read. */
START_TEST(why_a_server_has_closed_is_told_to_who_sends)
{
    struct omc_tls_choice choice = {.unverified = true};
    char said[1];

    if (_i == 1) {
        certificates_make("client", NULL, NULL, 1);
        choice.certificate = (char *)certificates_path("client.pem");
        choice.key = (char *)certificates_path("client.key");
    }
    stop();
    house = tls_house_new();
    tls = omc_tls_new(&choice, problem);
    ck_assert_msg(tls != NULL, "%s", problem);
    open_stream();
    tls_end_demand_certificate(end);
    shake_hands(ROOM);
    serve(said, 1);
    deliver(ROOM);
    shutdown(peer, SHUT_RD);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), OMC_SOCKET_ERROR);
    ck_assert_ptr_nonnull(stream.problem);
    ck_assert_str_eq(stream.problem,
                     _i == 1 ? "the server refuses our certificate: tlsv1 alert unknown ca"
                             : "the server asks for a certificate, and there is none");
    certificates_remove();
}
END_TEST

/* A server that speaks TLS 1.2 misses it in the handshake, and has no word of its own for that. */
START_TEST(an_older_server_that_demands_a_certificate_is_understood)
{
    char said[1];
    int result;

    close_stream();
    open_stream();
    tls_end_speak_older(end);
    tls_end_demand_certificate(end);
    while ((result = omc_stream_secure(&stream)) == OMC_SOCKET_AGAIN) {
        serve(said, 1);
        ck_assert_uint_lt(out_at, out_len);
        deliver(ROOM);
    }
    ck_assert_int_eq(result, OMC_SOCKET_ERROR);
    ck_assert_ptr_nonnull(stream.problem);
    ck_assert_str_eq(stream.problem, "the server asks for a certificate, and there is none");
}
END_TEST

/* Who closes with something unread takes back its own last words, too.  They can have been about
 * the certificate only: nothing else has come from a server that asks for one. */
START_TEST(a_server_that_asks_for_a_certificate_and_resets_has_missed_it)
{
    char bytes[16];

    close_stream();
    open_stream();
    tls_end_demand_certificate(end);
    shake_hands(ROOM);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), 4);
    close(peer);
    peer = -1;
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, sizeof(bytes)), OMC_SOCKET_ERROR);
    ck_assert_ptr_nonnull(stream.problem);
    ck_assert_str_eq(stream.problem, "the server asks for a certificate, and there is none");
}
END_TEST

/* A server that can do without a certificate has not closed for want of one, if it has said
 * anything: a word, its farewell, or a ticket. */
START_TEST(a_certificate_that_is_not_needed_is_not_missed)
{
    unsigned char said[16];
    ssize_t len;

    close_stream();
    open_stream();
    tls_end_offer_certificate(end);
    shake_hands(ROOM);
    deliver(ROOM); /* which has tickets */
    if (_i == 0)
        answer("last words", 10);
    else if (_i == 1)
        tls_end_bid_farewell(end);
    serve(said, 1);
    deliver(ROOM);
    shutdown(peer, SHUT_RD);
    ck_assert_int_eq(omc_stream_send(&stream, &(struct iovec){"more", 4}, 1), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_ptr_null(stream.problem);
    ck_assert(stream.pending == (_i == 0));
    if (_i == 0) {
        len = omc_stream_receive(&stream, said, sizeof(said));
        ck_assert_int_eq(len, 10);
        assert_text(said, (size_t)len, "last words");
    }
}
END_TEST

/* Goes on with a handshake, asks, and reads the answer, as far as it comes to that: whether it
 * came. */
static bool talk(void)
{
    const struct iovec question = {"question", 8};
    char said[16], came[16];
    ssize_t result = OMC_SOCKET_AGAIN;

    for (int turns = 0; result == OMC_SOCKET_AGAIN; turns++) {
        ck_assert_int_lt(turns, 10);
        is_client = true;
        result = omc_stream_secure(&stream);
        is_client = false;
        serve(said, 1);
        deliver(ROOM);
    }
    is_client = true;
    if (result > 0)
        result = omc_stream_send(&stream, &question, 1);
    is_client = false;
    if (result < 0)
        return false;
    ck_assert_uint_eq(serve(said, sizeof(said)), 8);
    answer("answer", 6);
    deliver(ROOM);
    is_client = true;
    result = omc_stream_receive(&stream, came, sizeof(came));
    is_client = false;
    ck_assert(result < 0 || result == 6);
    return result == 6;
}

/* What fails is told as a failure, and does no harm. */
START_TEST(any_allocation_of_openssl_s_may_fail)
{
    size_t good = 0, bad = 0;

    ck_assert(talk()); /* what is allocated only once is */
    do {
        const struct omc_tls_choice choice = {.unverified = true};

        close_stream();
        failing += 1 + failing / (clock_is_slow() ? 4 : 50);
        allocations = 0;
        is_client = true;
        omc_tls_free(omc_tls_new(&choice, problem));
        is_client = false;
        if (try_to_open() && talk())
            good++;
        else
            bad++;
    } while (allocations >= failing);
    failing = 0;
    ck_assert_uint_gt(bad, clock_is_slow() ? 0 : 20);
    ck_assert_uint_gt(good, 0);
}
END_TEST

/* Makes settings with one allocation of OpenSSL's after the other failing; whether one of the
 * complaints was this. */
static bool complains_without_memory(const struct omc_tls_choice *choice, const char *complaint)
{
    struct omc_tls *made = NULL;
    bool is_heard = false;

    for (failing = 1; made == NULL || allocations >= failing; failing++) {
        omc_tls_free(made);
        allocations = 0;
        is_client = true;
        made = omc_tls_new(choice, problem);
        is_client = false;
        is_heard = is_heard || (made == NULL && strcmp(problem, complaint) == 0);
    }
    failing = 0;
    omc_tls_free(made);
    return is_heard;
}

/* Of the certificates to trust: not that they are bad. */
START_TEST(a_lack_of_memory_for_certificates_is_told_as_such)
{
    const struct omc_tls_choice in_directory = {.ca_directory = (char *)(uintptr_t) "/"};
    const struct omc_tls_choice systems = {.ca_file = NULL};

    setenv("SSL_CERT_FILE", "/dev/null", 1); /* the system's may be many */
    ck_assert(complains_without_memory(&in_directory, "/: malloc failure"));
    ck_assert(complains_without_memory(&systems, "the system's certificates: malloc failure"));
    unsetenv("SSL_CERT_FILE");
}
END_TEST

/* Two texts that belong together are set both, or neither. */
START_TEST(settings_are_not_changed_by_half_without_memory)
{
    omcache_tls_t *settings = omcache_tls_new();
    const struct omc_tls_choice *choice = &settings->choice;

    assert_rc(omcache_tls_set_certificate(settings, "old.pem", "old.key"), OMCACHE_OK);
    assert_rc(omcache_tls_set_ciphers(settings, "old cipher", "old suite"), OMCACHE_OK);
    for (size_t number = 1; number <= 2; number++) {
        memory_fail(number, 1);
        assert_rc(omcache_tls_set_certificate(settings, "new.pem", "new.key"), OMCACHE_NO_MEMORY);
        memory_fail(number, 1);
        assert_rc(omcache_tls_set_ciphers(settings, "new cipher", "new suite"), OMCACHE_NO_MEMORY);
        memory_stop_failing();
        ck_assert_str_eq(choice->certificate, "old.pem");
        ck_assert_str_eq(choice->key, "old.key");
        ck_assert_str_eq(choice->ciphers, "old cipher");
        ck_assert_str_eq(choice->suites, "old suite");
    }
    assert_rc(omcache_tls_set_certificate(settings, "new.pem", "new.key"), OMCACHE_OK);
    ck_assert_str_eq(choice->certificate, "new.pem");
    ck_assert_str_eq(choice->key, "new.key");
    assert_rc(omcache_tls_set_certificate(settings, NULL, NULL), OMCACHE_OK);
    ck_assert_ptr_null(choice->certificate);
    ck_assert_ptr_null(choice->key);
    omcache_tls_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls_stream");
    TCase *tc = tcase_create("tls");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_handshake_may_come_in_parts_of_any_size);
    tcase_add_test(tc, records_may_be_split_anywhere);
    tcase_add_test(tc, what_is_left_of_a_record_is_pending);
    tcase_add_test(tc, records_that_have_nothing_hold_up_no_call);
    tcase_add_test(tc, a_peer_that_asks_and_does_not_read_is_a_failure);
    tcase_add_test(tc, a_record_with_a_wrong_byte_is_a_failure);
    tcase_add_test(tc, what_the_kernel_does_not_take_is_sent_later);
    tcase_add_test(tc, a_server_that_closes_while_the_kernel_is_full_is_heard);
    tcase_add_test(tc, without_memory_for_the_rest_of_a_record_the_connection_fails);
    tcase_add_test(tc, a_farewell_is_an_orderly_end);
    tcase_add_loop_test(tc, why_a_server_has_closed_is_told_to_who_sends, 0, 2);
    tcase_add_test(tc, an_older_server_that_demands_a_certificate_is_understood);
    tcase_add_test(tc, a_server_that_asks_for_a_certificate_and_resets_has_missed_it);
    tcase_add_loop_test(tc, a_certificate_that_is_not_needed_is_not_missed, 0, 3);
    tcase_add_test(tc, any_allocation_of_openssl_s_may_fail);
    tcase_add_test(tc, a_lack_of_memory_for_certificates_is_told_as_such);
    tcase_add_test(tc, settings_are_not_changed_by_half_without_memory);
    suite_add_tcase(suite, tc);
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        return 1;
    return fixture_run(suite);
}
