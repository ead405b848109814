/*
 * Credentials, with a real memcached that wants them (-Y, and -S), and one that does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/certificates.h"
#include "support/operations.h"
#include "support/recorder.h"
#include "support/relay.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static struct memcached server;
static char passwords[64];

/* A file with what the server knows. */
static void write_passwords(void)
{
    snprintf(passwords, sizeof(passwords), "/tmp/omcache-passwords-XXXXXX");
    int fd = mkstemp(passwords);
    ck_assert_int_ge(fd, 0);
    FILE *file = fdopen(fd, "w");
    fputs("user:pass-word\nother:secret\n", file);
    fclose(file);
}

static void begin(const char *user, const char *password)
{
    static const char *const options[] = {"-Y", passwords, NULL};
    write_passwords();
    memcached_start_with(&server, FLEET_PORT, options);
    client = fixture_client(server.address);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    if (user != NULL) {
        assert_rc(omcache_set_credentials(client, TEXT(user), TEXT(password)), OMCACHE_OK);
    }
}

/* No line of the log may have a password. */
static void assert_kept_secret(void)
{
    for (size_t i = 0; i < recorder.line_count && i < RECORDER_MAX; i++) {
        ck_assert_ptr_null(strstr(recorder.lines[i].text, "pass-word"));
        ck_assert_ptr_null(strstr(recorder.lines[i].text, "wrong"));
    }
}

static void end(void)
{
    assert_kept_secret();
    unlink(passwords);
}

static void assert_denied(const char *reason)
{
    assert_rc(omcache_noop(client, 0, 5000), OMCACHE_AUTH_FAILED);
    ck_assert_msg(recorder_has_line(LOG_WARNING, reason), "no line says '%s' but '%s'", reason,
                  recorder.line_count > 0 ? recorder.lines[0].text : "");
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_DOWN);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_AUTHENTICATION);
}

START_TEST(who_has_the_password_is_let_in)
{
    static const int protocols[] = {OMCACHE_PROTOCOL_AUTO, OMCACHE_PROTOCOL_META,
                                    OMCACHE_PROTOCOL_TEXT};
    begin("user", "pass-word");
    assert_rc(omcache_set_protocol(client, protocols[_i]), OMCACHE_OK);
    store("key", "value");
    assert_stored("key", "value");
    ck_assert_int_eq(omcache_server_protocol(client, 0),
                     _i == 2 ? OMCACHE_PROTOCOL_TEXT : OMCACHE_PROTOCOL_META);
    end();
}
END_TEST

START_TEST(a_wrong_password_is_told_of)
{
    begin("user", "wrong");
    assert_denied("the server refuses the credentials");
    end();
}
END_TEST

/* Which such a server does not take there. */
START_TEST(the_wrong_protocol_is_told_of)
{
    begin("user", "pass-word");
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
    assert_denied("the server takes credentials over meta and text only");
    end();
}
END_TEST

START_TEST(none_is_told_of)
{
    begin(NULL, NULL);
    assert_denied("the server wants authentication");
    end();
}
END_TEST

START_TEST(credentials_may_be_replaced)
{
    begin("user", "wrong");
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
    assert_denied("the server refuses the credentials");
    assert_rc(omcache_set_credentials(client, TEXT("other"), TEXT("secret")), OMCACHE_OK);
    int rc = OMCACHE_NO_SERVERS;
    for (int i = 0; i < 200 && rc != OMCACHE_OK; i++) {
        clock_sleep(10);
        rc = omcache_noop(client, 0, 1000);
    }
    assert_rc(rc, OMCACHE_OK);
    end();
}
END_TEST

START_TEST(who_wants_none_is_none_the_wiser)
{
    static const int protocols[] = {OMCACHE_PROTOCOL_AUTO, OMCACHE_PROTOCOL_BINARY,
                                    OMCACHE_PROTOCOL_TEXT};
    fixture_servers(1);
    assert_rc(omcache_set_protocol(client, protocols[_i]), OMCACHE_OK);
    assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("password")), OMCACHE_OK);
    store("key", "value");
    assert_stored("key", "value");
    assert_missing("omcache-login");
}
END_TEST

