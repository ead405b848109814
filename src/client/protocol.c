/*
 * Choosing the protocol of a server.
 */
#include "client/protocol.h"

#include <errno.h>
#include <string.h>

#include "client/enqueue.h"
#include "client/handle.h"
#include "client/known.h"
#include "client/outcome.h"
#include "client/shortage.h"
#include "link/codecs.h"
#include "net/errors.h"

static const struct omc_news no_news;

/* Ends those waiting requests that the connection's protocol cannot carry; how many. */
static size_t refuse(omcache_t *mc, struct omc_server *server)
{
    struct omc_connection *conn = &server->conn;
    bool quiet = false; /* the request in front */
    size_t refused = 0;

    for (uint32_t number = conn->begun; (int32_t)(omc_queue_next(&conn->queue) - number) > 0;
         number++) {
        struct omc_pending *pending = omc_queue_find(&conn->queue, number);
        int rc = pending == NULL ? OMCACHE_OK : omc_connection_accept(conn, pending);

        if (pending == NULL)
            continue;
        /* A no-op of our own with nothing quiet in front of it: some proxies close at it. */
        if (rc == OMCACHE_OK && (!pending->fence || quiet)) {
            quiet = pending->quiet;
            continue;
        }
        if (!pending->forgotten && !pending->fence) {
            omc_outcome_failure(mc, server, pending, rc);
            refused++;
        }
        omc_connection_refuse(conn, pending);
    }
    return refused;
}

/* Speaks a protocol from now on; AUTO: none before it is known. */
static struct omc_news speak(omcache_t *mc, struct omc_server *server, int protocol)
{
    size_t refused;

    server->conn.codec = omc_codecs_find(protocol);
    if (server->conn.codec == NULL)
        return no_news;
    refused = refuse(mc, server);
    if (!omc_connection_fence(&server->conn))
        return omc_shortage_news(server, ENOMEM);
    /* Whose outcome nobody waits for would not hear of it otherwise. */
    if (refused > 0)
        omc_log(&mc->log, OMC_LOG_NOTICE, "%s:%s: %zu requests cannot be sent over %s",
                server->name.host, server->name.port, refused, server->conn.codec->name);
    omc_enqueue_note(mc, server);
    return no_news;
}

/* Whether that is a greeting, and in a protocol that the application has not excluded. */
static bool is_allowed(const omcache_t *mc, enum omc_greeting greeting)
{
    return greeting != OMC_GREETING_NONE && (mc->settings.protocol == OMCACHE_PROTOCOL_AUTO ||
                                             mc->settings.protocol == omc_hello_protocol(greeting));
}

/* The next greeting in their order that is allowed, or none. */
static enum omc_greeting next_allowed(const omcache_t *mc, enum omc_greeting greeting)
{
    while (++greeting < OMC_GREETING_COUNT) {
        if (is_allowed(mc, greeting))
            return greeting;
    }
    return OMC_GREETING_NONE;
}

static enum omc_greeting first_allowed(const omcache_t *mc)
{
    return next_allowed(mc, OMC_GREETING_NONE);
}

/* What to try when the server does not answer its greeting, or none.  If it once did, all
 * are tried from the first: it may only have been about to end.  That is not known any more
 * then, so that this ends. */
static enum omc_greeting next_to_try(const omcache_t *mc, const struct omc_server *server)
{
    enum omc_greeting first = first_allowed(mc);
    bool was_known = server->known == server->greeting;

    if (!is_allowed(mc, server->greeting))
        return first;
    if (was_known && (mc->settings.protocol == OMCACHE_PROTOCOL_AUTO || server->greeting != first))
        return first;
    return next_allowed(mc, server->greeting);
}

/* Whether nothing may follow the hello because it is not known which one is answered.  That
 * goes for the last of several, too: what closes the connection must be the hello itself. */
static bool is_guess(const omcache_t *mc, const struct omc_server *server)
{
    return server->known != server->greeting &&
           next_allowed(mc, first_allowed(mc)) != OMC_GREETING_NONE;
}

enum omc_greeting omc_protocol_choose(const omcache_t *mc, const struct omc_server *server)
{
    if (is_allowed(mc, server->known))
        return server->known;
    return is_allowed(mc, server->greeting) ? server->greeting : first_allowed(mc);
}

/* What is known is said at once and not waited for, but by values; what is not must be found
 * first.  All is chosen before callbacks can choose another protocol. */
