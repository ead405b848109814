/*
 * What can be the name of a host.
 */
#ifndef OMC_NET_HOST_NAME_H
#define OMC_NET_HOST_NAME_H

#include <stdbool.h>

/* Whether it may be looked up: labels of letters, digits, - and _, with dots between
 * them, and behind the last one if the name is absolute. */
bool omc_host_name_is_valid(const char *host);

/* Whether it is this machine's own, in every network: RFC 6761, section 6.3. */
bool omc_host_name_is_local(const char *host);

#endif
