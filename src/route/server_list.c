/*
 * Parsing and sorting of server lists.
 */
#include "route/server_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "omcache.h"

#define BLANKS " \t\r\n"
#define DEFAULT_PORT "11211"

/* A piece of the text. */
struct span {
    const char *start;
    size_t len;
};

static struct span trim(struct span span)
{
    while (span.len > 0 && strchr(BLANKS, span.start[0]) != NULL) {
        span.start++;
        span.len--;
    }
    while (span.len > 0 && strchr(BLANKS, span.start[span.len - 1]) != NULL)
        span.len--;
    return span;
}

/* Cuts an entry at its colon; false if it ends the brackets wrongly.  More than
 * one colon without brackets can only be an IPv6 address. */
static bool split(struct span entry, struct span *host, struct span *port)
{
    const char *end = entry.start + entry.len;
    const char *host_end;

    *port = (struct span){DEFAULT_PORT, strlen(DEFAULT_PORT)};
    if (entry.start[0] == '[') {
        host_end = memchr(entry.start, ']', entry.len);
        if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':'))
            return false;
        *host = (struct span){entry.start + 1, (size_t)(host_end - entry.start) - 1};
        host_end++;
    } else {
        host_end = memchr(entry.start, ':', entry.len);
        if (host_end == NULL || memchr(host_end + 1, ':', (size_t)(end - host_end) - 1) != NULL)
            host_end = end;
        *host = (struct span){entry.start, (size_t)(host_end - entry.start)};
    }
    if (host_end < end)
        *port = (struct span){host_end + 1, (size_t)(end - host_end) - 1};
    return true;
}

static int add(struct omc_server_list *list, struct span entry)
{
    struct omc_server_name *names;
    struct omc_server_name name = {.order = (uint32_t)list->count};
    struct span host, port;

    if (!split(entry, &host, &port))
        return OMCACHE_INVALID;
    names = omc_memory_resize(list->names, list->count + 1, sizeof(*names));
    if (names == NULL)
        return OMCACHE_FAIL;
    list->names = names;
    name.host = omc_memory_copy_string(host.start, host.len);
    name.port = omc_memory_copy_string(port.start, port.len);
    list->names[list->count++] = name;
    return name.host != NULL && name.port != NULL ? OMCACHE_OK : OMCACHE_FAIL;
}

int omc_server_list_compare(const struct omc_server_name *a, const struct omc_server_name *b)
{
    int by_host = strcmp(a->host, b->host);

    return by_host != 0 ? by_host : strcmp(a->port, b->port);
}

static int compare_for_sort(const void *left, const void *right)
{
    const struct omc_server_name *a = left, *b = right;
    int by_name = omc_server_list_compare(a, b);

    return by_name != 0 ? by_name : (a->order > b->order) - (a->order < b->order);
}

int omc_server_list_parse(struct omc_server_list *list, const char *text)
{
    int rc = OMCACHE_OK;

    *list = (struct omc_server_list){NULL, 0};
    while (rc == OMCACHE_OK && *text != '\0') {
        size_t len = strcspn(text, ",");
        struct span entry = trim((struct span){text, len});

        if (entry.len > 0)
            rc = add(list, entry);
        text += len + (text[len] == ',');
    }
    if (rc != OMCACHE_OK)
        omc_server_list_fini(list);
    else if (list->count > 1)
        qsort(list->names, list->count, sizeof(*list->names), compare_for_sort);
    return rc;
}

void omc_server_list_fini(struct omc_server_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        omc_memory_free(list->names[i].host);
        omc_memory_free(list->names[i].port);
    }
    omc_memory_free(list->names);
    *list = (struct omc_server_list){NULL, 0};
}
