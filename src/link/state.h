/*
 * The life of a server's connection, as a table: what follows which state on
 * which event, and what is to be done on the way.
 *
 * A server that takes requests is idle, being looked up, connecting, in its
 * handshake, or ready.
 * One that failed before it proved itself is down: it takes none until a
 * reconnect, tried when its time has come, ends in a successful handshake.  So is one that
 * keeps everybody waiting for its first connection, until there is one.
 */
#ifndef OMC_LINK_STATE_H
#define OMC_LINK_STATE_H

#include <stdbool.h>

enum omc_state {
    OMC_STATE_IDLE,
    OMC_STATE_RESOLVING, /* its name is being looked up */
    OMC_STATE_CONNECTING,
    OMC_STATE_HANDSHAKE, /* connected, the hello not yet answered */
    OMC_STATE_READY,
    OMC_STATE_DOWN,
    OMC_STATE_RERESOLVING,  /* as resolving, */
    OMC_STATE_RECONNECTING, /* connecting and */
    OMC_STATE_REVERIFYING,  /* handshake, but taking no requests */
    OMC_STATE_COUNT
};

enum omc_event {
    OMC_EVENT_NONE,      /* nothing has happened */
    OMC_EVENT_START,     /* a connection is wanted */
    OMC_EVENT_RESOLVED,  /* its addresses are known */
    OMC_EVENT_CONNECTED, /* the attempt to connect succeeded */
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
    OMC_ACTION_GREET,   /* send the hello */
    OMC_ACTION_WELCOME, /* start using it */
    OMC_ACTION_CLOSE,   /* close, failing what it had to do */
    OMC_ACTION_REPLACE, /* close likewise, and go on with the second connection */
    OMC_ACTION_LEAVE,   /* go on, but what it had to do goes elsewhere or fails */
    OMC_ACTION_STARVE,  /* the same, and nothing of it goes elsewhere */
    OMC_ACTION_DISABLE, /* close likewise, and leave it alone for a while */
};

/* What has happened to a server, for whoever looks after it to act on. */
struct omc_news {
    enum omc_event event;
    const char *reason; /* why, for the log; a static string, or what strerror gave last */
    int error;          /* of OMC_EVENT_STARVED: the errno that tells of what */
};

struct omc_transition {
    enum omc_state next;
    enum omc_action action;
};

struct omc_transition omc_state_next(enum omc_state state, enum omc_event event);

/* Takes requests. */
static inline bool omc_state_is_up(enum omc_state state)
{
    return state < OMC_STATE_DOWN;
}

/* Waits for its addresses. */
static inline bool omc_state_is_resolving(enum omc_state state)
{
    return state == OMC_STATE_RESOLVING || state == OMC_STATE_RERESOLVING;
}

/* Waits for connect() to end. */
static inline bool omc_state_is_connecting(enum omc_state state)
{
    return state == OMC_STATE_CONNECTING || state == OMC_STATE_RECONNECTING;
}

/* Waits for the answer to the hello. */
static inline bool omc_state_is_handshake(enum omc_state state)
{
    return state == OMC_STATE_HANDSHAKE || state == OMC_STATE_REVERIFYING;
}

/* Can be written to and read from. */
static inline bool omc_state_is_connected(enum omc_state state)
{
    return state == OMC_STATE_READY || omc_state_is_handshake(state);
}

#endif
