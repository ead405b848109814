/*
 * Choosing the protocol of a server.
 */
#include "core/protocol.h"

#include <errno.h>
#include <string.h>

#include "core/handle.h"
#include "core/outcome.h"
#include "core/shortage.h"
#include "core/translate.h"
#include "net/errors.h"

/* What the outcome of a refused request is to be told with. */
struct refusal {
    omcache_t *mc;
    struct omc_server *server;
    size_t count;
};

static void refuse(void *context, const struct omc_pending *pending, int status)
{
    struct refusal *refusal = context;

    if (pending->forgotten || pending->fence)
        return;
    omc_outcome_failure(refusal->mc, refusal->server, pending, status);
    refusal->count++;
}

static bool translate(omcache_t *mc, struct omc_server *server, int protocol, int64_t now)
{
    struct refusal refusal = {mc, server, 0};

    if (!omc_translate_waiting(&server->conn, protocol, refuse, &refusal)) {
        omc_shortage_note(mc, server, ENOMEM, now);
        return false;
    }
    /* Whose outcome nobody waits for would not hear of it otherwise. */
    if (refusal.count > 0)
        omc_log(&mc->log, OMC_LOG_NOTICE, "%s:%s: %zu requests cannot be sent over %s",
                server->name.host, server->name.port, refusal.count, server->conn.codec->name);
    omc_server_note_request(mc, server); /* others may be quiet now */
    return true;
}

/* The protocol that the server is known to speak, or is to; AUTO: not known. */
static int known_protocol(const omcache_t *mc, const struct omc_server *server)
{
    return mc->settings.protocol != OMCACHE_PROTOCOL_AUTO ? mc->settings.protocol
                                                          : server->protocol;
}

static int next_to_try(int protocol)
{
    switch (protocol) {
    case OMCACHE_PROTOCOL_META:
        return OMCACHE_PROTOCOL_TEXT;
    case OMCACHE_PROTOCOL_TEXT:
        return OMCACHE_PROTOCOL_BINARY;
    default:
        return OMCACHE_PROTOCOL_AUTO;
    }
}

/* What is known is said at once and not waited for, but by values; what is not must be found
 * first. */
void omc_protocol_greet(omcache_t *mc, struct omc_server *server, int64_t now)
{
    int known = known_protocol(mc, server);

    if (!translate(mc, server, known, now))
        return;
    if (known != OMCACHE_PROTOCOL_AUTO)
        server->greeting = known;
    else if (server->greeting == OMCACHE_PROTOCOL_AUTO)
        server->greeting = OMCACHE_PROTOCOL_META;
    omc_connection_open(&server->conn, server->watch.fd, server->greeting, now);
    server->conn.held = server->cautious;
    server->cautious = false;
}

/* The server answers in a protocol. */
static bool accept_protocol(omcache_t *mc, struct omc_server *server, int protocol, int64_t now)
{
    if (!translate(mc, server, protocol, now))
        return false;
    server->conn.held = false;
    omc_connection_prove(&server->conn);
    server->protocol = protocol;
    server->greeting = OMCACHE_PROTOCOL_AUTO;
    omc_server_event(mc, server, OMC_EVENT_VERIFIED, NULL, now);
    return true;
}

/* Whether another protocol can be tried: nothing has been asked in this one, and the
 * application has not chosen just this one. */
static bool may_try(const omcache_t *mc, const struct omc_server *server)
{
    return !omc_connection_has_sent(&server->conn) && mc->settings.protocol != server->greeting;
}

/* The server does not answer in the protocol that it was greeted in.  If it once did, all
 * are tried from the first: it may only have been about to end. */
static void try_next(omcache_t *mc, struct omc_server *server, const char *reason, int64_t now)
{
    bool tries = may_try(mc, server);
    int next = server->protocol == server->greeting ? OMCACHE_PROTOCOL_META
                                                    : next_to_try(server->greeting);

    server->greeting = OMCACHE_PROTOCOL_AUTO;
    server->protocol = OMCACHE_PROTOCOL_AUTO;
    if (!tries || next == OMCACHE_PROTOCOL_AUTO) {
        omc_server_event(mc, server, OMC_EVENT_FAILED, reason, now);
        return;
    }
    server->greeting = next;
    omc_server_event(mc, server, OMC_EVENT_OTHER, reason, now);
}

bool omc_protocol_read_answer(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const char *problem = NULL;

    switch (omc_connection_read_hello(&server->conn, server->greeting, &problem)) {
    case OMC_HELLO_MORE:
        return false;
    case OMC_HELLO_GOOD:
        return accept_protocol(mc, server, server->greeting, now);
    case OMC_HELLO_TEXT:
        if (may_try(mc, server))
            return accept_protocol(mc, server, OMCACHE_PROTOCOL_TEXT, now);
        server->protocol = OMCACHE_PROTOCOL_AUTO;
        problem = "the server does not speak the meta protocol, as memcached does since 1.6.10";
        break;
    case OMC_HELLO_OTHER:
        try_next(mc, server, "what came is no answer in a protocol of memcached", now);
        return false;
    case OMC_HELLO_REFUSED:
        break;
    }
    server->greeting = OMCACHE_PROTOCOL_AUTO;
    omc_server_event(mc, server, OMC_EVENT_FAILED, problem, now);
    return false;
}

void omc_protocol_error(omcache_t *mc, struct omc_server *server, int error, int64_t now)
{
    if (error == ECONNRESET || error == EPIPE)
        omc_protocol_broken(mc, server, strerror(error), now);
    else if (omc_errors_is_shortage(error, NULL))
        omc_shortage_note(mc, server, error, now);
    else
        omc_server_event(mc, server, OMC_EVENT_FAILED, strerror(error), now);
}

/* Whether a connection that broke in its handshake may have done so for what was asked
 * behind the hello: a proxy closes where it does not know a command.  One that has proved itself
 * before is asked again, by a hello that goes alone. */
static bool may_be_rejection(const struct omc_server *server)
{
    return server->state == OMC_STATE_HANDSHAKE && server->counters.connects > 0 &&
           omc_connection_awaits_answer(&server->conn);
}

void omc_protocol_broken(omcache_t *mc, struct omc_server *server, const char *reason, int64_t now)
{
    if (may_be_rejection(server)) {
        server->cautious = true;
        omc_server_event(mc, server, OMC_EVENT_REJECTED, reason, now);
    } else if (omc_state_is_handshake(server->state)) {
        try_next(mc, server, reason, now);
    } else {
        omc_server_event(mc, server, OMC_EVENT_FAILED, reason, now);
    }
}
