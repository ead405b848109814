/*
 * TLS with a real memcached: what works, and what each wrong set-up says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/certificates.h"
#include "support/child.h"
#include "support/loopback.h"
#include "support/operations.h"
#include "support/recorder.h"
#include "support/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define KEYS 100
#define LARGE 900000

static struct memcached server;
static omcache_tls_t *tls;

/* The server's own address, as certificates name it. */
static const char *own_address(void)
{
    static char names[64];
    char host[LOOPBACK_HOST_SIZE];
    snprintf(names, sizeof(names), "DNS:localhost,IP:%s", loopback_host(host));
    return names;
}

/* A server that has the certificate of that name, and these options besides, with commas. */
static void serve(const char *name, const char *more)
{
    static char options[512];
    static const char *const list[] = {"-Z", "-o", options, NULL};
    char key[64];
    char certificate[64];
    snprintf(key, sizeof(key), "%s.key", name);
    snprintf(certificate, sizeof(certificate), "%s.pem", name);
    snprintf(options, sizeof(options), "ssl_chain_cert=%s,ssl_key=%s%s",
             certificates_path(certificate), certificates_path(key), more);
    memcached_start_with(&server, FLEET_PORT, list);
}

/* A client for it, with settings in `tls` that are not in force yet. */
static void make_client(void)
{
    client = fixture_client(server.address);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    tls = omcache_tls_new();
}

/* A client for it, that trusts those certificates. */
static void use_tls(const char *trusted)
{
    make_client();
    assert_rc(omcache_tls_set_ca_file(tls, certificates_path(trusted)), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
}

/* A server that demands a certificate of its clients. */
static void serve_with_demand(void)
{
    char more[256];
    snprintf(more, sizeof(more), ",ssl_verify_mode=2,ssl_ca_cert=%s", certificates_path("ca.pem"));
    serve("server", more);
}

/* Shows it a certificate that is signed by an issuer, or by itself. */
static void show_certificate(const char *issuer)
{
    certificates_make("client", issuer, NULL, 1);
    assert_rc(omcache_tls_set_certificate(tls, certificates_path("client.pem"),
                                          certificates_path("client.key")),
              OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
}

/* Loses the connection through a relay, and waits for the next one. */
static void lose_connection(struct relay *relay)
{
    int64_t start = clock_ms();
    relay_vanish(relay, false);
    while (omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 100) != OMCACHE_OK) {
        assert_within(start, 3000);
    }
}

static void begin(void)
{
    certificates_make("ca", NULL, NULL, 1);
    certificates_make("server", "ca", own_address(), 1);
}

static void begin_well(void)
{
    begin();
    serve("server", "");
    use_tls("ca.pem");
}

static void clean(void)
{
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    omcache_tls_free(tls);
    tls = NULL;
    certificates_remove();
}

/* A request fails, and a line says why; nothing was asked of the server. */
static void assert_refused(const char *reason)
{
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 5000),
              OMCACHE_SERVER_FAILURE);
    ck_assert_msg(recorder_has_line(LOG_WARNING, reason), "no line says '%s' but '%s'", reason,
                  recorder.line_count > 0 ? recorder.lines[0].text : "");
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_DOWN);
    ck_assert_uint_eq(stats.connects, 0);
    ck_assert_uint_le(stats.handshakes, 1); /* another greeting would not help */
}

START_TEST(waiting_calls_get_what_they_ask_for)
{
    begin_well();
    assert_missing("key");
    store("key", "value");
    assert_stored("key", "value");
    for (size_t len = 1000; len < LARGE; len = 3 * len + 1) {
        const unsigned char *value;
        size_t value_len;
        store_bulk("large", len);
        assert_rc(omcache_get(client, TEXT("large"), &value, &value_len, NULL, NULL, -1),
                  OMCACHE_OK);
        assert_bytes(value, value_len, bulk, len);
    }
    clean();
}
END_TEST

