/*
 * A link: the way to one server.  It finds the server, connects, greets it, asks and is answered,
 * and gives up.  It knows no handle: what has happened is returned by omc_life_next.
 */
#ifndef OMC_LINK_LINK_H
#define OMC_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/connection.h"
#include "link/counters.h"
#include "link/endpoint.h"
#include "link/phase.h"
#include "link/race.h"
#include "link/report.h"
#include "link/second.h"
#include "link/shared.h"
#include "link/watch.h"
#include "omcache.h"

/* What has happened and is to be gone on with, in this order. */
enum omc_todo {
    OMC_TODO_ENDING = 1,    /* to report requests of the connection before */
    OMC_TODO_NOTICE = 2,    /* to report what has happened to the connection */
    OMC_TODO_CHECK = 4,     /* to look whether the codec, which is new, can carry what waits */
    OMC_TODO_NEWS = 8,      /* to take the step that follows from an event */
    OMC_TODO_GREETING = 16, /* to write the hello */
};

/* Looking at waiting requests, whether the codec, which is new, can carry them. */
struct omc_check {
    bool quiet;    /* the one in front of the next is */
    bool refused;  /* one was */
    uint32_t next; /* its number */
};

/* Whether its connections are made safe. */
enum omc_transport {
    OMC_TRANSPORT_ANY, /* if all others are */
    OMC_TRANSPORT_PLAIN,
    OMC_TRANSPORT_TLS,
};

struct omc_link {
    struct omc_shared *shared;
    enum omc_phase phase; /* only life.c changes it, and: */
    bool up;              /* it takes requests; see phase.h */
    struct omc_connection conn;
    struct omc_watch watch; /* of its socket */
    struct omc_endpoint endpoint;
    struct omc_race race;     /* while connecting, */
    struct omc_stream coming; /* and then, open while it is made safe */
    enum omc_transport transport;
    struct omc_tls_session session;
    struct omc_address address; /* what it is connected to */
    uint64_t connection;        /* a number that the last one has and no other; 0: none yet */
    struct omc_second *second;  /* a connection beside that, while it is in doubt, or NULL */
    int64_t doubted_at;         /* when the last one of those began */
    enum omc_greeting known;    /* what the server answers, for all that is known */
    enum omc_greeting greeting; /* that of the handshake under way, or the next one, if chosen */
    bool cautious;              /* the next hello goes alone */
    bool muted;                 /* nothing is read, as who asked cannot hear more for now */
    bool has_stream;            /* it is for a dump or a watch: it speaks text, and says its hello
                                 * alone, as memcached demands of a dump */
    uint32_t failures;          /* since the last answer: attempts to connect that failed, */
    uint32_t wasted;            /* connections that proved themselves and gave no answer */
    int64_t retry_at;           /* while down: when to reconnect */
    struct omc_counters counters;

    uint8_t todo; /* bits of enum omc_todo; what goes with them: */
    struct omc_ending ending;
    struct omc_notice notice;
    struct omc_check check;
    struct omc_news news;
    bool has_new; /* requests may be sent that could not be, or are to be fenced */
    short ready;  /* what a wait has found; it was received from meanwhile */
    size_t came;  /* bytes by the last read that nobody has looked at */
};

/* One that is all zero, to be given an endpoint; the first request has that number. */
void omc_link_init(struct omc_link *link, struct omc_shared *shared, uint32_t first_number);
void omc_link_fini(struct omc_link *link);

/* Gives up the second connection, if there is one; and all sockets. */
void omc_link_drop_second(struct omc_link *link);
void omc_link_close_sockets(struct omc_link *link);

/* Whether its connections are made safe; and how they are opened. */
static inline bool omc_link_is_safe(const struct omc_link *link)
{
    return link->transport == OMC_TRANSPORT_TLS ||
           (link->transport == OMC_TRANSPORT_ANY && link->shared->tls_for_all);
}

/* Whether others could read what goes over a connection to the server. */
static inline bool omc_link_is_exposed(const struct omc_link *link, bool is_plain)
{
    return is_plain && !omc_address_is_local(&link->address);
}

static inline struct omc_tls_way omc_link_way(struct omc_link *link)
{
    return (struct omc_tls_way){omc_link_is_safe(link) ? link->shared->tls : NULL,
                                link->endpoint.host, &link->session, link->shared->problem};
}

static inline struct omc_link *omc_link_of_endpoint(struct omc_endpoint *endpoint)
{
    return (struct omc_link *)((char *)endpoint - offsetof(struct omc_link, endpoint));
}

/* Notes what has happened: an event, if there is one; and what is to be reported. */
static inline void omc_link_note_news(struct omc_link *link, struct omc_news news)
{
    if (news.event == OMC_EVENT_NONE)
        return;
    link->news = news;
    link->todo |= OMC_TODO_NEWS;
}

static inline void omc_link_note_notice(struct omc_link *link, struct omc_notice notice)
{
    link->notice = notice;
    link->todo |= OMC_TODO_NOTICE;
}

/* Notes what need not be gone on with any more: one or more of enum omc_todo. */
static inline void omc_link_note_done(struct omc_link *link, int what)
{
    link->todo &= (uint8_t)~what;
}

/* Tells who asks where a request is, if that was queued. */
static inline int omc_link_note_place(struct omc_link *link, const struct omc_claim *claim, int rc)
{
    if (rc == OMCACHE_OK && claim->asker != NULL)
        claim->asker->link = link;
    return rc;
}

/* Queues a request, as omc_connection_submit; and tells who asks where it is. */
static inline int omc_link_submit(struct omc_link *link, const struct omc_ask *ask,
                                  const struct omc_claim *claim, size_t limit)
{
    return omc_link_note_place(link, claim, omc_connection_submit(&link->conn, ask, claim, limit));
}

/* The same where omc_connection_queue will do. */
static inline int omc_link_submit_plain(struct omc_link *link, const struct omc_ask *ask,
                                        const struct omc_claim *claim, size_t limit)
{
    return omc_link_note_place(link, claim,
                               omc_connection_queue(&link->conn, ask, claim, false, limit));
}

/* The same with a copy of its bytes. */
static inline int omc_link_submit_copy(struct omc_link *link, const struct omc_ask *ask,
                                       const struct omc_claim *claim, size_t limit)
{
    return omc_link_note_place(link, claim,
                               omc_connection_submit_copy(&link->conn, ask, claim, limit));
}

/* Notes an answer to a request: its server is of use. */
static inline void omc_link_note_answer(struct omc_link *link, int64_t now)
{
    omc_connection_note_life(&link->conn, now);
    link->conn.answered = true;
    link->conn.parts = 0;
    link->failures = 0;
    link->wasted = 0;
}

#endif
