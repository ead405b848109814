/*
 * The first words on a connection.  They prove that the peer is a memcached, and
 * find out which protocols it speaks.
 *
 * A hello has at least 24 bytes: a server that waits for the header of a binary
 * request would keep silent after less, and closes after so many that are none.
 */
#ifndef OMC_PROTO_HELLO_H
#define OMC_PROTO_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

enum {
    OMC_HELLO_MAX = 48,
};

/* What is said first.  In the order in which they are tried where nothing is known. */
enum omc_greeting {
    OMC_GREETING_NONE,
    OMC_GREETING_META,
    OMC_GREETING_VERSION, /* text, to all that know this command; proxies answer it themselves */
    OMC_GREETING_GET,     /* text, to proxies that close at that */
    OMC_GREETING_BINARY,
    OMC_GREETING_COUNT
};

/* The OMCACHE_PROTOCOL_* that it is for; AUTO for none. */
int omc_hello_protocol(enum omc_greeting greeting);

enum omc_hello {
    OMC_HELLO_MORE,    /* the answer is not all there yet */
    OMC_HELLO_GOOD,    /* it speaks the protocol */
    OMC_HELLO_TEXT,    /* it understood words of meta, but speaks no more than classic text */
    OMC_HELLO_OTHER,   /* it speaks something else, if anything */
    OMC_HELLO_REFUSED, /* it speaks the protocol, but not with us: *problem says why */
};

/* Writes a greeting; how many bytes.  The number is its opaque in binary, and a part of the
 * key that a get asks for, which nobody is to foresee. */
size_t omc_hello_write(unsigned char out[OMC_HELLO_MAX], enum omc_greeting greeting,
                       uint32_t number);

/* Reads the answer at the start of len bytes.  If it is complete, *used is how many
 * bytes it has. */
enum omc_hello omc_hello_read(const unsigned char *bytes, size_t len, enum omc_greeting greeting,
                              uint32_t number, size_t *used, const char **problem);

#endif