START_TEST(multi_gets_do_too)
{
    static char names[KEYS][16];
    const unsigned char *keys[KEYS];
    size_t lens[KEYS];
    size_t requests = KEYS;
    size_t values = KEYS;
    omcache_value_t found[KEYS];
    omcache_req_t reqs[KEYS];
    begin_well();
    for (int i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "key-%d", i);
        keys[i] = (unsigned char *)names[i];
        store_bulk(names[i], (size_t)i * 50);
    }
    assert_rc(omcache_get_multi(client, keys, lens, KEYS, reqs, &requests, found, &values, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(values, KEYS);
    clean();
}
END_TEST

START_TEST(an_event_loop_drives_all_of_it)
{
    begin_well();
    watcher_init(&loop, client);
    assert_rc(omcache_async_set(client, "key", 3, bulk, LARGE, 0, 0, 0, 5000, told_reply, &told[0]),
              OMCACHE_OK);
    for (size_t i = 1; i < 10; i++) {
        async_get("key", told_reply, &told[i]);
    }
    watcher_run(&loop, &told_count, 10);
    ck_assert_uint_eq(told_once(told, 10, OMCACHE_OK), 10);
    ck_assert_uint_eq(told[9].value_len, LARGE);
    clean();
}
END_TEST

START_TEST(a_call_with_timeout_0_does_not_wait_for_the_handshake)
{
    int64_t longest = 0;
    int rc;
    begin_well();
    memcached_pause(&server);
    for (int i = 0; i < 50; i++) {
        int64_t start = clock_ms();
        omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 0);
        omcache_io(client, NULL, NULL, NULL, NULL, 0);
        longest = clock_ms() - start > longest ? clock_ms() - start : longest;
        clock_sleep(1);
    }
    ck_assert_int_lt(longest, clock_allow(100));
    memcached_resume(&server);
    rc = omcache_io(client, NULL, NULL, NULL, NULL, 5000);
    assert_rc(rc, OMCACHE_OK);
    clean();
}
END_TEST

START_TEST(a_certificate_of_nobody_trusted_is_refused)
{
    begin();
    certificates_make("other", NULL, NULL, 1);
    serve("server", "");
    use_tls("other.pem");
    assert_refused("certificate is not good: unable to get local issuer certificate");
    clean();
}
END_TEST

/* In a directory a certificate is found by its hash, which may be made after the directory was
 * chosen. */
