/*
 * A class around a client, as programs in C++ have it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libmemcached/memcached.h>

#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

class Cache
{
  public:
    explicit Cache(const std::string &servers) : memc(memcached_create(NULL))
    {
        if (memc == NULL)
            throw std::runtime_error("no memory");
        memcached_server_st *list = memcached_servers_parse(servers.c_str());
        memcached_return_t rc = memcached_server_push(memc, list);
        memcached_server_list_free(list);
        check(rc, "push");
    }

    ~Cache()
    {
        memcached_free(memc);
    }

    void behave(memcached_behavior_t behavior, uint64_t value)
    {
        check(memcached_behavior_set(memc, behavior, value), "behavior");
    }

    void put(const std::string &key, const std::string &value, uint32_t flags)
    {
        check(memcached_set(memc, key.data(), key.size(), value.data(), value.size(), 0, flags),
              "set");
    }

    bool get(const std::string &key, std::string &value)
    {
        size_t length;
        uint32_t flags;
        memcached_return rc;
        char *found = memcached_get(memc, key.data(), key.size(), &length, &flags, &rc);

        if (rc == MEMCACHED_NOTFOUND)
            return false;
        check(rc, "get");
        value.assign(found == NULL ? "" : found, length);
        free(found);
        return true;
    }

    std::map<std::string, std::string> get(const std::vector<std::string> &wanted)
    {
        std::vector<const char *> keys;
        std::vector<size_t> lengths;
        std::map<std::string, std::string> values;
        memcached_return_t rc;

        for (size_t i = 0; i < wanted.size(); i++) {
            keys.push_back(wanted[i].data());
            lengths.push_back(wanted[i].size());
        }
        check(memcached_mget(memc, &keys[0], &lengths[0], keys.size()), "mget");
        memcached_result_st results;
        memcached_result_create(memc, &results);
        while (memcached_fetch_result(memc, &results, &rc) != NULL) {
            std::string key(memcached_result_key_value(&results),
                            memcached_result_key_length(&results));

            values[key].assign(memcached_result_value(&results), memcached_result_length(&results));
        }
        memcached_result_free(&results);
        return values;
    }

    void remove(const std::string &key)
    {
        check(memcached_delete(memc, key.data(), key.size(), 0), "delete");
    }

  private:
    Cache(const Cache &);
    Cache &operator=(const Cache &);

    void check(memcached_return_t rc, const char *what)
    {
        if (memcached_success(rc))
            return;
        std::ostringstream text;
        text << what << ": " << rc << " " << memcached_strerror(memc, rc);
        throw std::runtime_error(text.str());
    }

    memcached_st *memc;
};

static void use(Cache &cache)
{
    std::string value;

    cache.put("one", "1", 0);
    cache.put("two", std::string("2\0two", 5), 0);
    std::cout << cache.get("one", value) << " " << value << "\n";
    std::cout << cache.get("two", value) << " " << value.size() << "\n";
    std::cout << cache.get("three", value) << "\n";

    std::vector<std::string> wanted;
    wanted.push_back("one");
    wanted.push_back("two");
    wanted.push_back("three");
    std::map<std::string, std::string> values = cache.get(wanted);
    for (std::map<std::string, std::string>::iterator i = values.begin(); i != values.end(); ++i)
        std::cout << i->first << ": " << i->second.size() << "\n";
    cache.remove("one");
    try {
        cache.remove("one");
        std::cout << "removed twice\n";
    } catch (const std::runtime_error &error) {
        std::cout << error.what() << "\n";
    }
}

int main(int argc, char **argv)
{
    Cache cache(argv[argc - 1]);

    use(cache);
    cache.behave(MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    cache.behave(MEMCACHED_BEHAVIOR_KETAMA, true);
    use(cache);
    return 0;
}
