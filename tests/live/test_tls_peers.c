/*
 * TLS with peers that do what a real server does not: they never come to an end, or end in the
 * wrong place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/certificates.h"
#include "support/loopback.h"
#include "support/operations.h"
#include "support/recorder.h"
#include "support/secure.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define DEAD_TIMEOUT 400
#define LATE 2000 /* milliseconds that nothing may take here */

static omcache_tls_t *tls;
static struct secure *secure;
static struct peer *peer;

/* A client for a peer that runs a script, over text, as then the hello is known. */
static void begin(peer_script *script, void *context)
{
    char names[64];
    char host[LOOPBACK_HOST_SIZE];
    snprintf(names, sizeof(names), "IP:%s", loopback_host(host));
    certificates_make("ca", NULL, NULL, 1);
    certificates_make("server", "ca", names, 1);
    secure = secure_new("server");
    peer = peer_start(0, script, context);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, DEAD_TIMEOUT), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    tls = omcache_tls_new();
    assert_rc(omcache_tls_set_ca_file(tls, certificates_path("ca.pem")), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
}

static void clean(void)
{
    omcache_tls_free(tls);
    peer_stop_all();
    secure_free(secure);
    certificates_remove();
}

static int get_key(int32_t timeout)
{
    return omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, timeout);
}

/* Answers gets with a value, each after so many milliseconds and with a new ticket, until the
 * connection ends. */
static void serve(struct peer *of, void *context)
{
    char line[PEER_LINE];
    const int *msec = context;
    SSL *ssl = secure_accept(secure, of);
    if (!ssl) {
        return;
    }
    if (secure_greet(ssl)) {
        while (secure_read_line(ssl, line)) {
            clock_sleep(msec == NULL ? 0 : *msec);
            SSL_new_session_ticket(ssl);
            if (!secure_send(ssl, "VALUE key 0 5 1\r\nvalue\r\nEND\r\n")) {
                break;
            }
        }
    }
    secure_end(ssl);
}

/* Sends records that have nothing for the client, one after the other, for ever: a new key each
 * time.  They are no sign of life. */
static void flood(struct peer *of, void *context)
{
    SSL *ssl = secure_accept(secure, of);
    (void)context;
    if (!ssl) {
        return;
    }
    if (secure_greet(ssl)) {
        while (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
               SSL_do_handshake(ssl) == 1) {
        }
    }
    secure_end(ssl);
}

START_TEST(records_without_an_end_hold_up_no_call)
{
    int64_t start;
    begin(flood, NULL);
    start = clock_ms();
    assert_rc_either(get_key(100), OMCACHE_AGAIN, OMCACHE_SERVER_FAILURE);
    assert_within(start, LATE);
    for (int i = 0; i < 20; i++) {
        start = clock_ms();
        get_key(0);
        omcache_io(client, NULL, NULL, NULL, NULL, 0);
        assert_within(start, 500);
    }
    clean();
}
END_TEST

START_TEST(records_without_an_end_are_no_answer)
{
    begin(flood, NULL);
    int64_t start = clock_ms();
    assert_rc(get_key(-1), OMCACHE_SERVER_FAILURE);
    assert_within(start, LATE);
    ck_assert(recorder_has_line(LOG_WARNING, "dead timeout"));
    clean();
}
END_TEST

/* What an application has left in OpenSSL's queue of errors is no error of ours. */
START_TEST(an_application_s_own_errors_do_no_harm)
{
    const unsigned char *value;
    size_t len;
    int msec = 50; /* longer than anything is waited for at a time */
    begin(serve, &msec);
    for (int i = 0; i < 4; i++) {
        ERR_raise(ERR_LIB_USER, 7);
        assert_rc(omcache_get(client, TEXT("key"), &value, &len, NULL, NULL, -1), OMCACHE_OK);
        assert_text(value, len, "value");
    }
    ck_assert_uint_eq(peer_connections(peer), 1);
    ERR_clear_error();
    clean();
}
END_TEST

/* Reads a get, and ends the connection in the midst of the answer, with or without a farewell. */
static void break_off(struct peer *of, void *context)
{
    char line[PEER_LINE];
    const int *bids_farewell = context;
    SSL *ssl = secure_accept(secure, of);
    if (!ssl) {
        return;
    }
    if (secure_greet(ssl) && secure_read_line(ssl, line)) {
        secure_send(ssl, "VALUE key 0 5 1\r\nval");
        if (*bids_farewell) {
            SSL_shutdown(ssl);
        }
    }
    secure_end(ssl);
}

