/*
 * Queueing requests; see enqueue.h.
 */
#include "client/enqueue.h"

#include <stdint.h>

#include "base/copy.h"
#include "client/handle.h"
#include "client/outcome.h"
#include "client/touch.h"
#include "link/protocol.h"
#include "link/work.h"

void omc_enqueue_note(omcache_t *mc, struct omc_server *server)
{
    if (server->unsent && (server->touched || (server->active && omc_work_events(&server->link) ==
                                                                     server->link.watch.events)))
        return; /* another one was noted, and has not been sent */
    if (omc_connection_is_busy(&server->link.conn) &&
        omc_connection_is_unfinished(&server->link.conn))
        omc_touch_note_unsent(&mc->fleet, server);
    omc_touch_server(&mc->fleet, server);
}

static int submit(struct omc_server *server, const struct omc_ask *ask,
                  const struct omc_claim *claim, size_t limit, enum omc_enqueue_bytes bytes)
{
    struct omc_link *link = &server->link;

    if (!omc_stream_is_open(&link->conn.stream) && !omc_protocol_carries(link, ask))
        return OMCACHE_INVALID;
    if (bytes == OMC_ENQUEUE_BORROW)
        return omc_link_submit(link, ask, claim, limit);
    return omc_link_submit_copy(link, ask, claim, limit);
}

/* The key that is sent is nobody's, and so must be copied. */
static int submit_prefixed(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                           const struct omc_claim *claim)
{
    const struct omc_key_rules *rules = &mc->fleet.routing.keys;
    struct omc_claim prefixed_claim = *claim;
    struct omc_ask prefixed = *ask;
    unsigned char joined[OMC_ASK_KEY_MAX];

    omc_copy_bytes(joined, rules->prefix, rules->prefix_len);
    omc_copy_bytes(joined + rules->prefix_len, ask->key, ask->key_len);
    prefixed.key = joined;
    prefixed.key_len = (uint8_t)(rules->prefix_len + ask->key_len);
    prefixed_claim.prefix_len = (uint8_t)rules->prefix_len;
    prefixed_claim.prefix_hashed = rules->hash_prefix;
    return submit(server, &prefixed, &prefixed_claim, mc->send_limit, OMC_ENQUEUE_COPY);
}

int omc_enqueue(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                const struct omc_claim *claim, enum omc_enqueue_bytes bytes)
{
    if (omc_enqueue_prefix_len(mc, ask) > 0)
        return submit_prefixed(mc, server, ask, claim);
    return submit(server, ask, claim, mc->send_limit, bytes);
}

int omc_enqueue_again(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      const struct omc_claim *claim)
{
    int rc = submit(server, ask, claim, SIZE_MAX, OMC_ENQUEUE_COPY);

    if (rc == OMCACHE_OK)
        omc_enqueue_note(mc, server);
    return rc;
}

/* A fence may go with them that was for others, too: so there is one to be made again. */
bool omc_enqueue_keep(omcache_t *mc, struct omc_server *server)
{
    struct omc_connection *conn = &server->link.conn;
    bool taken = false;

    for (; !omc_connection_keep(conn); taken = true) {
        const struct omc_pending pending = *omc_queue_last(&conn->queue);

        if (pending.half)
            return false;
        omc_connection_take_back(conn);
        if (!omc_queue_is_fence(&pending))
            omc_outcome_failure(mc, server, &pending.claim, OMCACHE_NO_MEMORY);
    }
    if (taken)
        omc_enqueue_note(mc, server);
    return true;
}
