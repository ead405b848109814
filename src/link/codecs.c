/*
 * The codecs; see codecs.h.
 */
#include "link/codecs.h"

#include <string.h>

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
        return &omc_binary_waiting;
    }
}

/* A line of text or meta that no data follows ends only once.  In binary any byte may be a line
 * end, also one of the header: of a length, the number or a cas. */
bool omc_codecs_is_harmless(const struct omc_codec *codec, const unsigned char *head,
                            size_t head_len, size_t len)
{
    if (head_len < len || codec->protocol == OMCACHE_PROTOCOL_AUTO)
        return false;
    return codec->protocol != OMCACHE_PROTOCOL_BINARY || memchr(head, '\n', len) == NULL;
}
