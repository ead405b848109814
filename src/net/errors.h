/*
 * What the errno of a call on a socket is about.
 */
#ifndef OMC_NET_ERRORS_H
#define OMC_NET_ERRORS_H

#include <stdbool.h>

#include "net/address.h"

/* Whether it tells of what has run out on this side, and nothing of the peer; it is that of
 * an attempt to connect to an address, or with NULL of any other call. */
bool omc_errors_is_shortage(int error, const struct omc_address *address);

#endif
