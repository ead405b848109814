/*
 * Looking up names with c-ares, which works on sockets that we watch for it and
 * files that it reads at once: hosts at each lookup, resolv.conf at the first.
 *
 * c-ares is never called from within one of its own calls: what it reports is
 * noted, and told to the owner after it has returned.
 */
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/errors.h"
#include "net/host_name.h"
#include "net/resolver.h"

enum stage {
    STARTING,  /* in ares_getaddrinfo, which may report at once */
    UNDER_WAY, /* c-ares will report it, if only when its channel is destroyed */
    ENDED,     /* it has; the owner is about to be told */
    DONE,      /* nobody but the owner knows it any more */
};

struct omc_lookup {
    struct omc_resolver *resolver;
    struct omc_lookup *next; /* of those that have ended */
    void *context;
    enum stage stage;
    bool forgotten; /* by its owner: to be freed when c-ares lets go of it */
    in_port_t port; /* in network byte order */

    struct omc_addresses addresses;
    uint32_t ttl;
    const char *problem;
    int shortage; /* errno of what it failed for want of, or 0 */
};

struct omc_resolver {
    struct omc_resolver_owner owner;
    char *servers;        /* or NULL for the system's */
    ares_channel channel; /* NULL until there is something to look up */
    size_t wanted;        /* lookups under way that have not been forgotten */
    bool outdated;        /* a lookup was in vain: have a new channel when possible */
    bool starved;         /* the owner had no memory to watch a socket */
    int shortage;         /* errno of the last socket that could not be opened, or 0 */
    int leaving;          /* the socket that c-ares is about to close */
    struct omc_lookup *ended;
    struct omc_lookup **ended_end;
};

bool omc_resolver_is_there(void)
{
    return true;
}

/*
 * Sockets.  c-ares' own ones would raise SIGPIPE.
 */

static ares_socket_t open_socket(int family, int type, int protocol, void *data)
{
    struct omc_resolver *resolver = data;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

    if (fd >= 0)
        resolver->shortage = 0;
    else if (omc_errors_is_shortage(errno, NULL))
        resolver->shortage = errno;
    return fd;
}

/* Sockets that c-ares asks the kernel for routes with, to sort addresses, and those
 * that could not connect were never the owner's. */
static int close_socket(ares_socket_t fd, void *data)
{
    struct omc_resolver *resolver = data;

    if (fd != resolver->leaving)
        return close(fd);
    resolver->leaving = -1;
    resolver->owner.close(resolver->owner.context, fd);
    return 0;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *name, ares_socklen_t len,
                          void *data)
{
    (void)data;
    return connect(fd, name, len);
}

static ares_ssize_t receive(ares_socket_t fd, void *bytes, size_t size, int flags,
                            struct sockaddr *from, ares_socklen_t *from_len, void *data)
{
    (void)data;
    return recvfrom(fd, bytes, size, flags | MSG_DONTWAIT, from, from_len);
}

static ares_ssize_t send_pieces(ares_socket_t fd, const struct iovec *pieces, int count, void *data)
{
    /* sendmsg does not write to the pieces; its declaration cannot say so.  Their number
     * is a size_t in some C libraries and an int in others; there are few. */
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (uint16_t)count};

    (void)data;
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static const struct ares_socket_functions socket_functions = {
    .asocket = open_socket,
    .aclose = close_socket,
    .aconnect = connect_socket,
    .arecvfrom = receive,
    .asendv = send_pieces,
};

/* c-ares says that it wants nothing more of a socket directly before it closes it. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct omc_resolver *resolver = data;
    int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);

    if (events == 0)
        resolver->leaving = fd;
    else if (!resolver->owner.watch(resolver->owner.context, fd, (short)events))
        resolver->starved = true;
}

/*
 * The channel
 */

static bool open_channel(struct omc_resolver *resolver)
{
    struct ares_options options = {
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = resolver,
    };
    ares_channel channel;

    /* (Without ares_library_init, which counts its calls in a plain variable that
     * threads would have to share, and does nothing else here.) */
    if (ares_init_options(&channel, &options, ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
        return false;
    ares_set_socket_functions(channel, &socket_functions, resolver);
    if (resolver->servers != NULL &&
        ares_set_servers_ports_csv(channel, resolver->servers) != ARES_SUCCESS) {
        ares_destroy(channel);
        return false;
    }
    resolver->channel = channel;
    return true;
}

/* All lookups under way end. */
static void close_channel(struct omc_resolver *resolver)
{
    ares_destroy(resolver->channel);
    resolver->channel = NULL;
}

/* Who was not answered may have asked the wrong servers: resolv.conf can have changed. */
static bool prepare_channel(struct omc_resolver *resolver)
{
    if (resolver->outdated && resolver->wanted == 0) {
        resolver->outdated = false;
        close_channel(resolver);
    }
    return resolver->channel != NULL || open_channel(resolver);
}

/* Without its events a socket would stay silent, and lookups would wait for it. */
static void close_if_starved(struct omc_resolver *resolver)
{
    if (!resolver->starved)
        return;
    resolver->starved = false;
    close_channel(resolver);
}

/*
 * Results
 */

static const char *problem_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "the name does not exist";
    case ARES_ENODATA:
        return "the name has no address";
    case ARES_EBADNAME:
        return "not a host name";
    case ARES_ECONNREFUSED: /* of a server that could not tell, too */
    case ARES_ETIMEOUT:
    case ARES_ESERVFAIL:
        return "no DNS server gave an answer";
    case ARES_ENOMEM:
    case ARES_EDESTRUCTION:
        return "no memory to look up the name";
    default:
        return "the name could not be looked up";
    }
}

