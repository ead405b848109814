/*
 * Which codec speaks a protocol.
 */
#ifndef OMC_LINK_CODECS_H
#define OMC_LINK_CODECS_H

#include "proto/codec.h"

/* The codec of a protocol; NULL for OMCACHE_PROTOCOL_AUTO. */
const struct omc_codec *omc_codecs_find(int protocol);

#endif
