/*
 * Outcomes of requests.
 */
#include "client/outcome.h"

#include "client/batch.h"
#include "client/completion.h"
#include "client/counters.h"
#include "client/delivery.h"
#include "client/handle.h"
#include "client/losses.h"
#include "client/operation.h"
#include "proto/opcode.h"

enum {
    WORDS_MAX = 100, /* that the log has of a server */
};

bool omc_outcome_fits(omcache_t *mc, const struct omc_pending *pending,
                      const struct omc_reply *reply)
{
    switch (pending->claim.owner) {
    case OMC_OWNER_BATCH:
        return omc_batch_fits(&mc->batch, pending->claim.tag, reply);
    case OMC_OWNER_OPERATION:
        return omc_operation_fits(pending->claim.operation, reply);
    default:
        return true;
    }
}

/* What a server has against a request is for people to read. */
static void note_words(omcache_t *mc, const struct omc_server *server,
                       const struct omc_reply *reply)
{
    size_t len = reply->value.data_len < WORDS_MAX ? reply->value.data_len : WORDS_MAX;

    if (len > 0)
        omc_log(&mc->log, OMC_LOG_NOTICE, "%s:%s: a request was refused: %.*s", server->name.host,
                server->name.port, (int)len, (const char *)reply->value.data);
}

unsigned omc_outcome_answer(omcache_t *mc, struct omc_server *server,
                            const struct omc_pending *pending, const struct omc_reply *reply)
{
    bool heard = mc->response_func != NULL;
    unsigned depth = 0;

    omc_counters_reply(&server->counters, reply, mc->usec - pending->claim.asked);
    if (reply->value.status == OMCACHE_FAIL && omc_opcode_is_meta(reply->opcode))
        note_words(mc, server, reply);
    switch (pending->claim.owner) {
    case OMC_OWNER_BATCH:
        depth = omc_delivery_of_answer(mc, pending->claim.tag, reply);
        if (depth == 0 && !heard)
            omc_losses_note(mc, server, reply->value.status, 1);
        break;
    case OMC_OWNER_OPERATION:
        depth = omc_completion_reply(mc, pending->claim.operation, server, reply);
        break;
    case OMC_OWNER_NOBODY:
        omc_losses_note(mc, server, reply->value.status, 1);
        break;
    }
    return depth;
}

void omc_outcome_silence(omcache_t *mc, struct omc_server *server,
                         const struct omc_pending *pending)
{
    omc_counters_silence(&server->counters, pending->ask.op);
    if (pending->claim.owner == OMC_OWNER_BATCH)
        omc_batch_settle(&mc->batch, pending->claim.tag);
    else if (pending->claim.owner == OMC_OWNER_OPERATION)
        omc_operation_end(&mc->operations, pending->claim.operation,
                          omc_opcode_is_get(pending->ask.op) ? OMCACHE_NOT_FOUND : OMCACHE_OK);
}

void omc_outcome_failure(omcache_t *mc, struct omc_server *server,
                         const struct omc_pending *pending, int status)
{
    if (pending->claim.owner == OMC_OWNER_OPERATION)
        omc_operation_end(&mc->operations, pending->claim.operation, status);
    else if (status == OMCACHE_CANCELLED)
        return; /* with the handle; or it is another process's */
    else if (pending->claim.owner == OMC_OWNER_NOBODY ||
             (pending->claim.owner == OMC_OWNER_BATCH &&
              !omc_batch_fail(&mc->batch, server, pending->claim.tag, status)))
        omc_losses_note(mc, server, status, 1);
}