START_TEST(an_answer_that_breaks_off_is_a_failure)
{
    int bids_farewell = _i;
    begin(break_off, &bids_farewell);
    assert_rc(get_key(-1), OMCACHE_SERVER_FAILURE);
    clean();
}
END_TEST

/* Asks for a certificate without a need, and does not like the credentials: newer memcacheds say no
 * word then. */
static void refuse_credentials(struct peer *of, void *context)
{
    char line[PEER_LINE];
    SSL *ssl;
    (void)context;
    secure_ask_for_certificate(secure);
    ssl = secure_accept(secure, of);
    if (!ssl) {
        return;
    }
    if (secure_read_line(ssl, line)) {
        SSL_shutdown(ssl);
    }
    secure_end(ssl);
}

START_TEST(a_certificate_that_is_not_needed_is_not_missed)
{
    begin(refuse_credentials, NULL);
    assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("password")), OMCACHE_OK);
    assert_rc(get_key(1000), OMCACHE_AUTH_FAILED);
    ck_assert(recorder_has_line(LOG_WARNING, "which may not like the credentials"));
    clean();
}
END_TEST

/* Who names the server by something that no certificate is for: a path, or a name with more bytes
 * than the 255 that the handshake can tell. */
START_TEST(a_name_that_no_certificate_can_have_is_told)
{
    char name[300] = "/tmp/socket";
    char reason[64];
    begin(serve, NULL);
    if (_i == 1) {
        memset(name, 'n', 256);
    }
    assert_rc(omcache_tls_set_server_name(tls, name), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    assert_rc(get_key(1000), OMCACHE_SERVER_FAILURE);
    snprintf(reason, sizeof(reason), "no certificate can be for %.30s", name);
    ck_assert(recorder_has_line(LOG_WARNING, reason));
    clean();
}
END_TEST

/* A session is of no use with settings that are stricter than those that it was begun with. */
START_TEST(what_was_not_verified_is_not_resumed_when_it_has_to_be)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    begin(serve, NULL);
    certificates_make("other", NULL, NULL, 1);
    assert_rc(omcache_tls_set_ca_file(tls, certificates_path("other.pem")), OMCACHE_OK);
    assert_rc(omcache_tls_set_verification(tls, 0), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    assert_rc(get_key(-1), OMCACHE_OK);
    peer_hang_up(peer);
    clock_sleep(20);
    assert_rc(get_key(-1), OMCACHE_OK);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert(stats.tls_resumed);
    assert_rc(omcache_tls_set_verification(tls, 1), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    assert_rc(get_key(-1), OMCACHE_OK); /* with a ticket of the connection that there is */
    peer_hang_up(peer);
    clock_sleep(20);
    assert_rc(get_key(-1), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "certificate is not good"));
    clean();
}
END_TEST

/* The settings are the handle's when they have been set; those before are let go when nothing is
 * done with them any more. */
START_TEST(settings_may_be_set_again_while_they_are_in_use)
{
    begin(serve, NULL);
    for (int i = 0; i < 5; i++) {
        assert_rc(get_key(-1), OMCACHE_OK);
        assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
        omcache_tls_free(tls);
        tls = omcache_tls_new();
        assert_rc(omcache_tls_set_ca_file(tls, certificates_path("ca.pem")), OMCACHE_OK);
        assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
        if (i % 2 == 1) {
            peer_hang_up(peer);
            clock_sleep(20);
        }
    }
    assert_rc(omcache_set_tls(client, NULL), OMCACHE_OK);
    assert_rc(get_key(-1), OMCACHE_OK); /* on the connection that there is */
    clean();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls_peers");
    TCase *tcase = operations_case(suite, "tls_peers");
    tcase_add_test(tcase, records_without_an_end_hold_up_no_call);
    tcase_add_test(tcase, records_without_an_end_are_no_answer);
    tcase_add_test(tcase, an_application_s_own_errors_do_no_harm);
    tcase_add_loop_test(tcase, an_answer_that_breaks_off_is_a_failure, 0, 2);
    tcase_add_test(tcase, a_certificate_that_is_not_needed_is_not_missed);
    tcase_add_loop_test(tcase, a_name_that_no_certificate_can_have_is_told, 0, 2);
    tcase_add_test(tcase, what_was_not_verified_is_not_resumed_when_it_has_to_be);
    tcase_add_test(tcase, settings_may_be_set_again_while_they_are_in_use);
    return fixture_run(suite);
}
