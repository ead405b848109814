/*
 * The rules a request must keep before it is sent.
 */
#include "proto/request.h"

#include "proto/opcode.h"

bool omc_request_check(const omcache_req_t *req, size_t prefix_len)
{
    size_t key_len = omc_request_key_len(req);
    size_t head_len = key_len + req->header.extlen;
    size_t body_len = be32toh(req->header.bodylen);

    if (key_len > OMC_REQUEST_KEY_MAX || (key_len > 0 && req->key == NULL))
        return false;
    if (omc_opcode_needs_key(req->header.opcode) &&
        (key_len == 0 || key_len > OMC_REQUEST_KEY_MAX - prefix_len))
        return false;
    if (req->header.extlen > 0 && req->extra == NULL)
        return false;
    return body_len >= head_len && body_len <= UINT32_MAX - prefix_len &&
           (body_len == head_len || req->data != NULL);
}
