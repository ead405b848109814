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
#include "link/counters.h"
#include "proto/opcode.h"

enum {
    WORDS_MAX = 100, /* that the log has of a server */
};

static const unsigned char *find_key(void *context, const struct omc_claim *claim, size_t *len)
{
    omcache_t *mc = context;

    if (claim->owner == OMC_OWNER_BATCH)
        return omc_batch_key(&mc->batch, claim->tag, len);
    if (claim->owner != OMC_OWNER_OPERATION)
        return NULL;
    *len = claim->operation->key_len;
    return claim->operation->key;
}

static bool await(void *context, const struct omc_claim *claim)
{
    omcache_t *mc = context;

    return claim->owner == OMC_OWNER_OPERATION ||
           (claim->owner == OMC_OWNER_BATCH && omc_batch_is_awaited(&mc->batch, claim->tag));
}

struct omc_askers omc_outcome_askers(omcache_t *mc)
{
    return (struct omc_askers){mc, find_key, await};
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
                            const struct omc_report *report)
{
    const struct omc_reply *reply = &report->reply;
    const struct omc_claim *claim = &report->claim;
    bool heard = mc->response_func != NULL;
    unsigned depth = 0;

    omc_counters_reply(&server->link.counters, reply, mc->shared.usec - claim->asked);
    if (reply->value.status == OMCACHE_FAIL && omc_opcode_is_meta(reply->opcode))
        note_words(mc, server, reply);
    switch (claim->owner) {
    case OMC_OWNER_BATCH:
        depth = omc_delivery_of_answer(mc, claim->tag, reply);
        if (depth == 0 && !heard)
            omc_losses_note(mc, server, reply->value.status, 1);
        break;
    case OMC_OWNER_OPERATION:
        depth = omc_completion_reply(mc, claim->operation, server, reply);
        break;
    case OMC_OWNER_NOBODY:
        omc_losses_note(mc, server, reply->value.status, 1);
        break;
    }
    return depth;
}

void omc_outcome_silence(omcache_t *mc, struct omc_server *server, const struct omc_report *report)
{
    const struct omc_claim *claim = &report->claim;

    omc_counters_silence(&server->link.counters, report->op);
    if (claim->owner == OMC_OWNER_BATCH)
        omc_batch_settle(&mc->batch, claim->tag);
    else if (claim->owner == OMC_OWNER_OPERATION)
        omc_operation_end(&mc->operations, claim->operation,
                          omc_opcode_is_get(report->op) ? OMCACHE_NOT_FOUND : OMCACHE_OK);
}

void omc_outcome_failure(omcache_t *mc, struct omc_server *server, const struct omc_claim *claim,
                         int status)
{
    if (claim->owner == OMC_OWNER_OPERATION)
        omc_operation_end(&mc->operations, claim->operation, status);
    else if (status == OMCACHE_CANCELLED)
        return; /* with the handle; or it is another process's */
    else if (claim->owner == OMC_OWNER_NOBODY ||
             (claim->owner == OMC_OWNER_BATCH &&
              !omc_batch_fail(&mc->batch, server, claim->tag, status)))
        omc_losses_note(mc, server, status, 1);
}