/* A socket address to an address of ours, with the port: all else in it is zero, so
 * that equal ones have equal bytes. */
static struct omc_address address_of(const struct ares_addrinfo_node *node, in_port_t port)
{
    struct omc_address address = {.len = (socklen_t)node->ai_addrlen};

    memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
    if (node->ai_family == AF_INET)
        address.storage.v4.sin_port = port;
    else
        address.storage.v6.sin6_port = port;
    return address;
}

/* Adds the first new address of this family from `node` on; returns where to go on. */
static const struct ares_addrinfo_node *add_next(struct omc_lookup *lookup,
                                                 const struct ares_addrinfo_node *node, int family)
{
    struct omc_addresses *addresses = &lookup->addresses;

    for (; node != NULL; node = node->ai_next) {
        struct omc_address address;

        if (node->ai_family != family)
            continue;
        address = address_of(node, lookup->port);
        if (omc_address_is_among(addresses, &address))
            continue;
        if (addresses->count < OMC_ADDRESSES_MAX)
            addresses->items[addresses->count++] = address;
        return node->ai_next;
    }
    return NULL;
}

/* RFC 8305, 4: the families in turn, beginning with that of the best address. */
static void add_addresses(struct omc_lookup *lookup, const struct ares_addrinfo_node *nodes)
{
    int best = nodes->ai_family, other = best == AF_INET ? AF_INET6 : AF_INET;
    const struct ares_addrinfo_node *next = nodes, *next_other = nodes;

    while (next != NULL || next_other != NULL) {
        next = add_next(lookup, next, best);
        next_other = add_next(lookup, next_other, other);
    }
}

/* Of the addresses and of the aliases on the way to them.  (RFC 2181, 8: one with the
 * sign bit counts as 0.) */
static uint32_t least_ttl(const struct ares_addrinfo *info)
{
    int least = info->nodes->ai_ttl;

    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        if (node->ai_ttl < least)
            least = node->ai_ttl;
    }
    for (const struct ares_addrinfo_cname *cname = info->cnames; cname; cname = cname->next) {
        if (cname->ttl < least)
            least = cname->ttl;
    }
    return least > 0 ? (uint32_t)least : 0;
}

static void lack_memory(struct omc_lookup *lookup)
{
    lookup->problem = problem_of(ARES_ENOMEM);
    lookup->shortage = ENOMEM;
}

/* Servers that say that there is no such name have been asked. */
static int shortage_of(const struct omc_resolver *resolver, int status)
{
    if (status == ARES_ENOMEM || status == ARES_EDESTRUCTION)
        return ENOMEM;
    return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME
               ? 0
               : resolver->shortage;
}

static void note_result(struct omc_lookup *lookup, int status, const struct ares_addrinfo *info)
{
    size_t count = 0;

    if (status == ARES_SUCCESS && (info == NULL || info->nodes == NULL))
        status = ARES_ENODATA;
    if (status != ARES_SUCCESS) {
        lookup->problem = problem_of(status);
        lookup->shortage = shortage_of(lookup->resolver, status);
        return;
    }
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next)
        count += count < OMC_ADDRESSES_MAX;
    lookup->addresses.items = omc_memory_new(count, sizeof(struct omc_address));
    if (lookup->addresses.items == NULL) {
        lack_memory(lookup);
        return;
    }
    add_addresses(lookup, info->nodes);
    lookup->ttl = least_ttl(info);
}

/*
 * Lookups
 */

static void free_lookup(struct omc_lookup *lookup)
{
    omc_memory_free(lookup->addresses.items);
    omc_memory_free(lookup);
}

/* What c-ares calls at the end of a lookup, from any of its functions. */
static void on_end(void *data, int status, int timeouts, struct ares_addrinfo *info)
{
    struct omc_lookup *lookup = data;
    struct omc_resolver *resolver = lookup->resolver;

    (void)timeouts;
    if (lookup->forgotten) {
        free_lookup(lookup);
    } else {
        note_result(lookup, status, info);
        resolver->wanted--;
        resolver->outdated |= lookup->problem != NULL;
        if (lookup->stage == STARTING) {
            lookup->stage = DONE;
        } else {
            lookup->stage = ENDED;
            *resolver->ended_end = lookup;
            resolver->ended_end = &lookup->next;
        }
    }
    ares_freeaddrinfo(info);
}

