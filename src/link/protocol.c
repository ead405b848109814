/*
 * Choosing the protocol of a server.
 */
#include "link/protocol.h"

#include <errno.h>
#include <string.h>

#include "link/codecs.h"
#include "link/link.h"
#include "link/shortage.h"
#include "net/errors.h"
#include "net/tls.h"

static const struct omc_news no_news;

/* Looks at the next waiting request; whether it is to be reported that it cannot be carried. */
static bool check_next(struct omc_link *link, struct omc_report *report)
{
    struct omc_connection *conn = &link->conn;
    struct omc_pending *pending = omc_queue_find(&conn->queue, link->check.next++);
    int rc = pending == NULL ? OMCACHE_OK : omc_connection_accept(conn, pending);
    bool is_told;

    if (pending == NULL)
        return false;
    /* A no-op of our own with nothing quiet in front of it: some proxies close at it. */
    if (rc == OMCACHE_OK && (!omc_queue_is_fence(pending) || link->check.quiet)) {
        link->check.quiet = pending->quiet;
        return false;
    }
    is_told = omc_report_end(report, OMC_REPORT_FAILED, pending, rc);
    omc_connection_refuse(conn, pending);
    return is_told;
}

bool omc_protocol_check(struct omc_link *link, struct omc_report *report)
{
    struct omc_check *check = &link->check;

    while ((int32_t)(omc_queue_next(&link->conn.queue) - check->next) > 0) {
        if (check_next(link, report)) {
            check->refused = true;
            return true;
        }
    }
    omc_link_note_done(link, OMC_TODO_CHECK);
    link->has_new = true;
    if (!omc_connection_fence(&link->conn))
        omc_link_note_news(link, omc_shortage_news(link, ENOMEM));
    /* Whose outcome nobody waits for would not hear of it otherwise. */
    if (check->refused)
        omc_link_note_notice(link, (struct omc_notice){.kind = OMC_REPORT_REFUSED});
    return false;
}

/* Speaks a protocol from now on; AUTO: none before it is known. */
static void speak(struct omc_link *link, int protocol)
{
    link->conn.codec = omc_codecs_find(protocol);
    link->check = (struct omc_check){.next = link->conn.begun};
    omc_link_note_done(link, OMC_TODO_CHECK);
    if (link->conn.codec != NULL)
        link->todo |= OMC_TODO_CHECK;
}

/* The protocol that is to be spoken; AUTO: one that the server speaks. */
static int protocol_for(const struct omc_link *link)
{
    return link->has_stream ? OMCACHE_PROTOCOL_TEXT : link->shared->settings.protocol;
}

/* Whether that is a greeting, and in a protocol that is not excluded. */
static bool is_allowed(const struct omc_link *link, enum omc_greeting greeting)
{
    int protocol = protocol_for(link);

    return greeting != OMC_GREETING_NONE &&
           (protocol == OMCACHE_PROTOCOL_AUTO || protocol == omc_hello_protocol(greeting));
}

/* The next greeting in their order that is allowed, or none. */
static enum omc_greeting next_allowed(const struct omc_link *link, enum omc_greeting greeting)
{
    while (++greeting < OMC_GREETING_COUNT) {
        if (is_allowed(link, greeting))
            return greeting;
    }
    return OMC_GREETING_NONE;
}

static enum omc_greeting first_allowed(const struct omc_link *link)
{
    return next_allowed(link, OMC_GREETING_NONE);
}

/* What to try when the server does not answer its greeting, or none.  If it once did, all
 * are tried from the first: it may only have been about to end.  That is not known any more
 * then, so that this ends. */
static enum omc_greeting next_to_try(const struct omc_link *link)
{
    enum omc_greeting first = first_allowed(link);
    bool was_known = link->known == link->greeting;

    if (!is_allowed(link, link->greeting))
        return first;
    if (was_known && (protocol_for(link) == OMCACHE_PROTOCOL_AUTO || link->greeting != first))
        return first;
    return next_allowed(link, link->greeting);
}

/* Whether nothing may follow the hello because it is not known which one is answered.  That
 * goes for the last of several, too: what closes the connection must be the hello itself. */
static bool is_guess(const struct omc_link *link)
{
    return link->known != link->greeting &&
           next_allowed(link, first_allowed(link)) != OMC_GREETING_NONE;
}

int omc_protocol_known(const struct omc_link *link)
{
    int chosen = protocol_for(link);

    return chosen != OMCACHE_PROTOCOL_AUTO ? chosen : omc_hello_protocol(link->known);
}

bool omc_protocol_carries(const struct omc_link *link, const struct omc_ask *ask)
{
    const struct omc_codec *codec = link->conn.codec;
    struct omc_ask copy = *ask;

    return codec == NULL || codec->protocol != omc_protocol_known(link) || codec->accept(&copy);
}

enum omc_greeting omc_protocol_choose(const struct omc_link *link)
{
    if (is_allowed(link, link->known))
        return link->known;
    return is_allowed(link, link->greeting) ? link->greeting : first_allowed(link);
}

/* What is known is said at once and not waited for, but by values; what is not must be found
 * first.  All is chosen before callbacks can choose another protocol. */
bool omc_protocol_greet(struct omc_link *link, const struct omc_login *login, int64_t now)
{
    link->greeting = omc_protocol_choose(link);
    if (!omc_connection_open(&link->conn, link->greeting, login, now))
        return false;
    link->conn.held = link->cautious || link->has_stream || is_guess(link);
    speak(link, omc_protocol_known(link));
    return true;
}

