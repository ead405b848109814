/*
 * Parsing and sorting of server lists.
 */
#include "route/server_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "omcache.h"

#define BLANKS " \t\r\n"
#define SOCKET_PORT "0" /* what libmemcached's rings have there */

#define LABEL_BYTES                                                  \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
    ".-_:/[]%" /* what addresses are made of: a label may be one that others use */

enum {
    ENTRY_TOLD = 80, /* bytes of a wrong entry that are told */
};

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

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* Cuts off what is in front of the first `separator`; false if there is none. */
static bool cut_front(struct span *entry, char separator, struct span *front)
{
    const char *end = memchr(entry->start, separator, entry->len);

    if (end == NULL)
        return false;
    *front = (struct span){entry->start, (size_t)(end - entry->start)};
    entry->len -= front->len + 1;
    entry->start = end + 1;
    return true;
}

/* Cuts off "/?N" at the end; false if N is not a number of 32 bits.  As in
 * libmemcached 0 means 1. */
static bool cut_weight(struct span *entry, uint32_t *weight)
{
    size_t digits = 0;
    uint64_t number = 0;

    *weight = 1;
    while (digits < entry->len && entry->start[entry->len - digits - 1] != '?')
        digits++;
    if (digits + 2 > entry->len || entry->start[entry->len - digits - 2] != '/')
        return true;
    for (size_t i = entry->len - digits; i < entry->len; i++) {
        char digit = entry->start[i];

        number = number * 10 + (uint64_t)(digit - '0');
        if (digit < '0' || digit > '9' || number > UINT32_MAX)
            return false;
    }
    entry->len -= digits + 2;
    *weight = number == 0 ? 1 : (uint32_t)number;
    return digits > 0;
}

/* Cuts an address at its colon; false if it ends its brackets wrongly.  More than
 * one colon without brackets can only be an IPv6 address. */
static bool split(struct span address, struct span *host, struct span *port)
{
    struct span rest = address;

    *host = address;
    *port = span_of(OMC_SERVER_LIST_PORT);
    if (address.len > 0 && address.start[0] == '/') {
        *port = span_of(SOCKET_PORT);
    } else if (address.len > 0 && address.start[0] == '[') {
        rest.start++;
        rest.len--;
        if (!cut_front(&rest, ']', host) || (rest.len > 0 && rest.start[0] != ':'))
            return false;
        if (rest.len > 0)
            *port = (struct span){rest.start + 1, rest.len - 1};
    } else if (cut_front(&rest, ':', host)) {
        if (memchr(rest.start, ':', rest.len) == NULL)
            *port = rest;
        else
            *host = address;
    }
    return true;
}

/* Cuts off a scheme, if there is one. */
static enum omc_server_scheme cut_scheme(struct span *entry)
{
    static const char *const schemes[] = {
        [OMC_SERVER_SCHEME_TCP] = "tcp://",
        [OMC_SERVER_SCHEME_TLS] = "tls://",
    };

    for (enum omc_server_scheme i = OMC_SERVER_SCHEME_TCP; i <= OMC_SERVER_SCHEME_TLS; i++) {
        size_t len = strlen(schemes[i]);

        if (entry->len < len || memcmp(entry->start, schemes[i], len) != 0)
            continue;
        entry->start += len;
        entry->len -= len;
        return i;
    }
    return OMC_SERVER_SCHEME_ANY;
}

/* Cuts off a label; false if it is none.  A path may have a "=" of its own. */
static bool cut_label(struct span *entry, struct span *label)
{
    struct span address = *entry;
    bool has_scheme = cut_scheme(&address) != OMC_SERVER_SCHEME_ANY;

    label->start = NULL;
    if (address.start[0] == '/' || !cut_front(entry, '=', label))
        return true;
    if (has_scheme) /* which is part of the address, behind the label */
        return false;
    *label = trim(*label);
    *entry = trim(*entry);
    for (size_t i = 0; i < label->len; i++) {
        if (strchr(LABEL_BYTES, label->start[i]) == NULL)
            return false;
    }
    return label->len > 0 && label->start[0] != '-';
}

static int complain(struct omc_server_list *list, struct span entry, const char *what)
{
    snprintf(list->problem, sizeof(list->problem), "\"%.*s\": %s",
             (int)(entry.len < ENTRY_TOLD ? entry.len : ENTRY_TOLD), entry.start, what);
    return OMCACHE_INVALID;
}

static bool copy_span(struct span span, char **copy)
{
    *copy = span.start == NULL ? NULL : omc_memory_copy_string(span.start, span.len);
    return span.start == NULL || *copy != NULL;
}

static int add_entry(struct omc_server_list *list, struct span entry)
{
    struct omc_server_name *names, *name;
    struct span label, host, port, whole = entry;
    enum omc_server_scheme scheme;
    uint32_t weight;

    if (!cut_label(&entry, &label))
        return complain(
            list, whole,
            "a label, in front of \"=\", has letters, digits, and .-_:/[]%, no - first, no tls://");
    scheme = cut_scheme(&entry);
    if (!cut_weight(&entry, &weight))
        return complain(list, whole, "a weight, behind \"/?\", is a number of 32 bits");
    if (!split(entry, &host, &port))
        return complain(list, whole, "an opening bracket ends with \"]\" or \"]:port\"");
    names = omc_memory_resize(list->names, list->count + 1, sizeof(*names));
    if (names == NULL)
        return OMCACHE_NO_MEMORY;
    list->names = names;
    name = &names[list->count];
    *name = (struct omc_server_name){
        .weight = weight, .order = (uint32_t)list->count, .scheme = scheme};
    list->count++;
    if (!copy_span(host, &name->host) || !copy_span(port, &name->port) ||
        !copy_span(label, &name->label))
        return OMCACHE_NO_MEMORY;
    return OMCACHE_OK;
}

