/*
 * The codecs; see codecs.h.
 */
#include "link/codecs.h"

#include "omcache.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/text.h"

const struct omc_codec *omc_codecs_find(int protocol)
{
    switch (protocol) {
    case OMCACHE_PROTOCOL_META:
        return &omc_meta_codec;
    case OMCACHE_PROTOCOL_TEXT:
        return &omc_text_codec;
    case OMCACHE_PROTOCOL_BINARY:
        return &omc_binary_codec;
    default:
        return NULL;
    }
}
