/*
 * How long a server that keeps failing is left alone: longer each time, never as
 * long as the others that wait for the same server.
 */
#ifndef OMC_LINK_BACKOFF_H
#define OMC_LINK_BACKOFF_H

#include <stdint.h>

/* The pause in milliseconds after so many failures in a row: between half and all
 * of cap / 8, cap / 4, cap / 2, and then of cap.  *random is advanced. */
uint32_t omc_backoff_pause(uint32_t failures, uint32_t cap, uint32_t *random);

#endif
