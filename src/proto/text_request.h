/*
 * The requests of the text protocol, for its codec.
 */
#ifndef OMC_PROTO_TEXT_REQUEST_H
#define OMC_PROTO_TEXT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/ask.h"

bool omc_text_request_accept(struct omc_ask *ask);
unsigned char *omc_text_request_encode(unsigned char *out, const struct omc_ask *ask,
                                       uint32_t number);

/* Gets of one kind can share a line. */
bool omc_text_request_joins(const struct omc_ask *before, const struct omc_ask *ask);
unsigned char *omc_text_request_join(unsigned char *out, const struct omc_ask *ask);

#endif