struct omc_news omc_protocol_greet(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_news news;
    bool held;

    server->greeting = omc_protocol_choose(mc, server);
    held = server->cautious || is_guess(mc, server);
    omc_connection_open(&server->conn, server->greeting, now);
    news = speak(mc, server, omc_known_protocol(mc, server));
    if (news.event != OMC_EVENT_NONE)
        return news;
    server->conn.held = held;
    server->cautious = false;
    return no_news;
}

/* The server answers, and will be greeted so from now on. */
static struct omc_news accept_greeting(omcache_t *mc, struct omc_server *server,
                                       enum omc_greeting greeting)
{
    struct omc_news news = speak(mc, server, omc_hello_protocol(greeting));

    if (news.event != OMC_EVENT_NONE)
        return news;
    server->conn.held = false;
    server->conn.proved = true;
    server->known = greeting;
    server->greeting = OMC_GREETING_NONE;
    return (struct omc_news){.event = OMC_EVENT_VERIFIED};
}

/* Whether it can be spoken to in text on the connection where it was greeted in meta:
 * nothing has been asked in that, and the application has not chosen just that. */
static bool may_be_text(const omcache_t *mc, const struct omc_server *server)
{
    return !omc_connection_has_sent(&server->conn) &&
           mc->settings.protocol != OMCACHE_PROTOCOL_META;
}

/* Whether it has proved itself before, and what is wrong with its handshake may be due to what
 * was asked behind the hello: a proxy closes where it does not know a command.  Then it is asked
 * again, by a hello that goes alone. */
static bool may_be_rejection(const struct omc_server *server)
{
    return server->state == OMC_STATE_HANDSHAKE && server->counters.connects > 0 &&
           omc_connection_awaits_answer(&server->conn);
}

static struct omc_news ask_again(struct omc_server *server, const char *reason)
{
    server->cautious = true;
    return (struct omc_news){OMC_EVENT_REJECTED, reason, 0};
}

/* The server does not answer what it was greeted with.  Another one can be tried if nothing
 * was asked behind that. */
static struct omc_news try_next(const omcache_t *mc, struct omc_server *server, const char *reason)
{
    enum omc_greeting next =
        omc_connection_has_sent(&server->conn) ? OMC_GREETING_NONE : next_to_try(mc, server);

    server->greeting = OMC_GREETING_NONE;
    server->known = OMC_GREETING_NONE;
    if (may_be_rejection(server))
        return ask_again(server, reason);
    server->greeting = next;
    return (struct omc_news){next == OMC_GREETING_NONE ? OMC_EVENT_FAILED : OMC_EVENT_OTHER, reason,
                             0};
}

struct omc_news omc_protocol_read_answer(omcache_t *mc, struct omc_server *server)
{
    const char *problem = NULL;

    switch (omc_connection_read_hello(&server->conn, server->greeting, &problem)) {
    case OMC_HELLO_MORE:
        return no_news;
    case OMC_HELLO_GOOD:
        return accept_greeting(mc, server, server->greeting);
    case OMC_HELLO_TEXT:
        if (may_be_text(mc, server))
            return accept_greeting(mc, server, OMC_GREETING_VERSION);
        problem = "the server does not speak the meta protocol, as memcached does since 1.6.10";
        if (mc->settings.protocol != OMCACHE_PROTOCOL_META)
            return try_next(mc, server, problem);
        server->known = OMC_GREETING_NONE;
        break;
    case OMC_HELLO_OTHER:
        return try_next(mc, server, "what came is no answer in a protocol of memcached");
    case OMC_HELLO_REFUSED:
        break;
    }
    server->greeting = OMC_GREETING_NONE;
    return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
}

struct omc_news omc_protocol_error(const omcache_t *mc, struct omc_server *server, int error)
{
    if (error == ECONNRESET || error == EPIPE)
        return omc_protocol_broken(mc, server, strerror(error));
    if (omc_errors_is_shortage(error, NULL))
        return omc_shortage_news(server, error);
    return (struct omc_news){OMC_EVENT_FAILED, strerror(error), 0};
}

struct omc_news omc_protocol_broken(const omcache_t *mc, struct omc_server *server,
                                    const char *reason)
{
    if (may_be_rejection(server))
        return ask_again(server, reason);
    if (omc_state_is_handshake(server->state))
        return try_next(mc, server, reason);
    return (struct omc_news){OMC_EVENT_FAILED, reason, 0};
}
