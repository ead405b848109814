/*
 * Whether and how the connections of a handle are made safe.
 */
#ifndef OMC_CLIENT_SECURITY_H
#define OMC_CLIENT_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/handle.h"
#include "net/tls.h"
#include "omcache.h"

struct omcache_tls_s {
    struct omc_tls_choice choice; /* its strings are its own */
};

omcache_tls_t *omc_security_new(void);
void omc_security_free(omcache_tls_t *tls);

/* Puts a copy of text (NULL: nothing) in the place of a string of the choice; false without memory.
 */
bool omc_security_set_text(char **string, const char *text);

/* Has connections that are made from now on be made safe so, or not at all (NULL) unless their
 * servers' entries say so, which then have the defaults.  OMCACHE_OK; OMCACHE_INVALID, with a log
 * line, if that cannot be; or OMCACHE_NO_MEMORY. */
int omc_security_use(omcache_t *mc, const omcache_tls_t *tls);

/* Sees to it that servers which want it can have it, if nothing was chosen with the defaults: the
 * same codes. */
int omc_security_need(omcache_t *mc);

/* Tells the version of TLS that a server is spoken to over, as OMCACHE_TLS_1_2, and whether
 * its session was resumed. */
void omc_security_describe(const struct omc_server *server, int32_t *version, int32_t *resumed);

/* Frees all of it. */
void omc_security_end(omcache_t *mc);

/* Has servers be told these credentials (user NULL: none).  OMCACHE_OK, OMCACHE_INVALID or
 * OMCACHE_NO_MEMORY. */
int omc_security_set_login(omcache_t *mc, const void *user, size_t user_len, const void *password,
                           size_t password_len);

#endif
