/*
 * What applications configure as text: server lists, addresses, names of hosts, DNS
 * servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"
#include "net/address.h"
#include "net/host_name.h"
#include "net/resolver.h"
#include "omcache.h"
#include "route/server_list.h"

#include <stdbool.h>

/* Writes a server as a list has it, in the form that can have any host but one with a
 * bracket; false for that. */
static bool print(const struct omc_server_name *name, char *out, size_t room)
{
    static const char *const schemes[] = {
        [OMC_SERVER_SCHEME_TCP] = "tcp://",
        [OMC_SERVER_SCHEME_TLS] = "tls://",
    };
    const char *scheme = name->scheme == OMC_SERVER_SCHEME_ANY ? "" : schemes[name->scheme];
    bool path = name->host[0] == '/' && strcmp(name->port, "0") == 0;
    const char *label = name->label == NULL ? "" : name->label;
    const char *equals = name->label == NULL ? "" : "=";

    if (strchr(name->host, ']') != NULL)
        return false;
    if (path)
        snprintf(out, room, "%s%s%s%s/?%u", label, equals, scheme, name->host,
                 (unsigned)name->weight);
    else
        snprintf(out, room, "%s%s%s[%s]:%s/?%u", label, equals, scheme, name->host, name->port,
                 (unsigned)name->weight);
    return true;
}

/* A server that was read, written and read again is the same. */
static void check_again(const struct omc_server_name *name, size_t size)
{
    size_t room = 3 * size + 64;
    char *text = malloc(room);
    struct omc_server_list list;
    const struct omc_server_name *again;

    FUZZ_CHECK(text != NULL);
    if (print(name, text, room)) {
        FUZZ_CHECK(omc_server_list_parse(&list, text) == OMCACHE_OK && list.count == 1);
        again = &list.names[0];
        FUZZ_CHECK(omc_server_list_compare(name, again) == 0 && name->weight == again->weight);
        FUZZ_CHECK((name->label == NULL) == (again->label == NULL));
        FUZZ_CHECK(name->label == NULL || strcmp(name->label, again->label) == 0);
        omc_server_list_fini(&list);
    }
    free(text);
}

/* What a connection would be made to; a name must be one, or is refused. */
static void check_address(const struct omc_server_name *name)
{
    struct omc_address address;
    const char *problem = NULL;
    enum omc_address_kind kind = omc_address_parse(&address, name->host, name->port, &problem);

    FUZZ_CHECK((kind == OMC_ADDRESS_INVALID) == (problem != NULL));
    if (kind == OMC_ADDRESS_NUMERIC)
        FUZZ_CHECK(address.len > 0 && address.len <= sizeof(address.storage));
    if (kind == OMC_ADDRESS_NAME)
        FUZZ_CHECK(omc_address_is_port(name->port));
    if (omc_host_name_is_local(name->host))
        FUZZ_CHECK(omc_host_name_is_valid(name->host));
    if (omc_host_name_is_valid(name->host))
        FUZZ_CHECK(strpbrk(name->host, " /:[]%,@\\") == NULL && strlen(name->host) <= 253);
}

static void check_list(const struct omc_server_list *list, const char *text)
{
    size_t entries = 1, orders = 0;
    size_t size = strlen(text);

    for (const char *at = text; *at != '\0'; at++)
        entries += *at == ',';
    FUZZ_CHECK(list->count <= entries);
    for (size_t i = 0; i < list->count; i++) {
        const struct omc_server_name *name = &list->names[i];

        FUZZ_CHECK(name->host != NULL && name->port != NULL && name->weight >= 1);
        FUZZ_CHECK(name->label == NULL || name->label[0] != '\0');
        FUZZ_CHECK(i == 0 || omc_server_list_compare(name - 1, name) <= 0);
        FUZZ_CHECK(name->order < list->count);
        orders += name->order;
        check_again(name, size);
        if (i < 4)
            check_address(name);
    }
    FUZZ_CHECK(list->count == 0 || orders == list->count * (list->count - 1) / 2);
}

/* A list of DNS servers that is taken has nothing in it but addresses. */
static void check_dns(const char *text)
{
    size_t len;

    if (!omc_resolver_check_servers(text))
        return;
    FUZZ_CHECK(strspn(text, "0123456789abcdefABCDEF.:[],") == strlen(text));
    for (;; text += len + 1) {
        char *entry;

        len = strcspn(text, ",");
        entry = strndup(text, len);
        FUZZ_CHECK(entry != NULL && omc_resolver_check_servers(entry));
        free(entry);
        if (text[len] == '\0')
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size);
    struct omc_server_list list;
    int rc;

    FUZZ_CHECK(text != NULL);
    rc = omc_server_list_parse(&list, text);
    FUZZ_CHECK(rc == OMCACHE_OK || rc == OMCACHE_INVALID);
    FUZZ_CHECK(rc == OMCACHE_OK || (list.count == 0 && list.names == NULL));
    check_list(&list, text);
    omc_server_list_fini(&list);
    check_dns(text);
    free(text);
    return 0;
}
