/*
 * What is known of a server; see known.h.
 */
#include "client/known.h"

#include "client/handle.h"

int omc_known_protocol(const omcache_t *mc, const struct omc_server *server)
{
    return mc->settings.protocol != OMCACHE_PROTOCOL_AUTO ? mc->settings.protocol
                                                          : omc_hello_protocol(server->known);
}

bool omc_known_carries(const omcache_t *mc, const struct omc_server *server,
                       const struct omc_ask *ask)
{
    const struct omc_codec *codec = server->conn.codec;
    struct omc_ask copy = *ask;

    return codec == NULL || codec->protocol != omc_known_protocol(mc, server) ||
           codec->accept(&copy);
}
