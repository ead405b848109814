/*
 * Requests of a closed connection.
 */
#include "link/leftovers.h"

void omc_leftovers_fini(struct omc_leftovers *leftovers)
{
    omc_queue_fini(&leftovers->queue);
    omc_buffer_fini(&leftovers->unsent);
}

bool omc_leftovers_read(const struct omc_leftovers *leftovers, const struct omc_pending *pending,
                        struct omc_scratch *scratch, omcache_req_t *req)
{
    const unsigned char *unsent;

    if (pending->start < leftovers->written)
        return false; /* and perhaps nothing is unsent, and there is no buffer */
    unsent = omc_buffer_data(&leftovers->unsent);
    leftovers->codec->decode_request(unsent + (pending->start - leftovers->written),
                                     pending->opcode, scratch, req);
    return true;
}
