/*
 * Which codec speaks a protocol, and what can be sent before the peer has proved that it does.
 */
#ifndef OMC_LINK_CODECS_H
#define OMC_LINK_CODECS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/codec.h"

/* The codec of a protocol; of OMCACHE_PROTOCOL_AUTO that in which requests wait. */
const struct omc_codec *omc_codecs_find(int protocol);

/* Whether no peer could find a line of its own in a request, which has head_len bytes at head
 * and len in all. */
bool omc_codecs_is_harmless(const struct omc_codec *codec, const unsigned char *head,
                            size_t head_len, size_t len);

#endif
