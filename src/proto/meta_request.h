/*
 * The requests of the meta protocol, for its codec.
 */
#ifndef OMC_PROTO_META_REQUEST_H
#define OMC_PROTO_META_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ask.h"

bool omc_meta_request_accept(struct omc_ask *ask);
size_t omc_meta_request_key_offset(const struct omc_ask *ask);
unsigned char *omc_meta_request_encode(unsigned char *out, const struct omc_ask *ask,
                                       uint32_t number);

#endif
