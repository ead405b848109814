/*
 * A look at all that is kept although it could be derived, in builds for tests: whether it
 * is what it would be if it were derived now.  If not the program stops there.
 */
#ifndef OMC_CLIENT_AUDIT_H
#define OMC_CLIENT_AUDIT_H

#include "omcache.h"

/* When no call is under way. */
#ifdef OMC_AUDIT
void omc_audit(omcache_t *mc);
#else
static inline void omc_audit(omcache_t *mc)
{
    (void)mc;
}
#endif

#endif
