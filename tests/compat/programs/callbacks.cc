/*
 * A configuration string, cursors and statistics, from C++.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libmemcached/memcached.h>

#include <iostream>
#include <string.h>
#include <string>

extern "C" {
static memcached_return_t add_port(const memcached_st *, const memcached_instance_st *server,
                                   void *context)
{
    std::string *types = static_cast<std::string *>(context);

    *types += memcached_server_type(server);
    return MEMCACHED_SUCCESS;
}

static memcached_return_t add_result(const memcached_st *, memcached_result_st *result,
                                     void *context)
{
    static_cast<std::string *>(context)->append(memcached_result_value(result),
                                                memcached_result_length(result));
    return MEMCACHED_SUCCESS;
}
}

int main(int argc, char **argv)
{
    std::string servers = argv[argc - 1], config, types, values;
    size_t end;

    while ((end = servers.find(',')) != std::string::npos || !servers.empty()) {
        config += "--SERVER=" + servers.substr(0, end) + " ";
        servers = end == std::string::npos ? "" : servers.substr(end + 1);
    }
    config += "--DISTRIBUTION=consistent --NAMESPACE=\"cpp.\" --SUPPORT-CAS";
    memcached_st *memc = memcached(config.c_str(), config.size());
    if (memc == NULL)
        return 1;

    memcached_server_fn callbacks[1] = {add_port};
    std::cout << memcached_server_cursor(memc, callbacks, &types, 1) << " " << types << std::endl;
    std::cout << memcached_set(memc, "key", 3, "value", 5, 0, 0) << std::endl;
    const char *keys[] = {"key"};
    size_t lengths[] = {3};
    std::cout << memcached_mget(memc, keys, lengths, 1) << std::endl;
    memcached_execute_fn functions[1] = {add_result};
    std::cout << memcached_fetch_execute(memc, functions, &values, 1) << " " << values << std::endl;

    memcached_return_t rc;
    memcached_stat_st *stats = memcached_stat(memc, NULL, &rc);
    std::cout << rc << " " << (stats != NULL && strlen(stats[0].version) > 0) << std::endl;
    memcached_stat_free(memc, stats);
    const memcached_instance_st *server = memcached_server_by_key(memc, "key", 3, &rc);
    std::cout << rc << " " << memcached_server_name(server) << std::endl;
    uint64_t number;
    std::cout << memcached_increment(memc, "key", 3, 1, &number) << " "
              << memcached_strerror(memc, memcached_last_error(memc)) << std::endl;
    memcached_free(memc);
    return 0;
}
