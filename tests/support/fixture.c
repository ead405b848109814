/*
 * What a live test stands on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include "support/certificates.h"
#include "support/child.h"
#include "support/peer.h"
#include "support/puppet.h"
#include "support/recorder.h"
#include "support/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define TEST_TIMEOUT_S 60

struct fleet fleet;
omcache_t *client;
int32_t patience = -1;

static omcache_t *clients[CLIENTS_MAX];

int fixture_protocol(void)
{
    static const char *const names[] = {"auto", "binary", "meta", "text"};
    const char *wanted = peer_is_there() || puppet_is_there() ? NULL : getenv("PROTOCOL");
    if (certificates_are_wanted()) {
        return OMCACHE_PROTOCOL_AUTO;
    }
    for (int i = 0; wanted && i < 4; i++) {
        if (strcmp(wanted, names[i]) == 0) {
            return i;
        }
    }
    ck_assert_msg(wanted == NULL, "no protocol is called %s", wanted);
    return OMCACHE_PROTOCOL_BINARY;
}

size_t fixture_fences(size_t servers)
{
    return fixture_protocol() == OMCACHE_PROTOCOL_TEXT ? 0 : servers;
}

int fixture_next_byte(int byte)
{
    return byte + (clock_is_slow() && byte > ' ' ? 13 : 1);
}

/* The servers' certificate is for a name, and they have many addresses. */
int fixture_try_secure(omcache_t *mc)
{
    if (!certificates_are_wanted()) {
        return OMCACHE_OK;
    }
    omcache_tls_t *tls = omcache_tls_new();
    if (tls == NULL) {
        return OMCACHE_NO_MEMORY;
    }
    certificates_need();
    int rc = omcache_tls_set_ca_file(tls, certificates_path("fixture-ca.pem"));
    if (rc == OMCACHE_OK) {
        rc = omcache_tls_set_server_name(tls, CERTIFICATES_NAME);
    }
    if (rc == OMCACHE_OK) {
        rc = omcache_set_tls(mc, tls);
    }
    omcache_tls_free(tls);
    return rc;
}

void fixture_secure(omcache_t *mc)
{
    assert_rc(fixture_try_secure(mc), OMCACHE_OK);
}

void fixture_secure_peers(void)
{
    if (certificates_are_wanted()) {
        certificates_need();
        peer_be_secure(certificates_path("fixture.pem"), certificates_path("fixture.key"));
    }
}

omcache_t *fixture_client(const char *servers)
{
    size_t slot = 0;
    while (slot < CLIENTS_MAX && clients[slot]) {
        slot++;
    }
    ck_assert_uint_lt(slot, CLIENTS_MAX);
    clients[slot] = omcache_init();
    ck_assert_ptr_nonnull(clients[slot]);
    assert_rc(omcache_set_protocol(clients[slot], fixture_protocol()), OMCACHE_OK);
    fixture_secure(clients[slot]);
    assert_rc(omcache_set_servers(clients[slot], servers), OMCACHE_OK);
    return clients[slot];
}

bool fixture_knows_names(void)
{
    static int rc = -1;
    if (rc < 0) {
        omcache_t *mc = omcache_init();
        rc = omcache_set_dns_servers(mc, "127.0.0.1");
        omcache_free(mc);
    }
    return rc == OMCACHE_OK;
}

/* What gcov has counted is written by an orderly exit only. */
void fixture_end_fork(int status)
{
#ifdef OMC_COVERAGE
    exit(status);
#endif
    _exit(status);
}

void fixture_forget(const omcache_t *mc)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i] == mc) {
            clients[i] = NULL;
        }
    }
    if (client == mc) {
        client = NULL;
    }
}

void fixture_servers(size_t count)
{
    fleet_start(&fleet, count);
    client = fixture_client(fleet.list);
}

void fixture_size(int size)
{
    fixture_servers(size ? 3 : 1);
}

void fixture_variant(int variant)
{
    patience = variant & 2 ? 20000 : -1;
    fixture_size(variant & 1);
}

static void clean(void)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i]) {
            omcache_free(clients[i]);
            clients[i] = NULL;
        }
    }
    client = NULL;
    patience = -1;
    recorder_clear();
    peer_stop_all();
    relay_stop_all();
    puppet_close_all();
    child_kill_all();
    certificates_remove();
}

const char *key_for(size_t server)
{
    static char keys[64][24];
    static unsigned turn;
    static unsigned number;
    char *key = keys[turn++ % 64];
    for (unsigned tries = 0; tries < 10000; tries++) {
        snprintf(key, sizeof(keys[0]), "key-%u", number++);
        if (omcache_server_index_for_key(client, TEXT(key)) == (int)server) {
            return key;
        }
    }
    ck_abort_msg("of 10000 keys none belongs to server %zu", server);
    return NULL;
}

void store(const char *key, const char *value)
{
    int rc = omcache_set(client, TEXT(key), TEXT(value), 0, 0, 0, patience);
    ck_assert_msg(rc == OMCACHE_OK, "storing %s gave %s", key, rc_name(rc));
}

void assert_stored(const char *key, const char *value)
{
    const unsigned char *data;
    size_t len;
    int rc = omcache_get(client, TEXT(key), &data, &len, NULL, NULL, patience);
    ck_assert_msg(rc == OMCACHE_OK, "getting %s gave %s, expected '%s'", key, rc_name(rc),
                  printable(value, strlen(value)));
    ck_assert_msg(same_bytes(data, len, value, strlen(value)), "%s is '%s', expected '%s'", key,
                  printable(data, len), printable(value, strlen(value)));
}

void assert_missing(const char *key)
{
    const unsigned char *data;
    size_t len;
    int rc = omcache_get(client, TEXT(key), &data, &len, NULL, NULL, patience);
    ck_assert_msg(rc == OMCACHE_NOT_FOUND, "getting %s gave %s with '%s', expected a miss", key,
                  rc_name(rc), printable(data, len));
}

time_t long_ago(void)
{
    return time(NULL) - 3600;
}

void drain(omcache_t *mc)
{
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}

TCase *fixture_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, NULL, clean);
    tcase_set_timeout(tcase, TEST_TIMEOUT_S);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int fixture_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
