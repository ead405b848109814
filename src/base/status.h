/*
 * Texts of the return codes: the list behind omcache_strerror.
 */
#ifndef OMC_BASE_STATUS_H
#define OMC_BASE_STATUS_H

/* A static string; "Unknown" for what is no code. */
const char *omc_status_text(int status);

#endif
