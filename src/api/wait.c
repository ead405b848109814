/*
 * Waiting for operations; see wait.h.
 */
#include "api/wait.h"

#include "api/call.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/completion.h"
#include "client/expiry.h"
#include "client/handle.h"
#include "client/loop.h"
#include "client/submit.h"
#include "proto/opcode.h"

/* Begins an operation: OMCACHE_OK, or why that cannot be. */
static int begin(omcache_t *mc, struct omc_frame *frame, const struct omc_ask *ask,
                 int64_t deadline, int64_t now, struct omc_awaited *awaited)
{
    size_t key_len = omc_opcode_needs_key(ask->op) ? ask->key_len : 0;
    struct omc_operation *operation =
        omc_operation_new(&mc->operations, ask->key, key_len, deadline, NULL, awaited);
    int rc;

    if (operation == NULL)
        return OMCACHE_NO_MEMORY;
    operation->frame = frame;
    rc = omc_submit_operation(mc, ask, -1, operation, now);
    if (rc != OMCACHE_OK) {
        omc_operation_free(&mc->operations, operation);
        return rc;
    }
    awaited->operation = operation;
    frame->left++;
    return OMCACHE_OK;
}

/* Waits for those that have begun; their own deadlines end them.  Else they end here: there is no
 * room for the answers beside those of calls that have not returned, or the handle is being freed.
 */
static void finish_all(omcache_t *mc, struct omc_frame *frame, struct omc_awaited *awaited,
                       size_t count)
{
    omc_call_turn(mc, frame, omc_call_clock(mc), OMC_CLOCK_NEVER);
    if (frame->left > 0)
        omc_completion_tell(mc); /* some may have ended since the last turn */
    for (size_t i = 0; frame->left > 0 && i < count; i++) {
        struct omc_operation *operation = awaited[i].operation;

        if (operation == NULL)
            continue;
        awaited[i].operation = NULL;
        awaited[i].reply.status = mc->doomed ? OMCACHE_CANCELLED : OMCACHE_BUFFER_FULL;
        frame->left--;
        omc_expiry_abandon(mc, operation);
        omc_operation_free(&mc->operations, operation);
    }
}

/* The operations' keys go with them, those of the requests stay. */
static void set_keys(const struct omc_ask *asks, size_t count, struct omc_awaited *awaited)
{
    for (size_t i = 0; i < count; i++) {
        awaited[i].reply.key = omc_opcode_needs_key(asks[i].op) ? asks[i].key : NULL;
        awaited[i].reply.key_len = awaited[i].reply.key == NULL ? 0 : asks[i].key_len;
    }
}

int omc_wait_until(omcache_t *mc, int64_t until)
{
    struct omc_frame frame = {.depth = mc->shared.depth};
    struct omc_awaited awaited;
    struct omc_operation *operation = omc_operation_sleep(&mc->operations, until, NULL, &awaited);

    if (operation == NULL)
        return OMCACHE_NO_MEMORY;
    operation->frame = &frame;
    awaited.operation = operation;
    frame.left = 1;
    finish_all(mc, &frame, &awaited, 1);
    return awaited.reply.status;
}

/* Where there is no room for a request, there is when those before it have ended. */
void omc_wait_for(omcache_t *mc, const struct omc_ask *asks, size_t count, int32_t timeout_msec,
                  struct omc_awaited *awaited)
{
    struct omc_frame frame = {.depth = mc->shared.depth};
    int64_t now = omc_call_clock(mc), deadline = omc_clock_after(now, timeout_msec);

    for (size_t i = 0; i < count; i++) {
        int rc = OMCACHE_CANCELLED;

        awaited[i] = (struct omc_awaited){.reply.server_index = -1};
        if (!mc->doomed)
            rc = begin(mc, &frame, &asks[i], deadline, now, &awaited[i]);
        if (rc == OMCACHE_BUFFER_FULL && frame.left > 0) {
            finish_all(mc, &frame, awaited, i);
            now = omc_call_clock(mc);
            rc = mc->doomed ? OMCACHE_CANCELLED
                            : begin(mc, &frame, &asks[i], deadline, now, &awaited[i]);
        }
        awaited[i].reply.status = rc;
    }
    if (frame.left > 0)
        finish_all(mc, &frame, awaited, count);
    set_keys(asks, count, awaited);
    omc_loop_forget_stalls(mc);
}

void omc_wait_hand_out(omcache_t *mc, const omcache_reply_t *reply, unsigned char *copy,
                       const omcache_reply_t **handed_out)
{
    omc_memory_free(mc->reply_bytes);
    mc->reply_bytes = copy;
    mc->reply = *reply;
    if (handed_out != NULL)
        *handed_out = &mc->reply;
}