START_TEST(certificates_of_a_directory_are_trusted)
{
    begin();
    serve("server", "");
    make_client();
    assert_rc(omcache_tls_set_ca_directory(tls, certificates_path(".")), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    if (_i == 0) {
        assert_refused("certificate is not good: unable to get local issuer certificate");
    } else {
        certificates_hash("ca");
        store("key", "value");
        assert_stored("key", "value");
    }
    clean();
}
END_TEST

/* OpenSSL's environment variables stand for what its packages have as the system's. */
START_TEST(the_system_s_certificates_are_trusted_by_default)
{
    begin();
    certificates_make("other", NULL, NULL, 1);
    certificates_hash("ca");
    serve("server", "");
    setenv("SSL_CERT_FILE", certificates_path(_i == 0 ? "ca.pem" : "other.pem"), 1);
    setenv("SSL_CERT_DIR", _i == 1 ? certificates_path(".") : "/no/such/directory", 1);
    make_client();
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    if (_i < 2) {
        store("key", "value");
        assert_stored("key", "value");
    } else {
        assert_refused("certificate is not good: unable to get local issuer certificate");
    }
    clean();
}
END_TEST

START_TEST(the_system_s_certificates_are_not_trusted_besides_others)
{
    begin();
    certificates_make("other", NULL, NULL, 1);
    serve("server", "");
    setenv("SSL_CERT_FILE", certificates_path("ca.pem"), 1);
    make_client();
    if (_i == 0) {
        assert_rc(omcache_tls_set_ca_file(tls, certificates_path("other.pem")), OMCACHE_OK);
    } else {
        assert_rc(omcache_tls_set_ca_directory(tls, certificates_path(".")), OMCACHE_OK);
    }
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    assert_refused("certificate is not good: unable to get local issuer certificate");
    clean();
}
END_TEST

/* Whom it is for is told, but not more than three of them.  The last is for an address of one byte,
 * which is none. */
START_TEST(a_certificate_for_others_is_refused)
{
    static const struct {
        const char *names, *told;
    } cases[] = {
        {"DNS:cache1,DNS:cache2", "cache1, cache2"},
        {"DNS:a,DNS:b,DNS:c", "a, b, c"},
        {"DNS:a,DNS:b,DNS:c,DNS:d", "a, b, c and others"},
        {"IP:192.0.2.1,DNS:cache1,IP:2001:db8::1", "192.0.2.1, cache1, 2001:db8::1"},
        {"email:someone@cache.test", "other"}, /* its common name */
        {NULL, "nobody"},
        {"DER:30:03:87:01:7f", "other"},
    };
    char reason[128];
    begin();
    certificates_make("other", "ca", cases[_i].names, 1);
    serve("other", "");
    use_tls("ca.pem");
    snprintf(reason, sizeof(reason), "certificate is for %s, not for %s", cases[_i].told,
             server.host);
    assert_refused(reason);
    clean();
}
END_TEST

START_TEST(a_certificate_may_be_for_a_name_that_was_chosen)
{
    begin();
    certificates_make("cache1", "ca", "DNS:cache1", 1);
    serve("cache1", "");
    use_tls("ca.pem");
    assert_rc(omcache_tls_set_server_name(tls, "cache1."), OMCACHE_OK); /* as names may end */
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    store("key", "value");
    clean();
}
END_TEST

START_TEST(a_certificate_that_is_over_is_refused)
{
    begin();
    certificates_make("server", "ca", own_address(), 0);
    serve("server", "");
    use_tls("ca.pem");
    assert_refused("certificate is not good: certificate has expired");
    clean();
}
END_TEST

START_TEST(without_verification_all_are_taken_and_a_line_warns)
{
    begin();
    certificates_make("server", "ca", NULL, 0);
    serve("server", "");
    use_tls("ca.pem");
    assert_rc(omcache_tls_set_verification(tls, 0), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    ck_assert(recorder_has_line(LOG_WARNING, "TLS without verification"));
    store("key", "value");
    clean();
}
END_TEST

START_TEST(a_server_without_tls_is_refused)
{
    begin();
    memcached_start(&server, FLEET_PORT);
    use_tls("ca.pem");
    assert_refused("the server does not speak TLS");
    clean();
}
END_TEST

START_TEST(a_server_with_tls_is_not_asked_without)
{
    begin();
    serve("server", "");
    use_tls("ca.pem");
    assert_rc(omcache_set_tls(client, NULL), OMCACHE_OK);
    assert_refused("without a word: it may speak TLS only");
    clean();
}
END_TEST

/* Which of the two it was, nobody knows. */
START_TEST(nor_with_credentials)
{
    begin();
    serve("server", "");
    use_tls("ca.pem");
    assert_rc(omcache_set_tls(client, NULL), OMCACHE_OK);
    assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("password")), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 5000), OMCACHE_AUTH_FAILED);
    ck_assert(recorder_has_line(LOG_WARNING, "or speak TLS only"));
    clean();
}
END_TEST

START_TEST(a_server_can_demand_a_certificate)
{
    begin();
    serve_with_demand();
    use_tls("ca.pem");
    show_certificate("ca");
    store("key", "value");
    assert_stored("key", "value");
    clean();
}
END_TEST

START_TEST(connections_with_a_certificate_are_made_again)
{
    begin();
    serve_with_demand();
    struct relay *relay = relay_start(0, &server);
    use_tls("ca.pem");
    show_certificate("ca");
    assert_rc(omcache_set_servers(client, relay_address(relay)), OMCACHE_OK);
    store("key", "value");
    for (int i = 0; i < 3; i++) {
        lose_connection(relay);
    }
    ck_assert(!recorder_has_line(LOG_WARNING, "TLS:"));
    clean();
}
END_TEST

