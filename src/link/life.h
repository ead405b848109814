/*
 * The life of a link, from its first connection to its end: the one place where its phase changes.
 *
 * Nothing here calls anybody: what has happened is noted, and omc_life_next goes on with it.  It is
 * to be called after each of the others until it has nothing more to report.
 */
#ifndef OMC_LINK_LIFE_H
#define OMC_LINK_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "link/report.h"

/* Something happens to the link; `reason` says why, for the log. */
void omc_life_event(struct omc_link *link, enum omc_event event, const char *reason);

/* Its connection has failed with that errno while it was written to. */
void omc_life_broken(struct omc_link *link, int error);

/* Closes one that is given up; all of its requests fail with a status. */
void omc_life_end(struct omc_link *link, int status);

/* Starts to connect if it rests and has something to send; and fences its quiet requests. */
void omc_life_start(struct omc_link *link);
void omc_life_fence(struct omc_link *link);

/* Writes what the kernel takes, if there is anything to write. */
void omc_life_write(struct omc_link *link, int64_t now);

/* Reads once. */
void omc_life_receive(struct omc_link *link);

/* Goes on with connecting, after a wait or when it is time; and when the lookup of its name has
 * ended, or must be begun again. */
void omc_life_step(struct omc_link *link, int64_t now);
void omc_life_found(struct omc_link *link, int64_t now);

/* Chooses its sockets for the next wait. */
void omc_life_choose(struct omc_link *link);

/* Reports the next thing that has come of all that; false if there is nothing more. */
bool omc_life_next_news(struct omc_link *link, int64_t now, struct omc_report *report);

/* The same with answers: it reads and writes as a wait has found that it can.  The same report,
 * whose has_more is false at first, is to be used each time. */
bool omc_life_next(struct omc_link *link, int64_t now, struct omc_report *report);

/* Whether that would find nothing, as far as can be told at a glance; omc_life_rest is then to be
 * called in its place. */
static inline bool omc_life_is_through(const struct omc_link *link)
{
    return omc_buffer_size(&link->conn.in.buffer) == 0 && (link->ready | link->watch.ready) == 0 &&
           link->todo == 0;
}

static inline void omc_life_rest(struct omc_link *link)
{
    link->came = 0;
    link->conn.handling = false;
    omc_inbox_rest(&link->conn.in, 0);
}

#endif
