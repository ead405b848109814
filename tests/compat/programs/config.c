/*
 * Configuration strings, good ones and bad ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

static const char *const strings[] = {
    "--SERVER=localhost",
    "--SERVER=localhost:11212",
    "--SERVER=127.0.0.1:11212/?7",
    "--server=localhost --Server=other.example:7",
    "--SERVER=localhost,other",
    "--SERVER=localhost, --SERVER=other",
    "--SERVER=localhost  --SERVER=other",
    "--SERVER=localhost\t--SERVER=other",
    " --SERVER=localhost",
    "--SERVER=localhost ",
    "--SERVER=",
    "--SERVER",
    "--SERVER=a",
    "--SERVER=ab",
    "--SERVER=abc",
    "--SERVER=a_b-c.d",
    "--SERVER=[::1]:11211",
    "--SERVER=::1",
    "--SERVER=\"localhost\"",
    "--SERVER=localhost:",
    "--SERVER=localhost:0",
    "--SERVER=localhost:65535",
    "--SERVER=localhost:http",
    "--SERVER=localhost:11211/?",
    "--SERVER=localhost:11211/?0",
    "--SERVER=localhost/?3",
    "--SERVER=10.1.2.3",
    "--SERVER=10.1.2.3:80",
    "--SOCKET=\"/tmp/a.sock\"",
    "--SOCKET=\"/tmp/a.sock\"/?4",
    "--SOCKET=\"/tmp/a.sock/?4\"",
    "--SOCKET=/tmp/a.sock",
    "--SOCKET=\"\"",
    "--SERVER=localhost --NAMESPACE=\"prefix\"",
    "--SERVER=localhost --NAMESPACE=prefix",
    "--SERVER=localhost --NAMESPACE=\"\"",
    "--SERVER=localhost --NAMESPACE=\"two words\"",
    "--NAMESPACE=\"prefix\"",
    "--SERVER=localhost --BINARY-PROTOCOL",
    "--SERVER=localhost --BINARY_PROTOCOL",
    "--BINARY-PROTOCOL",
    "--SERVER=localhost --BINARY-PROTOCOL=1",
    "--SERVER=localhost --BUFFER-REQUESTS",
    "--SERVER=localhost --CONNECT-TIMEOUT=100",
    "--SERVER=localhost --CONNECT-TIMEOUT=",
    "--SERVER=localhost --CONNECT-TIMEOUT=abc",
    "--SERVER=localhost --CONNECT-TIMEOUT",
    "--SERVER=localhost --CONNECT-TIMEOUT=-1",
    "--SERVER=localhost --CONNECT-TIMEOUT = 1",
    "--SERVER=localhost --DISTRIBUTION=consistent",
    "--SERVER=localhost --DISTRIBUTION=CONSISTENT",
    "--SERVER=localhost --DISTRIBUTION=modula",
    "--SERVER=localhost --DISTRIBUTION=random",
    "--SERVER=localhost --DISTRIBUTION=consistent,md5",
    "--SERVER=localhost --DISTRIBUTION=consistent,murmur",
    "--SERVER=localhost --DISTRIBUTION=consistent,bogus",
    "--SERVER=localhost --DISTRIBUTION=ketama",
    "--SERVER=localhost --DISTRIBUTION=",
    "--SERVER=localhost --HASH=md5",
    "--SERVER=localhost --HASH=crc",
    "--SERVER=localhost --HASH=fnv1_64",
    "--SERVER=localhost --HASH=fnv1a_64",
    "--SERVER=localhost --HASH=fnv1_32",
    "--SERVER=localhost --HASH=fnv1a_32",
    "--SERVER=localhost --HASH=hsieh",
    "--SERVER=localhost --HASH=murmur",
    "--SERVER=localhost --HASH=murmur3",
    "--SERVER=localhost --HASH=jenkins",
    "--SERVER=localhost --HASH=default",
    "--SERVER=localhost --HASH=MD5",
    "--SERVER=localhost --HASH=sha1",
    "--SERVER=localhost --HASH-WITH-NAMESPACE",
    "--SERVER=localhost --NOREPLY",
    "--SERVER=localhost --POLL-TIMEOUT=10",
    "--SERVER=localhost --RCV-TIMEOUT=10",
    "--SERVER=localhost --SND-TIMEOUT=10",
    "--SERVER=localhost --REMOVE-FAILED-SERVERS=1",
    "--SERVER=localhost --REMOVE-FAILED-SERVERS=3",
    "--SERVER=localhost --REMOVE-FAILED-SERVERS=0",
    "--SERVER=localhost --REMOVE-FAILED-SERVERS",
    "--SERVER=localhost --RETRY-TIMEOUT=7",
    "--SERVER=localhost --SORT-HOSTS",
    "--SERVER=localhost --SUPPORT-CAS",
    "--SERVER=localhost --TCP-NODELAY",
    "--SERVER=localhost --TCP-KEEPALIVE",
    "--SERVER=localhost --TCP-KEEPIDLE=7",
    "--SERVER=localhost --USE-UDP=0",
    "--SERVER=localhost --VERIFY-KEY",
    "--SERVER=localhost --POOL-MIN=1 --POOL-MAX=5",
    "--POOL-MIN=1 --SERVER=localhost",
    "--SERVER=localhost --NUMBER-OF-REPLICAS=0",
    "--SERVER=localhost --RANDOMIZE-REPLICA-READ",
    "--SERVER=localhost --IO-BYTES-WATERMARK=5",
    "--SERVER=localhost --IO-KEY-PREFETCH=5",
    "--SERVER=localhost --IO-MSG-WATERMARK=5",
    "--SERVER=localhost --SOCKET-RECV-SIZE=5000",
    "--SERVER=localhost --SOCKET-SEND-SIZE=5000",
    "--SERVER=localhost --USER-DATA",
    "--SERVER=localhost --NO-BLOCK",
    "--SERVER=localhost --TCP-CORK",
    "--SERVER=localhost --SERVER-FAILURE-LIMIT=3",
    "--SERVER=localhost --DEAD-TIMEOUT=3",
    "--SERVER=localhost --AUTO-EJECT-HOSTS",
    "--SERVER=localhost --KETAMA-WEIGHTED",
    "--SERVER=localhost --BOGUS",
    "--SERVER=localhost RESET --SERVER=other.example",
    "--SERVER=localhost END --SERVER=other.example",
    "--SERVER=localhost END nonsense",
    "--SERVER=localhost ERROR",
    "RESET",
    "END",
    "--SERVER=localhost -SERVER=other",
    "SERVER=localhost",
    "localhost",
    "--",
    "#comment",
    "--SERVER=localhost #comment",
    "--SERVER=10.0.0.1:11211/?3 --SERVER=10.0.0.2:11212/?1 --DISTRIBUTION=consistent",
    "--DISTRIBUTION=consistent --SERVER=10.0.0.1:11211/?3 --SERVER=10.0.0.2:11212/?1",
    "--HASH=md5 --DISTRIBUTION=consistent --SERVER=10.0.0.1 --SERVER=10.0.0.2:11212",
    "--SERVER=10.0.0.1 --SERVER=10.0.0.2:11212 --DISTRIBUTION=consistent --HASH=md5",
    "--SERVER=10.0.0.1:11211/?3 --SERVER=10.0.0.2:11212/?1",
    "--SERVER=10.0.0.1:11211/?3 --SERVER=10.0.0.2:11212/?1 --NAMESPACE=\"a\" --HASH-WITH-NAMESPACE",
};

static const memcached_behavior_t told[] = {
    MEMCACHED_BEHAVIOR_BINARY_PROTOCOL,
    MEMCACHED_BEHAVIOR_BUFFER_REQUESTS,
    MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT,
    MEMCACHED_BEHAVIOR_DISTRIBUTION,
    MEMCACHED_BEHAVIOR_HASH,
    MEMCACHED_BEHAVIOR_KETAMA_HASH,
    MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED,
    MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY,
    MEMCACHED_BEHAVIOR_NOREPLY,
    MEMCACHED_BEHAVIOR_POLL_TIMEOUT,
    MEMCACHED_BEHAVIOR_RCV_TIMEOUT,
    MEMCACHED_BEHAVIOR_SND_TIMEOUT,
    MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS,
    MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT,
    MEMCACHED_BEHAVIOR_RETRY_TIMEOUT,
    MEMCACHED_BEHAVIOR_SORT_HOSTS,
    MEMCACHED_BEHAVIOR_SUPPORT_CAS,
    MEMCACHED_BEHAVIOR_TCP_NODELAY,
    MEMCACHED_BEHAVIOR_TCP_KEEPALIVE,
    MEMCACHED_BEHAVIOR_VERIFY_KEY,
};

static void describe(memcached_st *memc)
{
    const char *prefix =
        (const char *)memcached_callback_get(memc, MEMCACHED_CALLBACK_PREFIX_KEY, NULL);
    char key[8];
    size_t i;

    for (i = 0; i < memcached_server_count(memc); i++) {
        const memcached_instance_st *server =
            memcached_server_instance_by_position(memc, (uint32_t)i);

        printf("  %s %u %s\n", memcached_server_name(server), memcached_server_port(server),
               memcached_server_type(server));
    }
    printf("  prefix %s, behaviors", prefix == NULL ? "(null)" : prefix);
    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        printf(" %u", (unsigned)memcached_behavior_get(memc, told[i]));
    if (memcached_server_count(memc) > 0 &&
        memcached_behavior_get(memc, MEMCACHED_BEHAVIOR_DISTRIBUTION) !=
            MEMCACHED_DISTRIBUTION_RANDOM) {
        printf(", keys ");
        for (i = 0; i < 40; i++) {
            snprintf(key, sizeof(key), "key%d", (int)i);
            printf("%u", memcached_generate_hash(memc, key, strlen(key)));
        }
    }
    putchar('\n');
}

int main(void)
{
    char error[256];
    size_t i;

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        memcached_st *memc = memcached(strings[i], strlen(strings[i]));
        memcached_return_t rc =
            libmemcached_check_configuration(strings[i], strlen(strings[i]), error, sizeof(error));

        printf("[%s]: %s, check %d\n", strings[i], memc == NULL ? "NULL" : "good", rc);
        if (memc != NULL)
            describe(memc);
        memcached_free(memc);
    }
    return 0;
}
