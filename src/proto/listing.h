/*
 * Requests that are answered with any number of lines, as only the text protocol has them: a dump
 * of all keys, and a watch of what happens on a server.
 */
#ifndef OMC_PROTO_LISTING_H
#define OMC_PROTO_LISTING_H

#include <stddef.h>

#include "proto/ask.h"
#include "proto/codec.h"

/* Writes a request, but for the end of the line. */
unsigned char *omc_listing_encode(unsigned char *out, const struct omc_ask *ask);

/* Reads the next line of what that request is answered with.  In a line about a key, the key is
 * decoded where it lies. */
enum omc_decode omc_listing_read(unsigned char *bytes, size_t len, const struct omc_expected *asked,
                                 struct omc_reply *reply, size_t *size);

#endif