/* Cyrus SASL's database and the settings to find it, in a folder of their own. */
static char sasl[64];

static void write_database(void)
{
    char command[256];
    char host[HOST_NAME_MAX + 1];
    snprintf(sasl, sizeof(sasl), "/tmp/omcache-sasl-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(sasl));
    ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
    snprintf(command, sizeof(command),
             "echo pass-word | /usr/sbin/saslpasswd2 -p -c -a memcached -u %s -f %s/db user", host,
             sasl);
    ck_assert_msg(system(command) == 0, "cannot do '%s'", command);
    snprintf(command, sizeof(command), "%s/memcached.conf", sasl);
    FILE *file = fopen(command, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "mech_list: plain\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            "sasldb_path: %s/db\n",
            sasl);
    fclose(file);
    snprintf(command, sizeof(command), "chmod -R a+rX %s", sasl); /* memcached is somebody else */
    ck_assert_int_eq(system(command), 0);
    setenv("SASL_CONF_PATH", sasl, 1);
}

/* A server that wants SASL speaks binary only; AUTO is to find that out. */
static void begin_sasl(int protocol, const char *user, const char *password)
{
    static const char *const options[] = {"-S", NULL};
    write_database();
    memcached_start_with(&server, FLEET_PORT, options);
    client = fixture_client(server.address);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    if (user != NULL) {
        assert_rc(omcache_set_credentials(client, TEXT(user), TEXT(password)), OMCACHE_OK);
    }
}

static void end_sasl(void)
{
    char command[128];
    assert_kept_secret();
    snprintf(command, sizeof(command), "rm -r %s", sasl);
    ck_assert_int_eq(system(command), 0);
}

static const int sasl_protocols[] = {OMCACHE_PROTOCOL_AUTO, OMCACHE_PROTOCOL_BINARY};

START_TEST(sasl_lets_in_who_has_the_password)
{
    begin_sasl(sasl_protocols[_i], "user", "pass-word");
    store("key", "value");
    assert_stored("key", "value");
    ck_assert_int_eq(omcache_server_protocol(client, 0), OMCACHE_PROTOCOL_BINARY);
    end_sasl();
}
END_TEST

/* The second connection logs in as the first has, and that only once. */
START_TEST(sasl_lets_in_the_second_connection)
{
    begin_sasl(OMCACHE_PROTOCOL_BINARY, "user", "pass-word");
    struct relay *relay = relay_start(0, &server);
    assert_rc(omcache_set_servers(client, relay_address(relay)), OMCACHE_OK);
    store("key", "value");
    relay_vanish(relay, false);
    int64_t start = clock_ms();
    while (omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 100) != OMCACHE_OK) {
        assert_within(start, 2000);
    }
    store("key", "other value");
    assert_stored("key", "other value");
    ck_assert_uint_eq(relay_connections(relay), 2);
    ck_assert(!recorder_has_line(LOG_WARNING, "credentials"));
    end_sasl();
}
END_TEST

START_TEST(sasl_refuses_a_wrong_password)
{
    begin_sasl(sasl_protocols[_i], "user", "wrong");
    assert_denied("the server refuses the credentials");
    end_sasl();
}
END_TEST

START_TEST(sasl_refuses_who_has_none)
{
    begin_sasl(sasl_protocols[_i], NULL, NULL);
    assert_denied("the server wants authentication");
    end_sasl();
}
END_TEST

/* A server that accepts connections, and what it has been sent when the log warns. */
static int listener;
static ssize_t came_before;

static void note_warning(void *context, int level, const char *line)
{
    recorder_log(context, level, line);
    if (level == LOG_WARNING && strstr(line, "without TLS")) {
        char byte;
        int fd = accept(listener, NULL, NULL);
        clock_sleep(20);
        came_before = recv(fd, &byte, 1, MSG_DONTWAIT);
        close(fd);
    }
}

