/*
 * Clients of servers that cannot be used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/unusable.h"

#include "support/fixture.h"
#include "support/loopback.h"
#include "support/peer.h"
#include "support/recorder.h"

#include <stdio.h>

const char *nobody(void)
{
    static char address[32];
    char host[LOOPBACK_HOST_SIZE];
    snprintf(address, sizeof(address), "%s:%d", loopback_host(host), PEER_PORT - 1);
    return address;
}

void patient_client(const char *servers)
{
    client = fixture_client(servers);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
}

int get_patiently(const char *key)
{
    return omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1);
}

void assert_unusable(int64_t limit)
{
    for (int i = 0; i < 2; i++) {
        int64_t start = clock_ms();
        assert_rc_either(get_patiently("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        assert_within(start, limit);
        start = clock_ms();
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
        assert_within(start, limit);
    }
}
