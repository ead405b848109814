/*
 * The requests of the text protocol, for its codec.
 */
#ifndef OMC_PROTO_TEXT_REQUEST_H
#define OMC_PROTO_TEXT_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/codec.h"
#include "proto/request.h"

size_t omc_text_request_head_size(const omcache_req_t *req, size_t prefix_len);
size_t omc_text_request_encode_head(unsigned char *out, const omcache_req_t *req,
                                    struct omc_prefix prefix, uint32_t opaque);
size_t omc_text_request_decode(const unsigned char *bytes, uint8_t opcode,
                               struct omc_scratch *scratch, omcache_req_t *req);

#endif
