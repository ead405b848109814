/*
 * The phases of a link, as a table: what follows which phase on which event, and what is to be
 * done on the way.
 *
 *     REST --START--> FINDING --RESOLVED--> DIALLING --CONNECTED--> SECURING --SECURED-->
 *     GREETING --VERIFIED--> READY
 *
 * What fails on that way leads back to REST.  Beside its phase a link is up, and takes requests, or
 * it is down: since it failed before it proved itself, or kept everybody waiting for its first
 * connection, until it gets READY.
 */
#ifndef OMC_LINK_PHASE_H
#define OMC_LINK_PHASE_H

#include <stdbool.h>

enum omc_phase {
    OMC_PHASE_REST,     /* nothing goes on; if it is down, for a pause */
    OMC_PHASE_FINDING,  /* its name is being looked up */
    OMC_PHASE_DIALLING, /* a connection is being made, */
    OMC_PHASE_SECURING, /* and now made safe; over at once if it is plain */
    OMC_PHASE_GREETING, /* connected, the hello not yet answered */
    OMC_PHASE_READY,
    OMC_PHASE_COUNT
};

enum omc_event {
    OMC_EVENT_NONE,      /* nothing has happened */
    OMC_EVENT_START,     /* a connection is wanted */
    OMC_EVENT_RESOLVED,  /* its addresses are known */
    OMC_EVENT_CONNECTED, /* the attempt to connect succeeded */
    OMC_EVENT_SECURED,   /* it can be written to and read from */
    OMC_EVENT_VERIFIED,  /* the hello was answered */
    OMC_EVENT_OTHER,     /* it speaks another protocol than it was asked in */
    OMC_EVENT_FAILED,    /* the peer, the network or a deadline ended it */
    OMC_EVENT_REJECTED,  /* the same, perhaps for a request behind the hello */
    OMC_EVENT_USELESS,   /* the same, as some before it, and none of them had answered a request */
    OMC_EVENT_REPLACED,  /* it kept silent while a second connection was answered */
    OMC_EVENT_DOUBTED,   /* there is no connection yet, and nobody is to wait for it any more */
    OMC_EVENT_STARVED,   /* we lack descriptors or the like, and the peer is not to blame */
    OMC_EVENT_DISCARD,   /* we end it, and the peer is not to blame */
    OMC_EVENT_COUNT
};

enum omc_action {
    OMC_ACTION_NONE,
    OMC_ACTION_RESOLVE,
    OMC_ACTION_CONNECT,
    OMC_ACTION_REOPEN,  /* connect anew; nothing was lost */
    OMC_ACTION_SECURE,  /* make the connection safe */
    OMC_ACTION_GREET,   /* send the hello */
    OMC_ACTION_WELCOME, /* start using it; it is up */
    OMC_ACTION_CLOSE,   /* close, failing what it had to do */
    OMC_ACTION_REPLACE, /* close likewise, and go on with the second connection */
    OMC_ACTION_LEAVE,   /* go on, but it is down: what it had to do goes elsewhere or fails */
    OMC_ACTION_STARVE,  /* close, and nothing of what it had to do goes elsewhere */
    OMC_ACTION_DISABLE, /* close; it is down, and left alone for a while */
};

/* What has happened to a link, to be gone on with. */
struct omc_news {
    enum omc_event event;
    const char *reason; /* why, for the log; a static string, or what strerror gave last */
    int error;          /* of OMC_EVENT_STARVED: the errno that tells of what; of OMC_EVENT_FAILED:
                         * how requests end by it, 0: as the server fails */
};

struct omc_transition {
    enum omc_phase next;
    enum omc_action action;
};

/* What follows for a link that is up, or not. */
struct omc_transition omc_phase_next(enum omc_phase phase, bool up, enum omc_event event);

/* Whether a link in that phase is on its way to a connection that can be used; and whether it has
 * one, which can be written to and read from. */
static inline bool omc_phase_is_connecting(enum omc_phase phase)
{
    return phase > OMC_PHASE_REST && phase < OMC_PHASE_GREETING;
}

static inline bool omc_phase_is_connected(enum omc_phase phase)
{
    return phase >= OMC_PHASE_GREETING;
}

#endif