/* The address is one of this machine, but does not look like it. */
static void listen_at_a_distance(int protocol)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char address[32];
    came_before = 0;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    snprintf(address, sizeof(address), "tcp://0.0.0.0:%u", ntohs(at.sin_port));
    client = fixture_client(address);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, note_warning, NULL), OMCACHE_OK);
}

START_TEST(a_line_warns_before_they_go_where_others_can_read_them)
{
    listen_at_a_distance(OMCACHE_PROTOCOL_META);
    assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("pass-word")), OMCACHE_OK);
    assert_rc_either(omcache_noop(client, 0, 1000), OMCACHE_AUTH_FAILED, OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "credentials go there without TLS"));
    ck_assert_int_eq(came_before, -1);
    assert_kept_secret();
    close(listener);
}
END_TEST

/* Answers the next no-op that comes, while the client's loop turns. */
static void answer_noop(int fd)
{
    unsigned char packet[24];
    int64_t start = clock_ms();
    while (recv(fd, packet, sizeof(packet), MSG_DONTWAIT) != (ssize_t)sizeof(packet)) {
        omcache_io(client, NULL, NULL, NULL, NULL, 5);
        assert_within(start, 5000);
    }
    packet[0] = 0x81;
    ck_assert_int_eq(send(fd, packet, sizeof(packet), 0), (ssize_t)sizeof(packet));
}

/* The first one was made before there were any, and has fallen silent. */
START_TEST(a_second_connection_warns_as_well)
{
    int64_t start;
    listen_at_a_distance(OMCACHE_PROTOCOL_BINARY);
    assert_rc(omcache_async_noop(client, 0, -1, NULL, NULL), OMCACHE_OK);
    int fd = accept(listener, NULL, NULL);
    answer_noop(fd);
    answer_noop(fd);
    assert_rc(omcache_set_credentials(client, TEXT("user"), TEXT("pass-word")), OMCACHE_OK);
    ck_assert(!recorder_has_line(LOG_WARNING, "without TLS"));
    start = clock_ms();
    while (!recorder_has_line(LOG_WARNING, "without TLS")) {
        omcache_noop(client, 0, 60);
        assert_within(start, 5000);
    }
    ck_assert_int_eq(came_before, -1);
    close(fd);
    close(listener);
}
END_TEST

START_TEST(credentials_are_checked)
{
    char much[300];
    client = fixture_client("127.0.0.1");
    memset(much, 'x', sizeof(much));
    assert_rc(omcache_set_credentials(NULL, TEXT("u"), TEXT("p")), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, "", 0, TEXT("p")), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, much, 256, TEXT("p")), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, TEXT("u"), much, 256), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, TEXT("u"), NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, TEXT("a b"), TEXT("p")), OMCACHE_INVALID);
    assert_rc(omcache_set_credentials(client, much, 255, much, 255), OMCACHE_OK);
    assert_rc(omcache_set_credentials(client, NULL, 0, NULL, 0), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("login");
    TCase *tcase = operations_case(suite, "login");
    tcase_add_loop_test(tcase, who_has_the_password_is_let_in, 0, 3);
    tcase_add_test(tcase, a_wrong_password_is_told_of);
    tcase_add_test(tcase, the_wrong_protocol_is_told_of);
    tcase_add_test(tcase, none_is_told_of);
    tcase_add_test(tcase, credentials_may_be_replaced);
    tcase_add_loop_test(tcase, who_wants_none_is_none_the_wiser, 0, 3);
    tcase_add_loop_test(tcase, sasl_lets_in_who_has_the_password, 0, 2);
    tcase_add_test(tcase, sasl_lets_in_the_second_connection);
    tcase_add_loop_test(tcase, sasl_refuses_a_wrong_password, 0, 2);
    tcase_add_loop_test(tcase, sasl_refuses_who_has_none, 0, 2);
    tcase_add_test(tcase, a_line_warns_before_they_go_where_others_can_read_them);
    tcase_add_test(tcase, a_second_connection_warns_as_well);
    tcase_add_test(tcase, credentials_are_checked);
    return fixture_run(suite);
}