/* Nobody is asked for it, though somebody would know. */
START_TEST(a_key_with_a_password_is_refused)
{
    char command[512];
    int ends[2];
    begin_well();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "xxxx\n", 5), 5);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    certificates_make("client", "ca", NULL, 1);
    snprintf(command, sizeof(command),
             "openssl pkey -in %s -aes256 -passout pass:xxxx -out %s </dev/null",
             certificates_path("client.key"), certificates_path("locked.key"));
    ck_assert_int_eq(system(command), 0);
    assert_rc(omcache_tls_set_certificate(tls, certificates_path("client.pem"),
                                          certificates_path("locked.key")),
              OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "locked.key: no private key without a password in PEM"));
    clean();
}
END_TEST

START_TEST(who_has_none_is_told_so)
{
    begin();
    serve_with_demand();
    use_tls("ca.pem");
    if (_i == 1) { /* of which no word is true then */
        assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("password")), OMCACHE_OK);
    }
    assert_refused("the server asks for a certificate, and there is none");
    clean();
}
END_TEST

START_TEST(who_has_one_that_is_not_trusted_is_told_so)
{
    begin();
    serve_with_demand();
    use_tls("ca.pem");
    show_certificate(NULL);
    if (_i == 1) { /* which are not to blame */
        assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("password")), OMCACHE_OK);
    }
    assert_refused("the server refuses our certificate: ");
    clean();
}
END_TEST

START_TEST(files_that_are_not_there_are_told_of)
{
    begin_well();
    assert_rc(omcache_tls_set_ca_file(tls, "/nowhere/ca.pem"), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "/nowhere/ca.pem"));
    store("key", "value"); /* the settings before are in force */
    clean();
}
END_TEST

/* The next connection is sooner there, unless other settings were chosen. */
START_TEST(files_that_have_something_else_are_told_of)
{
    begin_well();
    certificates_make("client", "ca", NULL, 1);
    certificates_make("other", "ca", NULL, 1);
    const char *certificate = certificates_path("client.pem");
    const char *key = certificates_path("client.key");
    assert_rc(omcache_tls_set_certificate(tls, key, certificate), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "client.key: no certificate in PEM form"));
    assert_rc(omcache_tls_set_certificate(tls, certificate, certificate), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "client.pem: no private key without a password"));
    assert_rc(omcache_tls_set_certificate(tls, certificate, certificates_path("other.key")),
              OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "other.key: key values mismatch"));
    clean();
}
END_TEST

START_TEST(sessions_are_resumed)
{
    begin();
    serve("server", "");
    struct relay *relay = relay_start(0, &server);
    use_tls("ca.pem");
    assert_rc(omcache_set_servers(client, relay_address(relay)), OMCACHE_OK);
    store("key", "value");
    for (uint64_t i = 1; i <= 4; i++) {
        omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
        assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
        ck_assert_int_eq(stats.tls_version, OMCACHE_TLS_1_3);
        ck_assert_int_eq(stats.tls_resumed, i == 2 || i == 3);
        ck_assert_uint_eq(stats.connects, i);
        ck_assert_uint_eq(stats.handshakes, i);
        if (i == 3) {
            assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
        }
        lose_connection(relay);
    }
    clean();
}
END_TEST