/* Takes out one that has ended and is to be told, and frees those that are not. */
static struct omc_lookup *next_ended(struct omc_resolver *resolver)
{
    struct omc_lookup *lookup;

    while ((lookup = resolver->ended) != NULL) {
        resolver->ended = lookup->next;
        if (resolver->ended == NULL)
            resolver->ended_end = &resolver->ended;
        if (!lookup->forgotten) {
            lookup->stage = DONE;
            break;
        }
        free_lookup(lookup);
    }
    return lookup;
}

struct omc_lookup *omc_resolver_look_up(struct omc_resolver *resolver, const char *host,
                                        const char *port, void *lookup_context)
{
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct omc_lookup *lookup = omc_memory_new(1, sizeof(*lookup));

    if (lookup == NULL)
        return NULL;
    lookup->resolver = resolver;
    lookup->context = lookup_context;
    lookup->port = htons((uint16_t)strtoul(port, NULL, 10));
    lookup->stage = DONE;
    if (!omc_host_name_is_valid(host)) {
        lookup->problem = problem_of(ARES_EBADNAME);
        return lookup;
    }
    if (omc_host_name_is_local(host)) {
        if (!omc_address_find_local(&lookup->addresses, port, &lookup->problem))
            lack_memory(lookup);
        return lookup;
    }
    errno = 0;
    if (!prepare_channel(resolver)) {
        lack_memory(lookup);
        if (errno == EMFILE || errno == ENFILE)
            lookup->shortage = errno;
        return lookup;
    }
    if (resolver->wanted == 0)
        resolver->shortage = 0;
    lookup->stage = STARTING;
    resolver->wanted++;
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_end, lookup);
    close_if_starved(resolver);
    if (lookup->stage == STARTING)
        lookup->stage = UNDER_WAY;
    return lookup;
}

bool omc_lookup_is_done(const struct omc_lookup *lookup)
{
    return lookup->stage == DONE;
}

const struct omc_addresses *omc_lookup_result(const struct omc_lookup *lookup, uint32_t *ttl,
                                              const char **problem)
{
    if (lookup->problem != NULL) {
        *problem = lookup->problem;
        return NULL;
    }
    *ttl = lookup->ttl;
    return &lookup->addresses;
}

int omc_lookup_shortage(const struct omc_lookup *lookup)
{
    return lookup->shortage;
}

/* c-ares cannot cancel a single one. */
void omc_lookup_free(struct omc_lookup *lookup)
{
    if (lookup->stage == DONE) {
        free_lookup(lookup);
        return;
    }
    lookup->forgotten = true;
    if (lookup->stage == UNDER_WAY) {
        lookup->resolver->wanted--;
        lookup->resolver->outdated = true;
    }
}

/*
 * Resolvers
 */

struct omc_resolver *omc_resolver_new(const struct omc_resolver_owner *owner, const char *servers)
{
    struct omc_resolver *resolver = omc_memory_new(1, sizeof(*resolver));

    if (resolver == NULL)
        return NULL;
    if (servers != NULL) {
        resolver->servers = omc_memory_copy_string(servers, strlen(servers));
        if (resolver->servers == NULL) {
            omc_memory_free(resolver);
            return NULL;
        }
    }
    resolver->owner = *owner;
    resolver->leaving = -1;
    resolver->ended_end = &resolver->ended;
    return resolver;
}

void omc_resolver_free(struct omc_resolver *resolver)
{
    close_channel(resolver);
    while (next_ended(resolver) != NULL)
        ;
    omc_memory_free(resolver->servers);
    omc_memory_free(resolver);
}

void omc_resolver_process(struct omc_resolver *resolver, int fd, short revents)
{
    const int failed = POLLERR | POLLHUP | POLLNVAL; /* reading or writing will tell how */
    int readable = revents & (POLLIN | failed) ? fd : ARES_SOCKET_BAD;
    int writable = revents & (POLLOUT | failed) ? fd : ARES_SOCKET_BAD;
    struct omc_lookup *lookup;

    if (resolver->channel != NULL)
        ares_process_fd(resolver->channel, readable, writable);
    close_if_starved(resolver);
    while ((lookup = next_ended(resolver)) != NULL)
        resolver->owner.found(resolver->owner.context, lookup->context);
}

int omc_resolver_timeout(struct omc_resolver *resolver)
{
    struct timeval left;

    if (resolver->ended != NULL)
        return 0;
    if (resolver->channel == NULL || ares_timeout(resolver->channel, NULL, &left) == NULL)
        return -1;
    /* c-ares cuts off what is left of a millisecond; without one more, we would be
     * called in vain until it is over. */
    return (int)(left.tv_sec * 1000 + left.tv_usec / 1000) + 1;
}
