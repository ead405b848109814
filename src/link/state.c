/*
 * The state table.
 */
#include "link/state.h"

#define STATE(name) OMC_STATE_##name
#define ON(event, state, action) [OMC_EVENT_##event] = {OMC_STATE_##state, OMC_ACTION_##action}

/* What is not here changes nothing. */
static const struct omc_transition table[OMC_STATE_COUNT][OMC_EVENT_COUNT] = {
    [STATE(IDLE)] = {ON(START, RESOLVING, RESOLVE), ON(DISCARD, IDLE, CLOSE)},
    [STATE(RESOLVING)] = {ON(RESOLVED, CONNECTING, CONNECT), ON(FAILED, DOWN, DISABLE),
                          ON(DOUBTED, RERESOLVING, LEAVE), ON(STARVED, IDLE, STARVE),
                          ON(DISCARD, IDLE, CLOSE)},
    [STATE(CONNECTING)] = {ON(CONNECTED, HANDSHAKE, GREET), ON(FAILED, DOWN, DISABLE),
                           ON(DOUBTED, RECONNECTING, LEAVE), ON(STARVED, IDLE, STARVE),
                           ON(DISCARD, IDLE, CLOSE)},
    [STATE(HANDSHAKE)] = {ON(OTHER, RESOLVING, REOPEN), ON(VERIFIED, READY, WELCOME),
                          ON(FAILED, DOWN, DISABLE), ON(REJECTED, IDLE, CLOSE),
                          ON(STARVED, IDLE, STARVE), ON(DISCARD, IDLE, CLOSE)},
    [STATE(READY)] = {ON(FAILED, IDLE, CLOSE), ON(USELESS, DOWN, DISABLE),
                      ON(REPLACED, HANDSHAKE, REPLACE), ON(STARVED, IDLE, STARVE),
                      ON(DISCARD, IDLE, CLOSE)},
    [STATE(DOWN)] = {ON(START, RERESOLVING, RESOLVE)},
    [STATE(RERESOLVING)] = {ON(RESOLVED, RECONNECTING, CONNECT), ON(FAILED, DOWN, DISABLE),
                            ON(STARVED, DOWN, STARVE), ON(DISCARD, DOWN, DISABLE)},
    [STATE(RECONNECTING)] = {ON(CONNECTED, REVERIFYING, GREET), ON(FAILED, DOWN, DISABLE),
                             ON(STARVED, DOWN, STARVE), ON(DISCARD, DOWN, DISABLE)},
    [STATE(REVERIFYING)] = {ON(OTHER, RERESOLVING, REOPEN), ON(VERIFIED, READY, WELCOME),
                            ON(FAILED, DOWN, DISABLE), ON(STARVED, DOWN, STARVE),
                            ON(DISCARD, DOWN, DISABLE)},
};

struct omc_transition omc_state_next(enum omc_state state, enum omc_event event)
{
    struct omc_transition transition = table[state][event];

    if (transition.action == OMC_ACTION_NONE)
        transition.next = state;
    return transition;
}