/* The server answers, and will be greeted so from now on. */
static struct omc_news accept_greeting(struct omc_link *link, enum omc_greeting greeting)
{
    speak(link, omc_hello_protocol(greeting));
    link->conn.held = false;
    link->conn.proved = true;
    link->conn.excused = link->conn.futile = false; /* what came was of use */
    link->known = greeting;
    link->greeting = OMC_GREETING_NONE;
    return (struct omc_news){.event = OMC_EVENT_VERIFIED};
}

/* Whether it can be spoken to in text on the connection where it was greeted in meta:
 * nothing has been asked in that, and the application has not chosen just that. */
static bool may_be_text(const struct omc_link *link)
{
    return !omc_connection_has_sent(&link->conn) && protocol_for(link) != OMCACHE_PROTOCOL_META;
}

/* Whether it has proved itself before, and what is wrong with its handshake may be due to what
 * was asked behind the hello: a proxy closes where it does not know a command.  Then it is asked
 * again, by a hello that goes alone. */
static bool may_be_rejection(const struct omc_link *link)
{
    return link->up && link->phase == OMC_PHASE_GREETING && link->counters.connects > 0 &&
           omc_connection_awaits_answer(&link->conn);
}

static struct omc_news deny(const char *reason)
{
    return (struct omc_news){OMC_EVENT_FAILED, reason, OMCACHE_AUTH_FAILED};
}

static struct omc_news ask_again(struct omc_link *link, const char *reason)
{
    link->cautious = true;
    return (struct omc_news){OMC_EVENT_REJECTED, reason, 0};
}

/* What the stream has to say of it is worth more than errno. */
static const char *stream_problem(const struct omc_link *link)
{
    return link->coming.problem != NULL ? link->coming.problem : link->conn.stream.problem;
}

/* Whether a server has ended a connection over which it has not been asked for TLS, and never said
 * a word on any. */
static bool is_mute(const struct omc_link *link)
{
    return link->phase == OMC_PHASE_GREETING && link->conn.bytes_in == 0 &&
           omc_tls_version(&link->conn.stream) == 0;
}

/* Whether it has said nothing to credentials: newer memcacheds close at wrong ones. */
static bool has_hung_up(const struct omc_link *link)
{
    return link->conn.has_login && omc_buffer_size(&link->conn.in.buffer) == 0;
}

/* The server does not answer what it was greeted with.  Another one can be tried if nothing
 * was asked behind that. */
static struct omc_news try_next(struct omc_link *link, const char *reason)
{
    enum omc_greeting next =
        omc_connection_has_sent(&link->conn) ? OMC_GREETING_NONE : next_to_try(link);

    link->greeting = OMC_GREETING_NONE;
    link->known = OMC_GREETING_NONE;
    if (may_be_rejection(link))
        return ask_again(link, reason);
    link->conn.apart = true; /* it may be a proxy */
    link->greeting = next;
    if (next == OMC_GREETING_NONE && has_hung_up(link))
        return deny(is_mute(link)
                        ? "closed by the server without a word: it may not like the credentials, "
                          "or speak TLS only"
                        : "closed by the server, which may not like the credentials");
    return (struct omc_news){next == OMC_GREETING_NONE ? OMC_EVENT_FAILED : OMC_EVENT_OTHER, reason,
                             0};
}

struct omc_news omc_protocol_read_answer(struct omc_link *link)
{
    const char *problem = NULL;

    switch (omc_connection_read_hello(&link->conn, link->greeting, &problem)) {
    case OMC_HELLO_MORE:
        return no_news;
    case OMC_HELLO_GOOD:
        return accept_greeting(link, link->greeting);
    case OMC_HELLO_TEXT:
        link->conn.apart = false;
        if (may_be_text(link))
            return accept_greeting(link, OMC_GREETING_VERSION);
        problem = "the server does not speak the meta protocol, as memcached does since 1.6.10";
        if (protocol_for(link) != OMCACHE_PROTOCOL_META)
            return try_next(link, problem);
        link->known = OMC_GREETING_NONE;
        break;
    case OMC_HELLO_OTHER:
        return try_next(link, "what came is no answer in a protocol of memcached");
    case OMC_HELLO_REFUSED:
        break;
    case OMC_HELLO_DENIED:
        link->greeting = OMC_GREETING_NONE;
        return deny(problem);
    }
    link->greeting = OMC_GREETING_NONE;
    return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
}

/* The connection has ended, for that reason. */
static struct omc_news end_connection(struct omc_link *link, const char *reason)
{
    if (may_be_rejection(link))
        return ask_again(link, reason);
    if (link->phase == OMC_PHASE_GREETING)
        return try_next(link, reason);
    return (struct omc_news){OMC_EVENT_FAILED, reason, 0};
}

struct omc_news omc_protocol_closed(struct omc_link *link)
{
    return end_connection(link, is_mute(link)
                                    ? "closed by the server without a word: it may speak TLS only"
                                    : "closed by the server");
}

bool omc_protocol_has_last_words(const struct omc_link *link, int error)
{
    return (error == EPIPE || error == ECONNRESET) && stream_problem(link) == NULL &&
           omc_stream_look(&link->conn.stream) > 0;
}

struct omc_news omc_protocol_error(struct omc_link *link, int error)
{
    const char *problem = stream_problem(link);

    if (problem != NULL) /* it is the same with any greeting */
        return (struct omc_news){OMC_EVENT_FAILED, problem, 0};
    if (error == ECONNRESET && is_mute(link))
        return end_connection(link,
                              "Connection reset by peer, without a word: it may speak TLS only");
    if (error == ECONNRESET || error == EPIPE)
        return end_connection(link, strerror(error));
    if (omc_errors_is_shortage(error, NULL))
        return omc_shortage_news(link, error);
    return (struct omc_news){OMC_EVENT_FAILED, strerror(error), 0};
}
