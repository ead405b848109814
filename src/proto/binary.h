/*
 * memcached's binary protocol.
 */
#ifndef OMC_PROTO_BINARY_H
#define OMC_PROTO_BINARY_H

#include "proto/codec.h"

enum {
    OMC_BINARY_HEADER_SIZE = 24,
};

extern const struct omc_codec omc_binary_codec;

/* For requests that wait until it is known in which protocol they are sent: any
 * request in the same form, also those that the binary protocol cannot carry. */
extern const struct omc_codec omc_binary_waiting;

#endif