bool omc_server_list_copy_name(struct omc_server_name *copy, const struct omc_server_name *name)
{
    *copy = (struct omc_server_name){
        .weight = name->weight, .order = name->order, .scheme = name->scheme};
    if (copy_span(span_of(name->host), &copy->host) &&
        copy_span(span_of(name->port), &copy->port) &&
        (name->label == NULL || copy_span(span_of(name->label), &copy->label)))
        return true;
    omc_server_list_free_name(copy);
    return false;
}

void omc_server_list_free_name(struct omc_server_name *name)
{
    omc_memory_free(name->host);
    omc_memory_free(name->port);
    omc_memory_free(name->label);
    *name = (struct omc_server_name){.host = NULL};
}

int omc_server_list_compare(const struct omc_server_name *a, const struct omc_server_name *b)
{
    int by_host = strcmp(a->host, b->host);
    int by_port = by_host != 0 ? by_host : strcmp(a->port, b->port);

    return by_port != 0 ? by_port : (a->scheme > b->scheme) - (a->scheme < b->scheme);
}

static int compare_for_sort(const void *left, const void *right)
{
    const struct omc_server_name *a = left, *b = right;
    int by_name = omc_server_list_compare(a, b);

    return by_name != 0 ? by_name : (a->order > b->order) - (a->order < b->order);
}

static int compare_labels(const void *left, const void *right)
{
    const struct omc_server_name *const *a = left, *const *b = right;
    int by_label = strcmp((*a)->label, (*b)->label);

    return by_label != 0 ? by_label : omc_server_list_compare(*a, *b);
}

static int compare_names(const void *left, const void *right)
{
    return omc_server_list_compare(left, right);
}

/* Whether that address stands in the sorted list without a label. */
static bool is_listed(const struct omc_server_list *list, const struct omc_server_name *address)
{
    const struct omc_server_name *end = list->names + list->count;
    const struct omc_server_name *found =
        bsearch(address, list->names, list->count, sizeof(*list->names), compare_names);

    while (found != NULL && found > list->names && compare_names(found - 1, address) == 0)
        found--;
    for (; found != NULL && found != end && compare_names(found, address) == 0; found++) {
        if (found->label == NULL)
            return true;
    }
    return false;
}

/* Checks that a label is not what another server without one is called. */
static int check_label(struct omc_server_list *list, const struct omc_server_name *name)
{
    struct omc_server_name address = {.host = NULL};
    struct span host, port;
    int rc = OMCACHE_OK;

    if (!split(span_of(name->label), &host, &port))
        return OMCACHE_OK;
    copy_span(host, &address.host);
    copy_span(port, &address.port);
    if (address.host == NULL || address.port == NULL)
        rc = OMCACHE_NO_MEMORY;
    else if (compare_names(&address, name) != 0 && is_listed(list, &address))
        rc = complain(list, span_of(name->label), "a label that is the address of another server");
    omc_server_list_free_name(&address);
    return rc;
}

/* A label that two addresses have would give all keys of both to one of them. */
static int check_labels(struct omc_server_list *list)
{
    const struct omc_server_name **labelled =
        omc_memory_new(list->count, sizeof(struct omc_server_name *));
    size_t count = 0;
    int rc = OMCACHE_OK;

    if (labelled == NULL)
        return OMCACHE_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++) {
        if (list->names[i].label != NULL)
            labelled[count++] = &list->names[i];
    }
    qsort(labelled, count, sizeof(struct omc_server_name *), compare_labels);
    for (size_t i = 1; i < count && rc == OMCACHE_OK; i++) {
        const struct omc_server_name *a = labelled[i - 1], *b = labelled[i];

        if (strcmp(a->label, b->label) == 0 && omc_server_list_compare(a, b) != 0)
            rc = complain(list, span_of(a->label), "a label that two servers have");
    }
    for (size_t i = 0; i < count && rc == OMCACHE_OK; i++)
        rc = check_label(list, labelled[i]);
    omc_memory_free(labelled);
    return rc;
}

int omc_server_list_parse(struct omc_server_list *list, const char *text)
{
    int rc = OMCACHE_OK;

    *list = (struct omc_server_list){.count = 0};
    while (rc == OMCACHE_OK && *text != '\0') {
        size_t len = strcspn(text, ",");
        struct span entry = trim((struct span){text, len});

        if (entry.len > 0)
            rc = add_entry(list, entry);
        text += len + (text[len] == ',');
    }
    if (rc == OMCACHE_OK && list->count > 1) {
        qsort(list->names, list->count, sizeof(*list->names), compare_for_sort);
        rc = check_labels(list);
    }
    if (rc != OMCACHE_OK)
        omc_server_list_fini(list);
    return rc;
}

void omc_server_list_fini(struct omc_server_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        omc_server_list_free_name(&list->names[i]);
    omc_memory_free(list->names);
    list->names = NULL;
    list->count = 0;
}
