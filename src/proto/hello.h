/*
 * The first words on a connection.  They prove that the peer is a memcached, and
 * find out which protocols it speaks.
 *
 * A hello has at least 24 bytes: a server that waits for the header of a binary
 * request would keep silent after less, and closes after so many that are none.
 */
#ifndef OMC_PROTO_HELLO_H
#define OMC_PROTO_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

struct omc_login;

enum {
    OMC_HELLO_MAX = 48, /* bytes, without credentials */
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
    OMC_HELLO_DENIED,  /* the same, because of our credentials, or for want of any */
};

/* How much room a greeting needs, with credentials (NULL: none) in front. */
size_t omc_hello_room(const struct omc_login *login);

/* Writes a greeting; how many bytes.  The number is its opaque in binary, and a part of the
 * key that a get asks for, which nobody is to foresee. */
size_t omc_hello_write(unsigned char *out, enum omc_greeting greeting, uint32_t number,
                       const struct omc_login *login);

/* What a greeting was made of. */
struct omc_hello_asked {
    enum omc_greeting greeting;
    uint32_t number;
    bool has_login;
};

/* Reads the answer at the start of len bytes.  If it is complete, *used is how many
 * bytes it has; else 0. */
enum omc_hello omc_hello_read(const unsigned char *bytes, size_t len,
                              const struct omc_hello_asked *asked, size_t *used,
                              const char **problem);

#endif