/* It must not end the parent's, nor use them. */
START_TEST(a_child_makes_connections_of_its_own)
{
    begin_well();
    store("key", "value");
    pid_t pid = fork();
    if (pid == 0) {
        assert_stored("key", "value");
        omcache_free(client);
        fixture_end_fork(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    assert_stored("key", "value");
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.connects, 1);
    clean();
}
END_TEST

static int run_example(const char *trusted)
{
    const char *build = getenv("B");
    char program[4096];
    int status = -1;
    snprintf(program, sizeof(program), "%s/examples/tls", build ? build : "build");
    const char *argv[] = {program, server.address, certificates_path(trusted), NULL};
    pid_t pid = child_start(argv);
    int64_t begun = clock_ms();
    while (!child_has_ended(pid, &status)) {
        ck_assert_int_lt(clock_ms() - begun, 20000);
        clock_sleep(5);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(the_example_stores_and_finds)
{
    begin_well();
    certificates_make("other", NULL, NULL, 1);
    ck_assert_int_eq(run_example("ca.pem"), 0);
    assert_stored("example:tls", "nobody on the way has read this");
    ck_assert_int_eq(run_example("other.pem"), 1);
    clean();
}
END_TEST

static void free_it(void *context, int level, const char *message)
{
    (void)level;
    (void)message;
    fixture_forget(context);
    assert_rc(omcache_free(context), OMCACHE_OK);
}

/* Sanitizers see whether it is. */
START_TEST(a_handle_may_be_freed_when_its_settings_are_complained_of)
{
    for (int i = 0; i < 2; i++) {
        omcache_t *mc = omcache_init();
        tls = omcache_tls_new();
        assert_rc(omcache_set_log_callback(mc, 0, free_it, mc), OMCACHE_OK);
        if (i == 0) {
            assert_rc(omcache_tls_set_ca_file(tls, "/no/such/file"), OMCACHE_OK);
        } else {
            assert_rc(omcache_tls_set_verification(tls, 0), OMCACHE_OK);
        }
        ck_assert_int_ne(omcache_set_tls(mc, tls), OMCACHE_OK);
        omcache_tls_free(tls);
        tls = NULL;
    }
}
END_TEST

/* What OpenSSL takes for the certificates of the system. */
static void trust_by_default(const char *trusted)
{
    ck_assert_int_eq(setenv("SSL_CERT_FILE", certificates_path(trusted), 1), 0);
    ck_assert_int_eq(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
}

static void use_list(const char *scheme)
{
    char list[128];
    snprintf(list, sizeof(list), "%s%s", scheme, server.address);
    client = omcache_init();
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
}

static void end_list(void)
{
    omcache_free(client);
    client = NULL;
    clean();
}

static void assert_version(int32_t version)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.tls_version, version);
}

/* The system trusts the server's certificate, or another one. */
static void use_list_without_settings(bool is_trusted)
{
    begin();
    certificates_make("other", NULL, NULL, 1);
    serve("server", "");
    trust_by_default(is_trusted ? "ca.pem" : "other.pem");
    use_list("tls://");
}

/* Then the certificates of the system are trusted, and no others. */
START_TEST(a_list_may_ask_for_tls_without_settings)
{
    use_list_without_settings(_i == 0);
    if (_i == 0) {
        store("key", "value");
        assert_stored("key", "value");
        assert_version(OMCACHE_TLS_1_3);
    } else {
        assert_refused("certificate is not good: unable to get local issuer certificate");
    }
    end_list();
}
END_TEST

/* The servers of the list still need it, and are verified. */
START_TEST(settings_may_be_taken_back)
{
    use_list_without_settings(_i == 0);
    tls = omcache_tls_new();
    assert_rc(omcache_tls_set_verification(tls, 0), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, NULL), OMCACHE_OK);
    if (_i == 0) {
        store("key", "value");
    } else {
        assert_refused("certificate is not good: unable to get local issuer certificate");
    }
    end_list();
}
END_TEST

/* A server that speaks no version later than that. */
static void serve_old(const char *version)
{
    const char *path = certificates_path("openssl.cnf");
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n");
    fprintf(file, "MaxProtocol = %s\n", version);
    fclose(file);
    ck_assert_int_eq(setenv("OPENSSL_CONF", path, 1), 0);
    serve("server", "");
    ck_assert_int_eq(unsetenv("OPENSSL_CONF"), 0);
}

START_TEST(a_version_can_be_demanded)
{
    bool is_new = _i % 2 == 1;
    bool demands_new = _i / 2 == 1;
    begin();
    serve_old(is_new ? "TLSv1.3" : "TLSv1.2");
    use_tls("ca.pem");
    assert_rc(omcache_tls_set_min_version(tls, demands_new ? OMCACHE_TLS_1_3 : OMCACHE_TLS_1_2),
              OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    if (demands_new && !is_new) {
        assert_refused("protocol version");
    } else {
        store("key", "value");
        assert_version(is_new ? OMCACHE_TLS_1_3 : OMCACHE_TLS_1_2);
    }
    clean();
}
END_TEST

START_TEST(settings_that_cannot_be_are_refused)
{
    begin_well();
    assert_rc(omcache_tls_set_server_name(tls, ""), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_server_name(NULL, "name"), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ca_file(tls, ""), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ca_directory(tls, ""), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_certificate(tls, "one", NULL), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_certificate(tls, "", ""), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_min_version(tls, OMCACHE_TLS_1_2 - 1), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_min_version(tls, OMCACHE_TLS_1_3 + 1), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_min_version(NULL, OMCACHE_TLS_1_3), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_verification(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ciphers(tls, "", NULL), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ciphers(tls, NULL, ""), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ciphers(NULL, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_tls(NULL, tls), OMCACHE_INVALID);
    assert_rc(omcache_tls_set_ciphers(tls, "no such cipher", NULL), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "no such cipher: no cipher match"));
    assert_rc(omcache_tls_set_ciphers(tls, NULL, "no such suite"), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "no such suite: no cipher match"));
    assert_rc(omcache_tls_set_ciphers(tls, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_tls_set_ca_directory(tls, "/no/such/directory"), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "/no/such/directory: No such file or directory"));
    assert_rc(omcache_tls_set_ca_directory(tls, certificates_path("ca.pem")), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "ca.pem: Not a directory"));
    assert_rc(omcache_tls_set_ca_directory(tls, NULL), OMCACHE_OK);
    assert_rc(omcache_tls_set_ca_file(tls, "/no/such/file"), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_INVALID);
    ck_assert(recorder_has_line(LOG_ERR, "/no/such/file: No such file or directory"));
    assert_rc(omcache_tls_set_ca_file(tls, certificates_path("ca.pem")), OMCACHE_OK);
    assert_rc(omcache_set_tls(client, tls), OMCACHE_OK);
    store("key", "value");
    clean();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *tcase = operations_case(suite, "tls");
    tcase_add_test(tcase, waiting_calls_get_what_they_ask_for);
    tcase_add_test(tcase, multi_gets_do_too);
    tcase_add_test(tcase, an_event_loop_drives_all_of_it);
    tcase_add_test(tcase, a_call_with_timeout_0_does_not_wait_for_the_handshake);
    tcase_add_test(tcase, a_certificate_of_nobody_trusted_is_refused);
    tcase_add_loop_test(tcase, certificates_of_a_directory_are_trusted, 0, 2);
    tcase_add_loop_test(tcase, the_system_s_certificates_are_trusted_by_default, 0, 3);
    tcase_add_loop_test(tcase, the_system_s_certificates_are_not_trusted_besides_others, 0, 2);
    tcase_add_loop_test(tcase, a_certificate_for_others_is_refused, 0, 7);
    tcase_add_test(tcase, a_certificate_may_be_for_a_name_that_was_chosen);
    tcase_add_test(tcase, a_certificate_that_is_over_is_refused);
    tcase_add_test(tcase, without_verification_all_are_taken_and_a_line_warns);
    tcase_add_test(tcase, a_server_without_tls_is_refused);
    tcase_add_test(tcase, a_server_with_tls_is_not_asked_without);
    tcase_add_test(tcase, nor_with_credentials);
    tcase_add_test(tcase, a_server_can_demand_a_certificate);
    tcase_add_test(tcase, connections_with_a_certificate_are_made_again);
    tcase_add_test(tcase, a_key_with_a_password_is_refused);
    tcase_add_loop_test(tcase, who_has_none_is_told_so, 0, 2);
    tcase_add_loop_test(tcase, who_has_one_that_is_not_trusted_is_told_so, 0, 2);
    tcase_add_test(tcase, files_that_are_not_there_are_told_of);
    tcase_add_test(tcase, a_handle_may_be_freed_when_its_settings_are_complained_of);
    tcase_add_loop_test(tcase, a_list_may_ask_for_tls_without_settings, 0, 2);
    tcase_add_loop_test(tcase, settings_may_be_taken_back, 0, 2);
    tcase_add_loop_test(tcase, a_version_can_be_demanded, 0, 4);
    tcase_add_test(tcase, settings_that_cannot_be_are_refused);
    tcase_add_test(tcase, the_example_stores_and_finds);
    tcase_add_test(tcase, files_that_have_something_else_are_told_of);
    tcase_add_test(tcase, sessions_are_resumed);
    tcase_add_test(tcase, a_child_makes_connections_of_its_own);
    return fixture_run(suite);
}
