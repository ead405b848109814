/*
 * The state table.
 */
#include "core/state.h"

#define STATE(name) OMC_STATE_##name
#define TO(state, action)                      \
    {                                          \
        OMC_STATE_##state, OMC_ACTION_##action \
    }

/* In the order of the events: start, connected, verified, failed, discard. */
static const struct omc_transition table[OMC_STATE_COUNT][OMC_EVENT_COUNT] = {
    [STATE(IDLE)] = {TO(CONNECTING, CONNECT), TO(IDLE, NONE), TO(IDLE, NONE), TO(IDLE, NONE),
                     TO(IDLE, CLOSE)},
    [STATE(CONNECTING)] = {TO(CONNECTING, NONE), TO(HANDSHAKE, GREET), TO(CONNECTING, NONE),
                           TO(DOWN, DISABLE), TO(IDLE, CLOSE)},
    [STATE(HANDSHAKE)] = {TO(HANDSHAKE, NONE), TO(HANDSHAKE, NONE), TO(READY, WELCOME),
                          TO(DOWN, DISABLE), TO(IDLE, CLOSE)},
    [STATE(READY)] = {TO(READY, NONE), TO(READY, NONE), TO(READY, NONE), TO(IDLE, CLOSE),
                      TO(IDLE, CLOSE)},
    [STATE(DOWN)] = {TO(RECONNECTING, CONNECT), TO(DOWN, NONE), TO(DOWN, NONE), TO(DOWN, NONE),
                     TO(DOWN, NONE)},
    [STATE(RECONNECTING)] = {TO(RECONNECTING, NONE), TO(REVERIFYING, GREET), TO(RECONNECTING, NONE),
                             TO(DOWN, DISABLE), TO(DOWN, DISABLE)},
    [STATE(REVERIFYING)] = {TO(REVERIFYING, NONE), TO(REVERIFYING, NONE), TO(READY, WELCOME),
                            TO(DOWN, DISABLE), TO(DOWN, DISABLE)},
};

struct omc_transition omc_state_next(enum omc_state state, enum omc_event event)
{
    return table[state][event];
}
