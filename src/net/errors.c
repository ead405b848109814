/*
 * Telling errors of this side from those of the peer; see errors.h.
 */
#include "net/errors.h"

#include <errno.h>
#include <stddef.h>

/* IPv6 has no address to connect from where it is not set up: that does not pass. */
bool omc_errors_is_shortage(int error, const struct omc_address *address)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
           (error == EADDRNOTAVAIL && address != NULL && address->storage.any.sa_family == AF_INET);
}
