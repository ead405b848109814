/*
 * memcached's meta protocol: a line for each request and reply, with flags of one
 * letter and the number of the request, and data behind it.
 *
 * Only gets are sent with the flag that keeps the server quiet, about misses.  All
 * other requests are answered, so that an error, which has no number, can be told
 * to be theirs.
 *
 * Where the reply is to name the key, the request's number (meta_token.h) is followed by its
 * length. Servers that have got a key by the binary protocol give it back as it is, with blanks and
 * line ends if it has some, whatever form it was asked for in: knowing its length, neither can be
 * taken for a part of the reply.
 */
#ifndef OMC_PROTO_META_H
#define OMC_PROTO_META_H

#include "proto/codec.h"

extern const struct omc_codec omc_meta_codec;

#endif
