/*
 * memcached's binary protocol.
 */
#ifndef OMC_PROTO_BINARY_H
#define OMC_PROTO_BINARY_H

#include "proto/codec.h"

extern const struct omc_codec omc_binary_codec;

#endif
