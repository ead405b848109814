/*
 * The table of phases.
 */
#include "link/phase.h"

#define PHASE(name) OMC_PHASE_##name
#define ON(event, phase, action) [OMC_EVENT_##event] = {OMC_PHASE_##phase, OMC_ACTION_##action}

/* What is not here changes nothing. */
static const struct omc_transition table[OMC_PHASE_COUNT][OMC_EVENT_COUNT] = {
    [PHASE(REST)] = {ON(START, FINDING, RESOLVE), ON(DISCARD, REST, CLOSE)},
    [PHASE(FINDING)] = {ON(RESOLVED, DIALLING, CONNECT), ON(FAILED, REST, DISABLE),
                        ON(DOUBTED, FINDING, LEAVE), ON(STARVED, REST, STARVE),
                        ON(DISCARD, REST, CLOSE)},
    [PHASE(DIALLING)] = {ON(CONNECTED, SECURING, SECURE), ON(FAILED, REST, DISABLE),
                         ON(DOUBTED, DIALLING, LEAVE), ON(STARVED, REST, STARVE),
                         ON(DISCARD, REST, CLOSE)},
    [PHASE(SECURING)] = {ON(SECURED, GREETING, GREET), ON(FAILED, REST, DISABLE),
                         ON(DOUBTED, SECURING, LEAVE), ON(STARVED, REST, STARVE),
                         ON(DISCARD, REST, CLOSE)},
    [PHASE(GREETING)] = {ON(OTHER, FINDING, REOPEN), ON(VERIFIED, READY, WELCOME),
                         ON(FAILED, REST, DISABLE), ON(REJECTED, REST, CLOSE),
                         ON(STARVED, REST, STARVE), ON(DISCARD, REST, CLOSE)},
    [PHASE(READY)] = {ON(FAILED, REST, CLOSE), ON(USELESS, REST, DISABLE),
                      ON(REPLACED, GREETING, REPLACE), ON(STARVED, REST, STARVE),
                      ON(DISCARD, REST, CLOSE)},
};

struct omc_transition omc_phase_next(enum omc_phase phase, bool up, enum omc_event event)
{
    struct omc_transition transition = table[phase][event];

    if (event == OMC_EVENT_DOUBTED && !up) /* it has left everything already */
        transition.action = OMC_ACTION_NONE;
    if (transition.action == OMC_ACTION_NONE)
        transition.next = phase;
    return transition;
}
