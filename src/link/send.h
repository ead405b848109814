/*
 * Writing what a connection has to say: the hello, and the requests that wait.  They are encoded
 * now, a run of them at a time, and small values are copied behind their heads; large ones are
 * sent from where they are.
 */
#ifndef OMC_LINK_SEND_H
#define OMC_LINK_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "link/connection.h"

/* Writes what may be written and the kernel takes; false with errno if the connection failed. */
bool omc_send(struct omc_connection *conn, int64_t now);

#endif
