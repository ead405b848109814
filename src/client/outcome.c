/*
 * Outcomes of requests.
 */
#include "client/outcome.h"

#include "client/batch.h"
#include "client/completion.h"
#include "client/delivery.h"
#include "client/handle.h"
#include "client/losses.h"
#include "client/operation.h"
#include "proto/opcode.h"

enum {
    WORDS_MAX = 100, /* that the log has of a server */
};

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
                            const struct omc_report *report)
{
    const struct omc_reply *reply = &report->reply;
    const struct omc_claim *claim = &report->claim;
    bool heard = mc->response_func != NULL;
    unsigned depth = 0;

    if (reply->value.status == OMCACHE_FAIL && omc_opcode_is_meta(reply->opcode))
        note_words(mc, server, reply);
    switch (claim->owner) {
    case OMC_OWNER_BATCH:
        depth = omc_delivery_of_answer(mc, claim->asker, reply);
        if (depth == 0 && !heard)
            omc_losses_note(mc, server, reply->value.status, 1);
        break;
    case OMC_OWNER_OPERATION:
        depth = omc_completion_reply(mc, omc_operation_of(claim->asker), server, reply);
        break;
    case OMC_OWNER_NOBODY:
        omc_losses_note(mc, server, reply->value.status, 1);
        break;
    }
    return depth;
}

void omc_outcome_silence(omcache_t *mc, const struct omc_report *report)
{
    const struct omc_claim *claim = &report->claim;
    struct omc_batch *batch;

    if (claim->owner == OMC_OWNER_OPERATION) {
        omc_operation_end(&mc->operations, omc_operation_of(claim->asker),
                          omc_opcode_is_get(report->op) ? OMCACHE_NOT_FOUND : OMCACHE_OK);
        return;
    }
    batch = omc_batch_of(&mc->batch, claim->asker);
    if (batch != NULL)
        omc_batch_settle(batch, claim->asker);
}

void omc_outcome_failure(omcache_t *mc, struct omc_server *server, const struct omc_claim *claim,
                         int status)
{
    struct omc_batch *batch;

    if (claim->owner == OMC_OWNER_OPERATION) {
        omc_operation_end(&mc->operations, omc_operation_of(claim->asker), status);
        return;
    }
    if (claim->owner == OMC_OWNER_GONE)
        return;
    batch = omc_batch_of(&mc->batch, claim->asker);
    if (status == OMCACHE_CANCELLED && claim->asker != NULL)
        claim->asker->link = NULL; /* it goes with the handle; or it is another process's */
    else if (batch != NULL)
        omc_batch_fail(batch, server, claim->asker, status);
    else if (status != OMCACHE_CANCELLED)
        omc_losses_note(mc, server, status, 1);
}
