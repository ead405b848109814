/*
 * Filling requests.
 */
#include "api/arguments.h"

#include "client/handle.h"
#include "proto/request.h"

bool omc_arguments_fill(const omcache_t *mc, omcache_req_t *req,
                        const struct omc_arguments *command)
{
    size_t key_len = command->key.len, extra_len = command->extra.len;
    size_t data_len = command->data.len;

    if (key_len > OMC_REQUEST_KEY_MAX || data_len > UINT32_MAX - OMC_REQUEST_KEY_MAX - extra_len)
        return false;
    *req = (omcache_req_t){
        .server_index = -1,
        .header = {.opcode = command->opcode,
                   .keylen = htobe16((uint16_t)key_len),
                   .extlen = (uint8_t)extra_len,
                   .bodylen = htobe32((uint32_t)(extra_len + key_len + data_len)),
                   .cas = htobe64(command->cas)},
        .extra = command->extra.bytes,
        .key = command->key.bytes,
        .data = command->data.bytes,
    };
    return omc_request_check(req, mc->fleet.routing.keys.prefix_len);
}
