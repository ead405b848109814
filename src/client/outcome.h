/*
 * The one place where requests get their outcome: an answer, a silence that says
 * enough, or a failure.  It goes to whoever asked, and is counted.
 */
#ifndef OMC_CLIENT_OUTCOME_H
#define OMC_CLIENT_OUTCOME_H

#include <stdbool.h>

#include "client/server.h"
#include "link/queue.h"
#include "link/report.h"
#include "omcache.h"
#include "proto/codec.h"

/* An answer.  If its value was handed out until the application's next call, the depth
 * of the call that it was for, else 0. */
unsigned omc_outcome_answer(omcache_t *mc, struct omc_server *server,
                            const struct omc_report *report);

/* No answer to a quiet request: it succeeded, or found nothing. */
void omc_outcome_silence(omcache_t *mc, const struct omc_report *report);

/* No answer will come. */
void omc_outcome_failure(omcache_t *mc, struct omc_server *server, const struct omc_claim *claim,
                         int status);

#endif
