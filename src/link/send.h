/*
 * Writing what a connection has to say: the hello, and the requests that wait.  They are encoded
 * now, a run of them at a time, and small values are copied behind their heads; large ones are
 * sent from where they are.
 */
#ifndef OMC_LINK_SEND_H
#define OMC_LINK_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/connection.h"

/* For omc_send: write one run of requests, encoded into so much memory (NULL: on the stack); and
 * run after run, with much memory if there is some. */
bool omc_send_run(struct omc_connection *conn, unsigned char *memory, size_t size, int64_t now);
bool omc_send_runs(struct omc_connection *conn, int64_t now);

/* Writes what may be written and the kernel takes; false with errno if the connection failed. */
static inline bool omc_send(struct omc_connection *conn, int64_t now)
{
    uint32_t waiting = omc_queue_next(&conn->queue) - conn->begun + (conn->partly > 0);

    return waiting > 1 ? omc_send_runs(conn, now) : omc_send_run(conn, NULL, 0, now);
}

/* Writes a request, which was accepted, before it is queued, on a connection with nothing else to
 * be written; *given becomes its size.  As omc_stream_send.  If it is then queued,
 * omc_send_note_ahead is to be told how much the kernel took. */
ssize_t omc_send_ahead(struct omc_connection *conn, const struct omc_ask *ask, size_t *given);
void omc_send_note_ahead(struct omc_connection *conn, size_t taken, int64_t now);

#endif
