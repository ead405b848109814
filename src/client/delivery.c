/*
 * Handing out the outcomes of batches; see delivery.h.
 */
#include "client/delivery.h"

#include "client/handle.h"
#include "client/losses.h"
#include "client/respond.h"

/* Stores a value if there is room; without any, nobody asked for values. */
static bool store_value(omcache_t *mc, struct omc_batch *batch, const omcache_value_t *value)
{
    struct omc_sink *sink = &batch->sink;

    if (sink->stored < sink->room) {
        sink->values[sink->stored++] = *value;
        return true;
    }
    if (sink->room > 0 && !batch->overflowed) {
        batch->overflowed = true;
        omc_log(&mc->log, OMC_LOG_WARNING, "more answers than the %zu there is room for: dropped",
                sink->room);
    }
    return false;
}

unsigned omc_delivery_of_answer(omcache_t *mc, struct omc_asker *asker,
                                const struct omc_reply *reply)
{
    struct omc_batch *batch = omc_batch_of(&mc->batch, asker);
    bool stored;

    omc_respond(mc, &reply->value);
    if (batch == NULL)
        return 0;
    stored = batch->awaited && store_value(mc, batch, &reply->value);
    if (reply->last)
        omc_batch_settle(batch, asker);
    return stored ? batch->sink.depth : 0;
}

static void deliver_failures(omcache_t *mc, struct omc_batch *batch)
{
    for (size_t i = 0; i < batch->failures_count; i++) {
        const struct omc_asker *asker = batch->failures[i].asker;
        omcache_value_t value = {.status = batch->failures[i].status};
        bool heard = mc->response_func != NULL;

        if (asker->key != NULL) {
            value.key = asker->key;
            value.key_len = asker->key_len;
        }
        omc_respond(mc, &value);
        if (!store_value(mc, batch, &value) && !heard && batch->failures[i].server != NULL)
            omc_losses_note(mc, batch->failures[i].server, value.status, 1);
        batch->left--;
    }
    batch->failures_count = 0;
}

void omc_delivery_of_failures(omcache_t *mc)
{
    for (struct omc_batch *batch = &mc->batch; batch != NULL; batch = batch->outer)
        deliver_failures(mc, batch);
}
