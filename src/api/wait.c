/*
 * Waiting for one operation; see wait.h.
 */
#include "api/wait.h"

#include "api/call.h"
#include "base/clock.h"
#include "client/completion.h"
#include "client/expiry.h"
#include "client/handle.h"
#include "client/loop.h"
#include "client/submit.h"
#include "proto/opcode.h"

/* An operation of the call, for a request; NULL without memory. */
static struct omc_operation *make_operation(omcache_t *mc, const struct omc_ask *ask,
                                            int64_t deadline, struct omc_frame *frame)
{
    size_t key_len = omc_opcode_needs_key(ask->op) ? ask->key_len : 0;
    struct omc_operation *operation =
        omc_operation_new(&mc->operations, ask->key, key_len, deadline, NULL, NULL);

    if (operation != NULL)
        operation->frame = frame;
    return operation;
}

/* The operation's key goes with it, that of the request stays. */
static void set_keys(const struct omc_frame *frame, const struct omc_ask *ask)
{
    for (size_t i = 0; i < frame->count && omc_opcode_needs_key(ask->op); i++)
        frame->replies[i].key = ask->key;
}

/* The operation's own deadline ends it.  Else it ends here: there is no room for its answer beside
 * what calls have that have not returned, or the handle is being freed. */
int omc_wait_for(omcache_t *mc, const struct omc_ask *ask, int32_t timeout_msec,
                 struct omc_frame *frame)
{
    int64_t now = omc_call_clock(mc);
    struct omc_operation *operation =
        make_operation(mc, ask, omc_clock_after(now, timeout_msec), frame);
    int rc;

    if (operation == NULL)
        return OMCACHE_NO_MEMORY;
    frame->depth = mc->shared.depth;
    rc = omc_submit_operation(mc, ask, -1, operation, now);
    if (rc != OMCACHE_OK) {
        omc_operation_free(&mc->operations, operation);
        return rc;
    }
    frame->left = 1;
    omc_call_turn(mc, frame, now, OMC_CLOCK_NEVER);
    if (frame->left > 0)
        omc_completion_tell(mc); /* it may have ended since the last turn */
    if (frame->left > 0) {
        omc_expiry_abandon(mc, operation, omc_call_clock(mc));
        omc_operation_free(&mc->operations, operation);
        rc = mc->doomed ? OMCACHE_CANCELLED : OMCACHE_BUFFER_FULL;
    }
    set_keys(frame, ask);
    omc_loop_forget_stalls(mc);
    return rc;
}
